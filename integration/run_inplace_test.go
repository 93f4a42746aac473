package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// Where a worker has to go before its successor comes, a version that ends in its first second takes one of them and no more,
// although it says nothing of itself.
func TestRunReloadInPlace(t *testing.T) {
	bed.Need(t, "namespace")
	script := filepath.Join(t.TempDir(), "version")
	version := func(text string) {
		t.Helper()
		if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	version("exec sleep 1000\n")
	m := runSpec(t, fill("defaults: {on_failure: ignore}\napps:\n  queue: {command: [sh, SCRIPT], workers: 3}\n", "SCRIPT", script))
	first := pids(m.waitRows(t, "all to run", ready))
	version("echo cannot; exit 3\n")
	r := m.run(t, "reload", "queue")
	want := "goinit ctl: reload of queue stopped at 1 of 3: the new queue/0 exited with status 3; the 2 old workers serve on\n  its last lines: | cannot\n"
	if r.Status != 1 || !strings.Contains(r.Stderr, want) {
		t.Errorf("status %d, %s\nwant %s", r.Status, r.Stderr, want)
	}
	now := pids(m.waitRows(t, "the others", func(row) bool { return true }))
	for _, w := range []string{"queue/1", "queue/2"} {
		if now[w] != first[w] {
			t.Errorf("%s: was %d, is %d", w, first[w], now[w])
		}
	}
	version("exec sleep 2000\n")
	if r := m.run(t, "reload", "queue"); r.Status != 0 || !strings.Contains(r.Stderr, "queue: 3 of 3 replaced\n") {
		t.Errorf("a repaired one: status %d, %s", r.Status, r.Stderr)
	}
}
