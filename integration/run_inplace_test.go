package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"goinit/integration/bed"
)

// Where a worker has to go before its successor comes, a version that is broken takes one of them and no more, although it says
// nothing of itself: one that ends in its first second, and one that does not accept where the other worker does.
func TestRunReloadInPlace(t *testing.T) {
	bed.Need(t, "namespace")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(t.TempDir(), "word")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	host := ownHost(53)
	version := func(queue, broken string) string {
		return fill("defaults: {on_failure: ignore}\napps:\n  queue: {command: [sh, -c, 'QUEUE'], workers: 3}\n"+
			"  accepts: {command: [SELF], workers: 2, listen: ['HOST:8080'], balance: shared, reload: {max_surge: 0, max_unavailable: 1}, environment: {SERVER: yes, BROKEN: \"WORD\"}}\n",
			"QUEUE", queue, "SELF", self, "HOST", host, "SERVER", listenServer, "BROKEN", brokenListenServer, "WORD", broken)
	}
	m := runSpec(t, version("exec sleep 1000", ""))
	first := pids(m.waitRows(t, "all to run", ready))
	serving := func(workers ...string) {
		t.Helper()
		now := pids(m.waitRows(t, "the others", func(r row) bool { return true }))
		for _, w := range workers {
			if now[w] != first[w] {
				t.Errorf("%s: was %d, is %d", w, first[w], now[w])
			}
		}
	}

	m.write(t, version("echo cannot; exit 3", ""))
	r := m.run(t, "apply")
	want := "goinit ctl: reload of queue stopped at 1 of 3: the new queue/0 exited with status 3; the 2 old workers serve on\n  its last lines: | cannot\n"
	if r.Status != 1 || !strings.HasPrefix(r.Stderr, want) {
		t.Errorf("status %d, %s\nwant %s", r.Status, r.Stderr, want)
	}
	serving("queue/1", "queue/2")
	m.write(t, version("exec sleep 2000", ""))
	if r := m.run(t, "apply"); r.Status != 0 || !strings.Contains(r.Stdout, "queue  reload\n") {
		t.Errorf("a repaired one: status %d, %s", r.Status, r.Stdout)
	}

	m.write(t, version("exec sleep 2000", "elsewhere:"+fifo))
	outcome := make(chan bed.Result, 1)
	go func() { outcome <- m.ask(t, "apply") }()
	says := "it does not accept on " + host + ":8080, where accepts/1 does"
	m.Output.Expect(t, "goinit: accepts/0: "+says+": it is not ready before it does\n")
	m.waitRows(t, "ps to say so", func(r row) bool {
		return *r.Worker != "accepts/0" || r.State == "running" && !r.Ready && r.Message == says
	}, "accepts")
	word, err := os.OpenFile(fifo, os.O_WRONLY, 0) // which it waits for, to end with 3
	if err != nil {
		t.Fatal(err)
	}
	word.Close()
	want = "goinit ctl: reload of accepts stopped at 1 of 2: the new accepts/0 exited with status 3; 1 old worker serves on\n"
	if r := <-outcome; r.Status != 1 || !strings.HasPrefix(r.Stderr, want) {
		t.Errorf("status %d, %s\nwant %s", r.Status, r.Stderr, want)
	}
	serving("accepts/1")
}
