package pid1_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// numbers checks lines "WORKER N": each worker's from 1 to n, exactly once and in order. It returns what is wrong.
func numbers(out string, workers []string, n int) string {
	next := map[string]int{}
	for line := range strings.Lines(out) {
		var worker string
		var i int
		if _, err := fmt.Sscan(line, &worker, &i); err != nil {
			return fmt.Sprintf("what is %q?", line)
		}
		if next[worker]++; i != next[worker] {
			return fmt.Sprintf("%s: %d where %d was to come", worker, i, next[worker])
		}
	}
	for _, w := range workers {
		if next[w] != n {
			return fmt.Sprintf("%s: %d lines", w, next[w])
		}
	}
	return ""
}

// Every line of workers that write as fast as they can arrives once and in order, in the files and with who follows, across
// rotations; and it is still there when goinit has been killed.
func TestRunLogs(t *testing.T) {
	const n = 20_000
	workers := []string{"web/0", "web/1", "web/2", "db/0", "db/1"}
	a := prepare(t, fmt.Sprintf(`
defaults: {logs: {max_size: 64KiB, max_files: 1000, console: "off"}, restart: "no", shell: 'exec seq -f "$GOINIT_WORKER %%.0f" 1 %d'}
apps:
  web: {workers: 3, enabled: false}
  db: {workers: 2, enabled: false}
  stays: {command: sleep 1000}
`, n))
	a.start(t)
	a.until(t, "stays/0", running)
	follower := command(goinit, "ctl", "logs", "-f", "-n", "all", "-o", "raw", "web", "db")
	follower.Dir, follower.Env = a.dir, a.env
	said, complained := bed.NewOutput(), bed.NewOutput() // read while it runs
	follower.Stdout, follower.Stderr = said, complained
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { follower.Process.Kill(); follower.Wait() })
	if out, code := a.ctl(t, "start", "web", "db"); code != 0 {
		t.Fatal(out)
	}
	bed.Wait(t, "all lines to be followed", func() (bool, string) {
		out := said.String()
		return strings.Count(out, "\n") == n*len(workers), fmt.Sprint(strings.Count(out, "\n"), " lines; ", complained)
	})
	if wrong := numbers(said.String(), workers, n); wrong != "" {
		t.Error("followed:", wrong)
	}
	out, _ := a.ctl(t, "logs", "-o", "raw", "web", "db")
	if wrong := numbers(out, workers, n); wrong != "" {
		t.Error("asked for:", wrong)
	}
	a.Process.Kill()
	if code := follower.code(t); code != 3 {
		t.Errorf("the follower ended with %d: %s", code, complained)
	}
	out, code := a.ctl(t, "logs", "--directory", filepath.Join(a.dir, "logs"), "-o", "raw", "web", "db")
	if wrong := numbers(out, workers, n); wrong != "" || code != 0 {
		t.Errorf("after its death: status %d, %s", code, wrong)
	}
}
