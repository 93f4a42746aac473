package supervise

import (
	"testing"
	"time"

	"goinit/supervise/app"
)

func TestTally(t *testing.T) {
	var c tally
	now := time.Unix(1e9, 0)
	emit := func(e app.Emit) { c.emitted(&e, now) }
	for range 3 {
		emit(app.Emit{Type: "worker.exited", Exit: &app.Exit{Reason: app.ReasonOOMKilled}})
	}
	emit(app.Emit{Type: "worker.start-failed", Exit: &app.Exit{Reason: app.ReasonStartFailed}})
	emit(app.Emit{Type: "worker.exited", Hook: app.BeforeStart, Exit: &app.Exit{Reason: app.ReasonExited}}) // a hook's end is none
	emit(app.Emit{Type: "worker.crash-loop", Exit: &app.Exit{Reason: app.ReasonExited}})                    // told of an exit that was counted
	emit(app.Emit{Type: "worker.exited", Exit: &app.Exit{Reason: "a reason that there is not"}})            // no new one
	for i, want := range map[app.Reason]uint64{app.ReasonOOMKilled: 3, app.ReasonStartFailed: 1, app.ReasonExited: 0} {
		for n, reason := range exitReasons {
			if got := c.exits[n].Load(); reason == i && got != want {
				t.Errorf("%s: %d", reason, got)
			}
		}
	}
	for _, end := range []string{"reload.finished", "reload.failed", "reload.finished"} {
		emit(app.Emit{Type: "reload.started"})
		now = now.Add(2 * time.Second)
		emit(app.Emit{Type: "reload.progress"})
		now = now.Add(time.Second)
		emit(app.Emit{Type: end})
	}
	if c.finished.Load() != 2 || c.failed.Load() != 1 || c.reloading.Load() != int64(9*time.Second) || c.lastTaken.Load() != int64(3*time.Second) {
		t.Errorf("%d finished, %d failed, %v together, %v the last", c.finished.Load(), c.failed.Load(), time.Duration(c.reloading.Load()), time.Duration(c.lastTaken.Load()))
	}
	c.probed(false, true, time.Second)
	c.probed(false, false, time.Second)
	c.probed(true, false, time.Minute)
	if r := c.readiness.count(true); r != (ProbeCount{Asked: true, Successes: 1, Failures: 1, Time: 2 * time.Second}) {
		t.Errorf("readiness: %+v", r)
	}
	if l := c.liveness.count(true); l != (ProbeCount{Asked: true, Successes: 1, Time: time.Minute}) {
		t.Errorf("liveness: %+v", l)
	}
	if n := testing.AllocsPerRun(100, func() {
		c.probed(true, true, 1)
		emit(app.Emit{Type: "worker.ready"})
	}); n > 1 { // the Emit of this test
		t.Errorf("%v allocations", n)
	}
}
