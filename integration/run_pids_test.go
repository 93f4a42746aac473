package integration

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"goinit/integration/bed"
)

// A fork bomb fills the container's pid limit, in which the Go runtime's next new thread would be the end of PID 1. ps
// answers, what cannot be started is told and tried again, and when there is room everything runs. No thread was made.
func TestRunPidsFull(t *testing.T) {
	e := docker(t)
	dir, err := os.MkdirTemp("", "run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// docker exec would want a pid of the container's: the client is outside, and the socket in a directory of both.
	c := e.Detach(t, "--pids-limit", "64", "--volume", dir+":/run/goinit", runImage, "run", "-f", "bomb.yaml")
	ctl := client{"--socket", filepath.Join(dir, "app.sock")}
	bed.Wait(t, "the first app to run", func() (bool, string) {
		r := ctl.ask(t, "wait", "stays", "--timeout", "10s")
		return r.Status == 0, r.Stderr
	})
	threads := func() int {
		t.Helper()
		return statusField(t, e.Must(t, "exec", c.ID, "grep", "^Threads:", "/proc/1/status"), "Threads")
	}
	before := threads()
	ctl.must(t, "start", "web")
	const rounds = 3
	for round := 1; round <= rounds; round++ {
		ctl.must(t, "start", "--no-wait", "bomb")
		bed.Wait(t, "the bomb to have filled the container", func() (bool, string) {
			logs := ctl.must(t, "logs", "bomb")
			return strings.Count(logs, "full: EAGAIN") == round, logs
		})
		// The first process of a docker exec is moved into the container's cgroup, which the kernel does not refuse; its fork is.
		if r := e.Run(t, "exec", c.ID, "sh", "-c", "true & wait"); r.Status == 0 {
			t.Error("there is room in the container: this tests nothing")
		}
		ctl.must(t, "start", "--no-wait", "later")
		ctl.waitRows(t, "the start of an app to have failed", func(r row) bool {
			return r.LastExit != nil && r.LastExit.Reason == "start-failed"
		}, "later")
		for range 10 {
			ctl.ask(t, "signal", "KILL", "web") // fails where web is not back: its room may be the bomb's by now
			together(8, func() {
				if r := ctl.ask(t, "ps"); r.Status != 0 {
					t.Errorf("ps: status %d: %s", r.Status, r.Stderr)
				}
				ctl.ask(t, "describe", "web")
				ctl.ask(t, "logs")
			})
		}
		ctl.run(t, "ps")
		ctl.must(t, "stop", "bomb")
		ctl.waitRows(t, "the apps to run when there is room", func(r row) bool { return r.App == "bomb" || running(r) })
		if round < rounds {
			ctl.must(t, "stop", "later")
		}
	}
	ctl.run(t, "ps")
	if after := threads(); after > before+threadGrowth {
		t.Errorf("PID 1 had %d threads and has %d", before, after)
	}
	r, status := c.Stop(t)
	if status != 0 || r.Took > runBudget {
		t.Errorf("status %d after %v", status, r.Took)
	}
	logs := c.Logs(t)
	t.Log("the container wrote:\n" + logs)
	if !strings.Contains(logs, "no process can be made") {
		t.Error("the start that failed was not told")
	}
}

// together does something n times at once.
func together(n int, do func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(do)
	}
	all.Wait()
}
