package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/cluster/nodeipc/nodetest"
	"goinit/integration/bed"
)

// lateServer listens at once, and is well when a file says so.
const lateServer = `
const fs = require('fs'), http = require('http')
http.createServer((q, r) => {
  if (q.url === '/health' && !fs.existsSync('well')) r.statusCode = 503
  r.end()
}).listen(PORT, '127.0.0.1', () => console.log('listens'))
`

// TestRunNodeProbed: a worker of a Node cluster with a readiness of another kind is ready by that alone, not by listening: not
// for ps, and not for those who wait to be replaced after it.
func TestRunNodeProbed(t *testing.T) {
	bed.Need(t, "namespace", "node")
	node, dir, ports := nodetest.One(t), t.TempDir(), freePorts(t, 2)
	touch := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, name := range []string{"asked.js", "looked.js"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(fill(lateServer, "PORT", ports[i])), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	touch("well.1")
	// The probe of the second writes down that it has looked.
	m := bootSpec(t, fill(`
defaults: {node: cluster, working_dir: DIR}
apps:
  asked:
    command: [NODE, asked.js]
    readiness: {http: "http://127.0.0.1:PORT/health", period: 100ms}
  looked:
    command: [NODE, looked.js]
    workers: 2
    readiness:
      exec: [sh, -c, 'echo >> looked.$$GOINIT_SLOT.$$GOINIT_GENERATION; test -e well.$$GOINIT_GENERATION']
      period: 100ms
`, "NODE", node.Path, "DIR", dir, "PORT", ports[0]))

	m.waitWorker(t, "a probe to be answered, by who listens", "asked/0", func(r row) bool { return strings.HasSuffix(r.Message, "status 503") })
	if r := m.ps(t, "asked")[0]; r.State != "starting" || r.Ready {
		t.Errorf("it listens and is not well: %v", r)
	}
	touch("well")
	m.waitWorker(t, "it to be ready", "asked/0", ready)
	events := m.awaitEvent(t, "worker.ready", "asked")
	if strings.Count(events, "worker.ready") != 1 || strings.Contains(events, "worker.unready") {
		t.Errorf("it was not ready once and for good:\n%s", events)
	}

	m.waitRows(t, "all to be ready", ready, "looked")
	m.must(t, "reload", "looked", "--no-wait")
	looks := func() int {
		text, err := os.ReadFile(filepath.Join(dir, "looked.0.2"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return len(text)
	}
	bed.Wait(t, "the first successor to listen", func() (bool, string) {
		all := m.must(t, "logs", "looked/0")
		return strings.Count(all, "listens\n") == 2, all
	})
	const more = 3
	enough := looks() + more
	bed.Wait(t, "it to be probed after that", func() (bool, string) { return looks() >= enough, fmt.Sprint(looks()) })
	if events = m.must(t, "events", "looked"); strings.Contains(events, "reload.progress") || strings.Count(events, "worker.ready") != 2 {
		t.Errorf("the reload goes on:\n%s", events)
	}
	touch("well.2")
	if events := m.awaitEvent(t, "reload.finished", "looked"); strings.Count(events, "worker.ready") != 4 || strings.Contains(events, "worker.unready") {
		t.Errorf("each was to be ready once:\n%s", events)
	}
}

// awaitEvent waits until an app's events have one of the type, and returns them.
func (m *manager) awaitEvent(t *testing.T, kind, app string) (events string) {
	t.Helper()
	bed.Wait(t, kind, func() (bool, string) {
		events = m.must(t, "events", app)
		return strings.Contains(events, kind), events
	})
	return events
}
