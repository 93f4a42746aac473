package app

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func hooked(policy string) App {
	c := config(policy)
	c.BeforeStart, c.AfterExit, c.HookTimeout = true, true, 30*time.Second
	a := New(c, 1, true)
	a, _ = a.Step(Event{Kind: DependenciesMet, Slot: AllSlots})
	return a
}

func ends(code int) Event {
	return Event{Kind: Exited, Generation: 1, Now: time.Second, Exit: Exit{Code: code}}
}

// running is what leads to a worker that runs, its hook behind it.
var running = []scene{
	{is(Started, 0), "hook.started 0, arm 0 30s"},
	{ends(0), "cancel 0, kill 0"}, // what it has left behind
	{is(TreeGone, time.Second), "start 0"},
	{is(Started, time.Second), ""},
}

func TestHooks(t *testing.T) {
	kill := Event{Kind: Exited, Generation: 1, Now: 31 * time.Second, Exit: Exit{Signal: syscall.SIGKILL}}
	for name, c := range map[string]struct {
		policy string
		scenes []scene
		state  State
		err    string
	}{
		"around a life": {"always", append(running[:4:4],
			scene{ends(3), "0 exited, kill 0"}, scene{is(TreeGone, time.Second), "after_exit 0 of 3"},
			scene{is(Started, time.Second), "hook.started 0, arm 0 30s"}, scene{ends(0), "cancel 0, kill 0"},
			scene{is(TreeGone, time.Second), "before_start 0"}), Starting, ""},
		"the first one fails": {"always", []scene{{is(Started, 0), "hook.started 0, arm 0 30s"}, {ends(4), "cancel 0, kill 0"},
			{is(TreeGone, time.Second), "worker.start-failed 0, before_start 0"}}, Starting, "the hook before_start ended with status 4"},
		"the first one fails, once": {"no", []scene{{is(Started, 0), "hook.started 0, arm 0 30s"}, {ends(4), "cancel 0, kill 0"},
			{is(TreeGone, time.Second), "worker.start-failed 0, app.failed 0"}}, Failed, "the hook before_start ended with status 4"},
		"never again": {"always", []scene{{is(Started, 0), "hook.started 0, arm 0 30s"}, {ends(125), "cancel 0, kill 0"},
			{is(TreeGone, time.Second), "worker.start-failed 0, app.failed 0"}}, Failed, "ended with status 125, which says: do not start it again"},
		"never again, says the last one": {"always", append(running[:4:4],
			scene{ends(3), "0 exited, kill 0"}, scene{is(TreeGone, time.Second), "after_exit 0 of 3"},
			scene{is(Started, time.Second), "hook.started 0, arm 0 30s"}, scene{ends(125), "cancel 0, kill 0"},
			scene{is(TreeGone, time.Second), "hook.failed 0 (the hook after_exit ended with status 125, which says: do not start it again), app.failed 0"}), Failed, ""},
		"never again, after a success": {"always", append(running[:4:4],
			scene{ends(0), "0 exited, kill 0"}, scene{is(TreeGone, time.Second), "after_exit 0 of 0"},
			scene{is(Started, time.Second), "hook.started 0, arm 0 30s"}, scene{ends(125), "cancel 0, kill 0"},
			scene{is(TreeGone, time.Second), "hook.failed 0 (the hook after_exit ended with status 125, which says: do not start it again), worker.completed 0"}), Completed, ""},
		"it hangs": {"always", []scene{{is(Started, 0), "hook.started 0, arm 0 30s"}, {timer(1, 30*time.Second), "kill 0"}, {kill, ""},
			{is(TreeGone, 31*time.Second), "worker.start-failed 0, before_start 0"}}, Starting, "the hook before_start did not end within 30s"},
		"there is none": {"no", []scene{{Event{Kind: StartFailed, Generation: 1, Exit: Exit{Code: 127, Error: "no such file"}}, "worker.start-failed 0, app.failed 0"}},
			Failed, "the hook before_start: no such file"},
		"stopped meanwhile": {"always", []scene{{is(Started, 0), "hook.started 0, arm 0 30s"}, {is(AskStop, time.Second), "terminated 0, arm 0 10s"},
			{ends(0), "await 0"}, {is(TreeGone, time.Second), "cancel 0, worker.stopped 0"}}, Stopped, ""},
		"stopped, when only its tree is left": {"always", []scene{{is(Started, 0), "hook.started 0, arm 0 30s"}, {ends(0), "cancel 0, kill 0"},
			{is(AskStop, time.Second), ""}, {is(TreeGone, time.Second), "worker.stopped 0"}}, Stopped, ""},
		"stopped: the last one runs": {"always", append(running[:4:4], scene{is(AskStop, time.Second), "terminated 0, arm 0 10s"},
			scene{ends(0), "0 stopped, await 0"}, scene{is(TreeGone, time.Second), "cancel 0, after_exit 0 of 0"},
			scene{is(Started, time.Second), "hook.started 0, arm 0 30s"},
			scene{Event{Kind: Shutdown, Now: 2 * time.Second, Within: 3 * time.Second}, "arm 0 3s"}, // the budget counts
			scene{is(Hurry, 2*time.Second), "cancel 0, kill 0"}, scene{kill, ""}, scene{is(TreeGone, 3*time.Second), "hook.failed 0 (the hook after_exit ended with status 137), worker.stopped 0"}), Stopped, ""},
		"a shutdown that has no time left": {"always", append(running[:4:4], scene{Event{Kind: Shutdown, Now: time.Second, Within: 0}, "worker.killed 0, kill 0"},
			scene{kill, "0 stopped"}, scene{is(TreeGone, 31*time.Second), "worker.stopped 0"}), Stopped, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := play(t, hooked(c.policy), c.scenes)
			s := &a.Slots[0]
			if s.State != c.state || !strings.Contains(s.LastExit.Error, c.err) || s.PID != 0 {
				t.Errorf("%s, pid %d, %q", s.State, s.PID, s.LastExit.Error)
			}
		})
	}
}
