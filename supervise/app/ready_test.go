package app

import (
	"testing"
	"time"
)

// begun is an app of one slot that awaits readiness, its process asked for at one second.
func begun(c Config) App {
	c.AwaitReady, c.StartTimeout = true, time.Minute
	a := New(c, 1, true)
	a, _ = a.Step(Event{Kind: DependenciesMet, Slot: AllSlots, Now: time.Second})
	return a
}

func is(k Kind, now time.Duration) Event { return Event{Kind: k, Generation: 1, PID: 7, Now: now} }

// what is an event that carries a line.
func what(k Kind, now time.Duration, detail string) Event {
	e := is(k, now)
	e.Detail = detail
	return e
}

func timer(epoch int, now time.Duration) Event {
	return Event{Kind: Timer, Generation: 1, Epoch: epoch, Now: now}
}

func TestReadinessThatNeverComesIsAFailedStart(t *testing.T) {
	for policy, end := range map[string]string{"always": "cancel 0, start 0", "on-failure": "cancel 0, start 0", "no": "cancel 0, app.failed 0"} {
		a := play(t, begun(config(policy)), []scene{
			{is(Started, time.Second), "arm 0 1m0s"},
			{timer(1, 61*time.Second), "worker.start-timeout 0, terminated 0, arm 0 10s"},
			{is(Ready, 61*time.Second), ""},                          // too late
			{is(Exited, 62*time.Second), "0 start-timeout, await 0"}, // with status 0
			{is(TreeGone, 62*time.Second), end},
		})
		if a.Summary().Completed || a.Slots[0].LastExit.Reason != ReasonStartTimeout {
			t.Errorf("%s: taken for success: %+v", policy, a.Slots[0])
		}
		if m := a.Summary(); m.Failed && m.Status != 1 {
			t.Errorf("%s: goinit would end with %d because of it, want 1", policy, m.Status)
		}
	}
}

func TestReadyComesAndGoes(t *testing.T) {
	a := play(t, begun(config("always")), []scene{
		{is(Started, time.Second), "arm 0 1m0s"},
		{what(Unready, time.Second, "refused"), ""}, // it never was
		{is(Ready, 2*time.Second), "cancel 0"},
		{is(Ready, 2*time.Second), ""},
		{what(Unready, 3*time.Second, "503"), "worker.unready 0 (503)"},
		{what(Unready, 3*time.Second, "503"), ""},
	})
	if s := &a.Slots[0]; s.State != Running || s.IsReady() || a.Summary().Ready {
		t.Errorf("not ready any more: %+v", s)
	}
	a = play(t, a, []scene{{is(Ready, 4*time.Second), ""}})
	if !a.Summary().Ready {
		t.Error("ready again, and not shown")
	}
	a = play(t, a, []scene{{is(SaysStopping, 5*time.Second), "worker.unready 0"}, {is(Ready, 6*time.Second), ""}})
	if a.Summary().Ready {
		t.Error("who says that it stops is ready again")
	}
}

func TestTimeIsExtended(t *testing.T) {
	by := func(d, now time.Duration) Event { e := is(Extended, now); e.Within = d; return e }
	play(t, begun(config("always")), []scene{
		{by(time.Minute, 0), ""}, // of nothing
		{is(Started, time.Second), "arm 0 1m0s"},
		{by(10*time.Second, 2*time.Second), ""}, // it has more
		{by(10*time.Second, 55*time.Second), "arm 0 10s"},
		{by(1000*time.Hour, 56*time.Second), "arm 0 1h0m0s"},
		{is(AskStop, 60*time.Second), "terminated 0, arm 0 10s"},
		{by(20*time.Second, 61*time.Second), "arm 0 20s"},
		{Event{Kind: Shutdown, Now: 62 * time.Second, Within: 5 * time.Second}, "cancel 0, arm 0 5s"},
		{by(20*time.Second, 63*time.Second), ""}, // never beyond the budget
	})
}

func TestUnhealthy(t *testing.T) {
	for action, want := range map[string]string{
		"restart":  "worker.unhealthy 0 (timeout), terminated 0, arm 0 10s",
		"reload":   "worker.unhealthy 0 (timeout), worker.recycled 0 (timeout), terminated 0, arm 0 10s",
		"shutdown": "worker.unhealthy 0 (timeout), end all (timeout)",
		"none":     "worker.unhealthy 0 (timeout)",
	} {
		c := config("on-failure")
		c.Unhealthy = action
		a := play(t, up(c, 1), []scene{{what(Unhealthy, time.Minute, "timeout"), want}})
		if action == "restart" {
			play(t, a, []scene{
				{is(Exited, time.Minute), "0 unhealthy, await 0"}, // with status 0, which is no success
				{is(TreeGone, time.Minute), "cancel 0, start 0"},
			})
		}
	}
}

func TestCrashLoopIsToldOnce(t *testing.T) {
	a := New(config("always"), 1, true)
	a, _ = a.Step(Event{Kind: DependenciesMet, Slot: AllSlots})
	told, last := 0, time.Duration(0)
	life := func(generation int, d time.Duration) {
		for _, e := range []Event{{Kind: Started, Generation: generation, PID: 7}, {Kind: Exited, Generation: generation, Exit: Exit{Code: 1}},
			{Kind: TreeGone, Generation: generation}} {
			e.Now = last
			if e.Kind != Started {
				e.Now += d
			}
			var effects []Effect
			a, effects = a.Step(e)
			for _, effect := range effects {
				if e, ok := effect.(Emit); ok && e.Type == "worker.crash-loop" {
					told++
					if e.Failures != LoopAt || e.Exit.Code != 1 || e.Delay == 0 {
						t.Errorf("told %+v", e)
					}
				}
			}
		}
		last += d + time.Minute
		a, _ = a.Step(Event{Kind: Timer, Generation: a.Slots[0].Generation, Epoch: a.Slots[0].Epoch, Now: last})
	}
	for g := range 8 {
		life(g+1, time.Millisecond)
	}
	if told != 1 {
		t.Errorf("eight failures were told %d times", told)
	}
	life(9, time.Minute) // it was well for a while
	for g := range 4 {
		life(10+g, time.Millisecond)
	}
	if told != 2 {
		t.Errorf("another loop was told %d times in all", told)
	}
}

// Who is to replace another and says nothing of itself is confirmed after a second, and has the rest of its time for that.
func TestReplacementIsConfirmed(t *testing.T) {
	c := config("always")
	c.MaxSurge, c.Confirm, c.StartTimeout = 1, true, time.Minute
	next := func(k Kind, now time.Duration) Event {
		return Event{Kind: k, Generation: 2, PID: 8, Epoch: 1, Now: now, Detail: "it does not accept"}
	}
	late := next(Timer, 121*time.Second)
	late.Epoch = 2
	begun := []scene{
		{Event{Kind: AskReload, Slot: AllSlots, Now: time.Minute}, "start 0"},
		{next(Started, 61*time.Second), "arm 0 1s"},
		{next(Timer, 62*time.Second), "arm 0 59s, confirm 0"},
		{next(Unready, 63*time.Second), ""},
	}
	a := play(t, play(t, up(c, 1), begun), []scene{{next(Ready, 64*time.Second), "cancel 0, terminated 0, arm 0 10s"}})
	if s := a.Slots[0]; s.Generation != 2 || !s.IsReady() || a.Reload.Done != 1 {
		t.Errorf("confirmed: %+v, %+v", s, a.Reload)
	}
	a = play(t, play(t, up(c, 1), begun), []scene{{late, "worker.start-timeout 0 (it does not accept), terminated 0, arm 0 10s, reload.failed 0"}})
	if f := a.Reload.Failed; a.Slots[0].Generation != 1 || !a.Slots[0].IsReady() || f == nil || f.Limit != time.Minute || f.NotReady != "it does not accept" {
		t.Errorf("in doubt: %+v, %+v", a.Slots[0], f)
	}
}

// replacedInPlace is an app of three whose first worker has been replaced at one minute by a process that says nothing.
func replacedInPlace(t *testing.T, c Config) App {
	at := func(k Kind, generation int) Event {
		return Event{Kind: k, Generation: generation, PID: 8, Now: time.Minute}
	}
	return play(t, up(c, 3), []scene{
		{Event{Kind: AskReload, Slot: AllSlots, Now: time.Minute}, "terminated 0, arm 0 10s"},
		{at(Exited, 1), "0 replaced, await 0"},
		{at(TreeGone, 1), "cancel 0, start 0"},
		{at(Started, 2), "arm 0 1s"}, // it serves, but nobody else goes yet
	})
}

// Where no other process is beside it, a replacement that says nothing is ready at once, and has to live for a second before
// another one goes.
func TestReplacedInPlaceProves(t *testing.T) {
	next := func(k Kind, now time.Duration) Event {
		return Event{Kind: k, Generation: 2, Epoch: 2, Now: time.Minute + now, Exit: Exit{Code: 1}}
	}
	a := replacedInPlace(t, config("always"))
	if s := a.Slots[0]; !s.IsReady() || a.Reload.Done != 0 {
		t.Errorf("at once: %+v, %+v", s, a.Reload)
	}
	a = play(t, a, []scene{{next(Exited, 100*time.Millisecond), "cancel 0, 0 exited, kill 0, reload.failed 0"}})
	if f := a.Reload.Failed; f == nil || f.Old != 2 || f.Exit.Code != 1 || f.Of != 3 {
		t.Errorf("one that is broken: %+v", f)
	}
	a = play(t, replacedInPlace(t, config("always")), []scene{{next(Timer, time.Second), "terminated 1, arm 1 10s"}})
	if a.Reload.Done != 1 {
		t.Errorf("one that lives: %+v", a.Reload)
	}
	done := next(Exited, 100*time.Millisecond)
	done.Exit.Code = 0
	a = play(t, replacedInPlace(t, config("on-failure")), []scene{
		{done, "cancel 0, 0 exited, kill 0"},
		{next(TreeGone, 100*time.Millisecond), "worker.completed 0, terminated 1, arm 1 10s"},
	})
	if a.Reload.Done != 1 {
		t.Errorf("one that has done its work: %+v", a.Reload)
	}
	a = play(t, replacedInPlace(t, config("always")), []scene{
		{Event{Kind: AskPause, Slot: 0, Now: time.Minute}, "freeze 0"},
		{next(Timer, time.Second), ""},
		{Event{Kind: AskResume, Slot: 0, Now: 2 * time.Minute}, "thaw 0, worker.resumed 0, terminated 1, arm 1 10s"},
	})
	if s := a.Slots[0]; !s.IsReady() {
		t.Errorf("one that was paused: %+v", s)
	}
}

// One that is to be confirmed is asked for then, and loses its readiness while it is in doubt.
func TestReplacedInPlaceIsConfirmed(t *testing.T) {
	c := config("always")
	c.Confirm, c.StartTimeout = true, time.Minute
	next := func(k Kind, epoch int, now time.Duration) Event {
		return Event{Kind: k, Generation: 2, Epoch: epoch, Now: time.Minute + now, Detail: "it does not accept"}
	}
	begun := []scene{
		{next(Timer, 2, time.Second), "arm 0 59s, confirm 0"},
		{next(Unready, 0, 2*time.Second), "worker.unready 0 (it does not accept)"},
	}
	a := play(t, play(t, replacedInPlace(t, c), begun), []scene{{next(Ready, 0, 3*time.Second), "cancel 0, terminated 1, arm 1 10s"}})
	if s := a.Slots[0]; !s.IsReady() || a.Reload.Done != 1 {
		t.Errorf("confirmed: %+v, %+v", s, a.Reload)
	}
	a = play(t, play(t, replacedInPlace(t, c), begun), []scene{
		{next(Timer, 3, time.Minute), "worker.start-timeout 0 (it does not accept), terminated 0, arm 0 10s, reload.failed 0"}})
	if f := a.Reload.Failed; f == nil || f.Old != 2 || f.Limit != time.Minute || f.NotReady != "it does not accept" {
		t.Errorf("in doubt: %+v", f)
	}
}
