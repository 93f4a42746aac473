package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"goinit/cluster/nodeipc/nodetest"
	"goinit/integration/bed"
	"goinit/integration/load"
)

// plainServer is what everybody writes first: nothing in it knows of goinit, nor of a cluster.
const plainServer = `
const http = require('http')
http.createServer((q, r) => {
  setTimeout(() => r.end(String(process.pid)), q.url === '/slow' ? 200 : 0)
}).listen(PORT, '127.0.0.1')
`

// TestRunNode: an unmodified server is served from four processes, on each version of Node and in each balance; its workers
// are replaced, made fewer and more under load without a failed request; and when one is killed, no more is lost than what
// was in its hands.
func TestRunNode(t *testing.T) {
	bed.Need(t, "namespace", "node")
	for i, node := range nodetest.All(t) {
		for j, balance := range []string{"reuseport", "round-robin", "shared"} {
			if node != nodetest.One(t) && i%3 != j { // of the others, one balance each
				continue
			}
			// One after another: goinits in one cgroup, with apps of one name, have each other's groups.
			t.Run(node.Name+"/"+balance, func(t *testing.T) { runNode(t, node, balance) })
		}
	}
}

func runNode(t *testing.T, node nodetest.Node, balance string) {
	port := freePorts(t, 1)[0]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "server.js"), []byte(fill(plainServer, "PORT", port)), 0o644); err != nil {
		t.Fatal(err)
	}
	m := runSpec(t, fill(`
apps:
  web:
    command: [NODE, server.js]
    working_dir: DIR
    workers: 4
    balance: BALANCE
`, "NODE", node.Path, "DIR", dir, "BALANCE", balance))
	first := m.waitRows(t, "all to be ready", ready, "web")
	if len(first) != 4 {
		t.Fatalf("%v", first)
	}

	address := fmt.Sprintf("127.0.0.1:%d", port)
	const clients = 4
	loads := map[string]*load.Load{
		"keep-alive":        load.Start(load.Options{Address: address, Clients: clients, KeepAlive: true}),
		"keep-alive, slow":  load.Start(load.Options{Address: address, Clients: clients, KeepAlive: true, Path: "/slow"}),
		"a connection each": load.Start(load.Options{Address: address, Clients: clients}),
	}
	await := func(more int) {
		for _, l := range loads {
			l.Await(more)
		}
	}
	await(20)
	bed.Wait(t, "answers of four", func() (bool, string) {
		bodies := loads["a connection each"].Result().Bodies
		return len(bodies) >= 4, fmt.Sprint(bodies)
	})

	if r := m.run(t, "reload", "web"); r.Status != 0 {
		t.Errorf("reload: status %d", r.Status)
	}
	second := m.waitRows(t, "all to be ready", ready, "web")
	for worker, pid := range pids(first) {
		if pids(second)[worker] == pid {
			t.Errorf("%s is still %d", worker, pid)
		}
	}
	await(20)
	m.must(t, "scale", "web", "2")
	bed.Wait(t, "two to be left", func() (bool, string) {
		rows := m.ps(t, "web")
		return len(rows) == 2, fmt.Sprint(rows)
	})
	await(20)
	m.must(t, "scale", "web", "4")
	bed.Wait(t, "four to be ready", func() (bool, string) {
		rows := m.ps(t, "web")
		return len(rows) == 4 && !slices.ContainsFunc(rows, func(r row) bool { return !r.Ready }), fmt.Sprint(rows)
	})
	await(20)
	for name, l := range loads {
		if r := l.Result(); r.Failed > 0 {
			t.Errorf("%s: %d of %d requests failed: %v\n%s\n%s", name, r.Failed, r.Failed+r.Answered, r.Reasons, m.must(t, "events"), m.Output.String())
		}
	}

	before := map[string]int{}
	for name, l := range loads {
		before[name] = l.Result().Failed
	}
	victim := pids(m.ps(t, "web"))["web/1"]
	m.must(t, "signal", "KILL", "web/1")
	m.waitWorker(t, "its successor to be ready", "web/1", func(r row) bool { return r.Ready && r.PID != nil && *r.PID != victim })
	for _, name := range slices.Sorted(maps.Keys(loads)) {
		r := loads[name].Stop()
		t.Logf("%s: %d answered, %d failed %v", name, r.Answered, r.Failed, r.Reasons)
		if failed := r.Failed - before[name]; failed > clients { // one in the hands of each
			t.Errorf("%s: when a worker was killed, %d requests of %d clients failed: %v", name, failed, clients, r.Reasons)
		}
	}
}
