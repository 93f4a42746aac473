package integration

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// A changed spec, a hundred times, by apply and by SIGHUP in turn: what is unchanged keeps its processes, what is changed
// is another process with the new settings, what is removed is gone, and a broken spec changes nothing.
func TestRunApply(t *testing.T) {
	const rounds = 100
	m := runSpec(t, applied(0))
	before := pids(m.waitRows(t, "the first workers to run", running))
	for n := 1; n <= rounds; n++ {
		m.write(t, applied(n)+"    wrokers: 2\n")
		broken(t, m, n, before)
		m.write(t, applied(n))
		if n == 1 {
			r := m.run(t, "apply", "--dry-run")
			if now := pids(m.ps(t)); r.Status != 0 || !maps.Equal(now, before) {
				t.Fatalf("--dry-run: status %d, before %v, now %v", r.Status, before, now)
			}
		}
		reapply(t, m, n)
		now := pids(m.waitRows(t, "the workers to run", running))
		wanted := map[string]bool{"keep/0": true, "keep/1": true, "other/0": true, "changes/0": true}
		if n%2 == 1 {
			wanted["comes/0"] = true
		}
		for worker, pid := range now {
			old, was := before[worker]
			switch unchanged := strings.HasPrefix(worker, "keep") || worker == "other/0"; {
			case !wanted[worker]:
				t.Errorf("round %d: there is %s", n, worker)
			case unchanged && pid != old:
				t.Errorf("round %d: %s had pid %d and has %d", n, worker, old, pid)
			case worker == "changes/0" && was && pid == old:
				t.Errorf("round %d: %s was not restarted", n, worker)
			}
		}
		if len(now) != len(wanted) {
			t.Errorf("round %d: workers %v, wanted %v", n, now, wanted)
		}
		// No process is left of what was removed or restarted, and none is there twice.
		if got := children(t, m.PID()); len(got) != len(wanted) {
			t.Errorf("round %d: PID 1 has the children %v, wanted %d", n, got, len(wanted))
		}
		said := fmt.Sprintf("round %d\n", n)
		bed.Wait(t, "the changed app to say "+said, func() (bool, string) {
			got := m.must(t, "logs", "changes/0", "-n", "1")
			return got == said, got
		})
		if before = now; t.Failed() {
			t.Fatalf("PID 1 said:\n%s", m.Output)
		}
	}
	m.run(t, "ps")
	m.Signal(t, syscall.SIGTERM)
	if status := m.Wait(); status != 0 {
		t.Errorf("status %d\n%s", status, m.Output)
	}
}

// applied is the spec of round n. The last app is open for another line.
func applied(n int) string {
	comes := ""
	if n%2 == 1 {
		comes = "  comes: {command: sleep 1000}\n"
	}
	return `apps:
  keep: {command: sleep 1000, workers: 2}
  other: {command: sleep 1000, environment: {A: b}}
` + comes + `  changes:
    shell: echo round $ROUND; exec sleep 1000
    environment: {ROUND: ` + strconv.Itoa(n) + "}\n"
}

func running(r row) bool { return r.State == "running" }

// reapply has the spec read again, by either way in turn.
func reapply(t *testing.T, m *manager, n int) {
	t.Helper()
	if n%2 == 0 {
		m.must(t, "apply")
		return
	}
	hangUp(t, m, " applied: ")
}

// hangUp sends SIGHUP and waits until PID 1 has said once more what comes of it.
func hangUp(t *testing.T, m *manager, says string) {
	t.Helper()
	before := strings.Count(m.Output.String(), says)
	m.Signal(t, syscall.SIGHUP)
	bed.Wait(t, strconv.Quote(says), func() (bool, string) {
		said := m.Output.String()
		return strings.Count(said, says) > before, said
	})
}

// broken applies a spec with a mistake, by the other way than this round's.
func broken(t *testing.T, m *manager, n int, before map[string]int) {
	t.Helper()
	const mistake = `unknown key "wrokers"`
	if n%2 == 0 {
		hangUp(t, m, mistake)
	} else if r := m.ask(t, "apply"); r.Status != 1 || !strings.Contains(r.Stderr, mistake) || !strings.Contains(r.Stderr, "goinit.yaml:") {
		t.Fatalf("apply of a broken spec: status %d\n%s", r.Status, r.Stderr)
	}
	if now := pids(m.ps(t)); !maps.Equal(now, before) {
		t.Fatalf("round %d: a broken spec changed %v to %v", n, before, now)
	}
}

// children are the pids of a process's children, outside of its namespace.
func children(t *testing.T, pid int) []string {
	t.Helper()
	// A child belongs to the thread that made it.
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(text))...)
	}
	return all
}

// --no-wait answers when the order is accepted: what it stops takes its time, which here is for ever.
func TestRunNoWait(t *testing.T) {
	const deaf = "{shell: \"trap '' TERM; echo deaf; while :; do sleep 1000; done\", stop: {timeout: 10m}}\n"
	m := runSpec(t, "apps:\n  keep: {command: sleep 1000}\n  gone: "+deaf+"  removed: "+deaf)
	for _, app := range []string{"gone", "removed"} {
		bed.Wait(t, app+" to ignore SIGTERM", func() (bool, string) {
			said := m.must(t, "logs", app)
			return strings.Contains(said, "deaf"), said
		})
	}
	m.write(t, "apps:\n  keep: {command: sleep 1000}\n  removed: "+deaf)
	m.must(t, "apply", "--no-wait")
	if out := m.must(t, "rm", "--no-wait", "removed"); !strings.Contains(out, "accepted") {
		t.Errorf("rm --no-wait said %q", out)
	}
	rows := m.waitRows(t, "both to be stopping", func(r row) bool { return r.App == "keep" || r.State == "stopping" })
	if len(rows) != 3 {
		t.Errorf("%v", rows)
	}
}
