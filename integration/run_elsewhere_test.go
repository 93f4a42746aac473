package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
	"goinit/integration/load"
)

// A new version that comes up, and listens on another port, does not replace anybody: the reload says why, and fails; who is
// asked all the time answers on. Where it is meant, a restart brings it.
func TestRunReloadElsewhere(t *testing.T) {
	bed.Need(t, "namespace", "node")
	t.Parallel() // it only waits for the end of start_timeout
	ports := freePorts(t, 2)
	dir := t.TempDir()
	program := `
const http = require('http')
http.createServer((q, r) => r.end(String(process.pid))).listen(+process.env.PORT, '127.0.0.1', () => process.send('ready'))
`
	if err := os.WriteFile(filepath.Join(dir, "server.js"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	version := func(port int, limit string) string {
		return fill("apps: {elsewhere: {command: [node, server.js], working_dir: DIR, workers: 2, environment: {PORT: NUMBER}, readiness: {node: true, start_timeout: LIMIT}}}\n",
			"DIR", dir, "NUMBER", port, "LIMIT", limit)
	}
	m := runSpec(t, version(ports[0], "60s"))
	before := pids(m.waitRows(t, "both to be ready", ready, "elsewhere"))
	old, meant := fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	requests := load.Start(load.Options{Address: old, KeepAlive: true})
	requests.Await(20)

	m.write(t, version(ports[1], "5s"))
	command := []string{"apply"}
	bed.Wait(t, "the reason", func() (bool, string) { // where Node takes longer to come up than it has, another is given
		r := m.run(t, command...)
		command = []string{"reload", "elsewhere"}
		why := "the new elsewhere/0 was not ready within 5s"
		if r.Status != 1 || !strings.HasPrefix(r.Stderr, "goinit ctl: reload of elsewhere stopped at 1 of 2: "+why) {
			t.Fatalf("status %d", r.Status)
		}
		return strings.HasPrefix(r.Stderr, "goinit ctl: reload of elsewhere stopped at 1 of 2: "+why+": it listens on "+meant+" and not on "+old+
			", where the worker that it is to replace does; the 2 old workers serve on\n"), r.Stderr
	})
	m.Output.Expect(t, "elsewhere/0: it listens on "+meant+" and not on "+old+", where the worker that it is to replace does: it is not ready before it does\n"+
		"  let it listen there too; or, if it is meant to listen elsewhere, have all end before the new ones start: goinit ctl restart")
	requests.Await(20)
	if r := requests.Stop(); r.Failed > 0 || len(r.Bodies) == 0 {
		t.Errorf("%d of %d failed: %v", r.Failed, r.Failed+r.Answered, r.Reasons)
	} else {
		for pid := range r.Bodies {
			if pid != fmt.Sprint(before["elsewhere/0"]) && pid != fmt.Sprint(before["elsewhere/1"]) {
				t.Errorf("%s has answered, and is not of %v", pid, before)
			}
		}
	}

	m.write(t, version(ports[1], "60s"))
	m.must(t, "restart", "elsewhere")
	m.waitRows(t, "both to be ready", func(r row) bool { return ready(r) && *r.PID != before[*r.Worker] }, "elsewhere")
	requests = load.Start(load.Options{Address: meant, Clients: 1})
	requests.Await(5)
	if r := requests.Stop(); r.Failed > 0 {
		t.Errorf("%v", r.Reasons)
	}
}
