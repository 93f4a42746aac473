package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// A fork bomb has its own limit: the others restart, goinit answers, and nothing of it is left by a stop.
func forkBomb(t *testing.T, w *world) {
	if !w.grouped() {
		t.Skip("without groups an app's processes have no limit")
	}
	before := w.serves(t, "plain", 0)
	w.must(t, "start", "--no-wait", "bomb")
	bed.Wait(t, "the bomb to be refused a process", func() (bool, string) {
		u := w.stat(t, "bomb/0")
		return number(u.PidsRefused) > 0, fmt.Sprintf("%+v", u)
	})
	w.must(t, "restart", "plain")
	if after := w.serves(t, "plain", 0); after == before {
		t.Error("plain was not restarted")
	}
	if n := number(w.stat(t, "bomb/0").Pids); n > 50 {
		t.Errorf("the bomb has %d tasks", n)
	}
	w.run(t, "ps", "bomb")
	w.must(t, "stop", "bomb")
	if left := w.groups.Processes("pids", "apps/bomb"); len(left) > 0 {
		t.Errorf("left of the bomb: %v", left)
	}
}

// A mark in the arguments of a process tells it from all others on the machine.
func (w *world) mark(which string) string { return filepath.Base(w.dir) + "-" + which }

// escapees are two daemons that have left their worker in every way there is: another session, another parent, and one of
// them another environment.
func (w *world) escapees() string {
	daemon := `sh -c 'while :; do sleep 1000; done' `
	return "(setsid " + daemon + w.mark("kept") + " &) ; (env -i PATH=$PATH setsid " + daemon + w.mark("cleared") + " &) ; " +
		"while :; do sleep 1000; done"
}

// marked are the pids of the processes with a mark.
func marked(t *testing.T, mark string) (all []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		text, _ := os.ReadFile(path)
		words := strings.Split(string(text), "\x00")
		if len(words) > 2 && words[0] == "sh" && words[len(words)-2] == mark {
			all = append(all, filepath.Base(filepath.Dir(path)))
		}
	}
	return all
}

// What has daemonised is gone when its worker is stopped. Without groups, only what has kept its environment.
func escape(t *testing.T, w *world) {
	w.must(t, "start", "escape")
	for _, which := range []string{"kept", "cleared"} {
		bed.Wait(t, "the daemon "+which, func() (bool, string) { return len(marked(t, w.mark(which))) == 1, "none" })
	}
	w.must(t, "stop", "escape")
	if left := marked(t, w.mark("kept")); len(left) > 0 {
		t.Errorf("left of it: %v", left)
	}
	left := marked(t, w.mark("cleared"))
	if w.grouped() && len(left) > 0 {
		t.Errorf("left of what has cleared its environment: %v", left)
	}
	if !w.grouped() && len(left) == 0 {
		t.Error("what has cleared its environment is gone without groups: the documentation says that it is not")
	}
}

// schedulerState is the third field of proc_pid_stat(5) of an app's only process, which is found by what goinit gave it.
func (w *world) schedulerState(t *testing.T, app string) string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		environ, _ := os.ReadFile(path)
		words, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if strings.Contains("\x00"+string(environ), "\x00GOINIT_APP="+app+"\x00") && strings.Contains(string(words), w.dir) {
			_, rest, _ := strings.Cut(file(t, filepath.Join(filepath.Dir(path), "stat")), ") ")
			return rest[:1]
		}
	}
	t.Fatalf("there is no process of %s", app)
	return ""
}

// A paused worker does nothing until it is resumed, with everything it has started.
func pause(t *testing.T, w *world) {
	pid := w.serves(t, "other", 0)
	var frozen func() (bool, string)
	switch {
	case !w.grouped():
		frozen = func() (bool, string) { got := w.schedulerState(t, "other"); return got == "T", got }
	case w.groups.Mode != bed.Legacy: // the core files are v2's in the hybrid, too
		path := filepath.Join(w.group(t, "other", 0, ""), "cgroup.events")
		frozen = func() (bool, string) { got := file(t, path); return strings.Contains(got, "frozen 1"), got }
	default:
		path := filepath.Join(w.group(t, "other", 0, "freezer"), "freezer.state")
		frozen = func() (bool, string) { got := file(t, path); return got == "FROZEN", got }
	}
	w.must(t, "pause", "other")
	if is, seen := frozen(); !is {
		t.Errorf("it is not frozen: %s", seen)
	}
	rows := w.ps(t, "other")
	if rows[0].State != "paused" || *rows[0].PID != pid {
		t.Errorf("paused: %v", rows[0])
	}
	w.run(t, "ps", "other")
	w.must(t, "resume", "other")
	if is, seen := frozen(); is {
		t.Errorf("it is still frozen: %s", seen)
	}
	if got := w.serves(t, "other", 0); got != pid {
		t.Errorf("the worker was %d and is %d", pid, got)
	}
	if state := w.ps(t, "other")[0].State; state != "running" {
		t.Errorf("resumed, it is %s", state)
	}
	w.must(t, "pause", "other") // what is paused can be stopped
	w.must(t, "stop", "other")
}

// An app that is removed takes its group along.
func removed(t *testing.T, w *world) {
	w.serves(t, "birth", 0)
	w.must(t, "rm", "birth")
	if !w.grouped() {
		return
	}
	bed.Wait(t, "the group of an app to go with it", func() (bool, string) {
		for _, dir := range w.groups.Left() {
			if strings.Contains(dir, "/apps/birth") {
				return false, dir
			}
		}
		return true, ""
	})
}

// At the end nothing is left, neither a process nor a group.
func ended(t *testing.T, w *world) {
	w.must(t, "shutdown", "--no-wait")
	if status := w.Wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	if left := w.groups.Left(); len(left) > 0 {
		t.Errorf("groups that are left: %v", left)
	}
}
