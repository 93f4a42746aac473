package app

import (
	"syscall"
	"testing"
	"time"
)

// A shutdown may come twice: by an app's own share of the budget, and when the budget is over. Whoever had to be killed
// in between is still told of; who was killed before the first is not.
func TestKilledIsOfThisShutdown(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []Kind
		want   string
	}{
		{"by the shutdown, which then comes again", []Kind{Shutdown, Exited, TreeGone, Shutdown}, "web/0"},
		{"by hand, long before", []Kind{AskKill, Exited, TreeGone, Shutdown}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := New(config("always"), 1, true)
			for _, kind := range append([]Kind{DependenciesMet, Started}, c.events...) {
				a, _ = a.Step(Event{Kind: kind, Generation: 1, PID: 7, Now: time.Second, Exit: Exit{Signal: syscall.SIGKILL}})
			}
			if m := a.Summary(); m.Killed != c.want || !m.Idle {
				t.Errorf("killed %q, idle %v", m.Killed, m.Idle)
			}
		})
	}
}
