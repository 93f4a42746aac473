package nodeipc

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"
)

// answers is a server that keeps its requests, each for a way to give an answer's headers, until it is being drained.
const answers = `
const kinds = {
  object: r => r.writeHead(200, Object.freeze({Connection: 'keep-alive', 'X-Own': 'yes'})),
  reason: r => r.writeHead(200, 'Fine', Object.freeze({CONNECTION: 'keep-alive', 'X-Own': 'yes'})),
  list: r => r.writeHead(200, Object.freeze(['X-Own', 'yes', 'Connection', 'keep-alive'])),
  pairs: r => r.writeHead(200, Object.freeze([['connection', 'keep-alive'], ['X-Own', 'yes']])),
  plain: r => r.writeHead(200, {'X-Own': 'yes'}),
  both: r => { r.setHeader('connection', 'keep-alive'); r.writeHead(200, {'X-Own': 'yes', Connection: 'keep-alive'}) },
  implicit: r => { r.setHeader('X-Own', 'yes'); r.setHeader('Connection', 'keep-alive') },
  removed: r => { r.setHeader('X-Own', 'yes'); r.removeHeader('Connection') },
  upgrade: r => r.writeHead('101', {'X-Own': 'yes', Connection: 'Upgrade', Upgrade: 'other'}),
}
const kept = []
const server = require('http').createServer((q, r) => {
  kept.push(() => { kinds[q.url.slice(1)](r); r.end() })
  console.log('has ' + kept.length)
}).listen(0, '127.0.0.1', () => console.log('at ' + server.address().port))
const answer = () => server.listening ? setImmediate(answer) : kept.forEach(f => f())
process.on('message', m => { if (m === 'shutdown') answer() })
`

// Whatever a program says of its connections, an answer of a worker that is drained says that this one ends.
func TestDrainAnswers(t *testing.T) {
	for _, v := range nodetest.All(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, v.Path, cluster.Shared).withPreload()
			p := a.serve(0, answers)
			var port int
			fmt.Sscanf(p.line("at "), "at %d", &port)
			kinds := []string{"object", "reason", "list", "pairs", "plain", "both", "implicit", "removed", "upgrade"}
			connections := map[string]net.Conn{}
			for _, kind := range kinds {
				c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				connections[kind] = c
				fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", kind)
			}
			p.line(fmt.Sprintf("has %d", len(kinds)))
			if !p.Drain() {
				t.Fatal("it could not be told")
			}
			for _, kind := range kinds {
				r, err := http.ReadResponse(bufio.NewReader(connections[kind]), nil)
				if err != nil {
					t.Errorf("%s: %v", kind, err)
					continue
				}
				ends, rest := true, "" // ReadResponse takes a close away
				if kind == "upgrade" {
					ends, rest = false, "Upgrade"
				}
				if r.Close != ends || r.Header.Get("Connection") != rest || r.Header.Get("X-Own") != "yes" {
					t.Errorf("%s: close %v, %q", kind, r.Close, r.Header)
				}
				connections[kind].Close()
			}
			p.wait()
			if s := p.cmd.ProcessState; !s.Success() {
				t.Errorf("it ended with %v", s)
			}
		})
	}
}
