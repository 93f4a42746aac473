package nodeipc

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"

	"goinit/cluster"
)

const httpServer = `
require('http').createServer((q, r) => r.end(String(process.pid))).listen(PORT, HOST, function () { console.log('at ' + this.address().port) })
`

func TestHTTP(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip(err)
	}
	for mode, name := range []string{cluster.ReusePort: "reuseport", cluster.Shared: "shared", cluster.RoundRobin: "round-robin"} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, node, cluster.Mode(mode))
			program := "const PORT = 0, HOST = '127.0.0.1'" + httpServer
			var workers []*process
			for slot := range 4 {
				workers = append(workers, a.serve(slot, program))
			}
			var port int
			for _, p := range workers {
				var q int
				fmt.Sscanf(p.line("at "), "at %d", &q)
				if port != 0 && q != port {
					t.Fatalf("two ports: %d and %d", port, q)
				}
				port = q
			}
			seen := map[string]int{}
			for i := 0; len(seen) < 4; i++ {
				if i == 2000 {
					t.Fatalf("only %v", seen)
				}
				seen[get(t, port)]++
			}
			t.Log(seen)
		})
	}
}

func get(t *testing.T, port int) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var _ = net.Dial
