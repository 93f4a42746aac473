package app

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// scene is an event, and what it leads to in words.
type scene struct {
	event Event
	want  string
}

// play gives the machine one event after another.
func play(t *testing.T, a App, scenes []scene) App {
	t.Helper()
	for i, s := range scenes {
		var effects []Effect
		a, effects = a.Step(s.event)
		if got := words(effects); got != s.want {
			t.Fatalf("scene %d, %s %+v:\n got: %s\nwant: %s", i, s.event.Kind, s.event, got, s.want)
		}
	}
	return a
}

// words are effects as text. What is told of the everyday is left out, but for what reasons there are.
func words(effects []Effect) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, e := range effects {
		switch e := e.(type) {
		case Start:
			switch e.Hook {
			case BeforeStart:
				say("before_start %d", e.Slot)
			case AfterExit:
				say("after_exit %d of %d", e.Slot, e.Exit.Status())
			default:
				say("start %d", e.Slot)
			}
		case EndAll:
			say("end all (%s)", e.Detail)
		case Signal:
			say("%v %d", e.Signal, e.Slot)
		case AwaitTree:
			say("await %d", e.Slot)
		case KillTree:
			say("kill %d", e.Slot)
		case Freeze:
			say("freeze %d", e.Slot)
		case Thaw:
			say("thaw %d", e.Slot)
		case ArmTimer:
			say("arm %d %v", e.Slot, e.After)
		case CancelTimer:
			say("cancel %d", e.Slot)
		case Confirm:
			say("confirm %d", e.Slot)
		case Emit:
			switch {
			case e.Type == "reload.started", e.Type == "reload.progress", e.Type == "reload.finished":
			case e.Type == "worker.exited":
				say("%d %s", e.Slot, e.Exit.Reason)
			case e.Detail != "":
				say("%s %d (%s)", e.Type, e.Slot, e.Detail)
			case e.Type != "worker.started" && e.Type != "worker.ready" && e.Type != "worker.stopping" && e.Type != "worker.backoff":
				say("%s %d", e.Type, e.Slot)
			}
		}
	}
	return strings.Join(all, ", ")
}

// up is an app of n slots that run in their first generation, started at one second.
func up(c Config, n int) App {
	a := New(c, n, true)
	a, _ = a.Step(Event{Kind: DependenciesMet, Slot: AllSlots, Now: time.Second})
	for i := range n {
		a, _ = a.Step(Event{Kind: Started, Slot: i, Generation: 1, PID: 10 + i, Now: time.Second})
	}
	return a
}

func TestRecycledOneAfterAnother(t *testing.T) {
	at := func(k Kind, slot, generation int, now time.Duration) Event {
		return Event{Kind: k, Slot: slot, Generation: generation, PID: 99, Now: now}
	}
	timer := func(slot, generation, epoch int, now time.Duration) Event {
		return Event{Kind: Timer, Slot: slot, Generation: generation, Epoch: epoch, Now: now}
	}
	play(t, up(config("always"), 3), []scene{
		{Event{Kind: Recycle, Slot: 2, Generation: 1, Now: time.Minute, Detail: "memory"}, "worker.recycled 2 (memory), terminated 2, arm 2 10s"},
		{at(Recycle, 0, 1, time.Minute), ""},
		{at(Recycle, 1, 1, time.Minute), ""},
		{at(Recycle, 0, 1, time.Minute), ""}, // it waits already
		{at(Exited, 2, 1, time.Minute), "2 replaced, await 2"},
		{at(TreeGone, 2, 1, time.Minute), "cancel 2, start 2"},
		{at(Exited, 0, 1, time.Minute), "0 exited, kill 0"}, // it has saved us the trouble
		{at(TreeGone, 0, 1, time.Minute), "start 0"},
		{at(Started, 0, 2, time.Minute), ""},
		{at(Started, 2, 2, time.Minute), "arm 2 1s"}, // nobody else goes before it has lived for that long
		{timer(2, 2, 2, time.Minute+time.Second), "worker.recycled 1, terminated 1, arm 1 10s"},
		{at(Exited, 1, 1, time.Minute+time.Second), "1 replaced, await 1"},
		{at(TreeGone, 1, 1, time.Minute+time.Second), "cancel 1, start 1"},
		{at(Started, 1, 2, time.Minute+time.Second), "arm 1 1s"},
		{at(Recycle, 1, 1, time.Minute+time.Second), ""}, // of a process that is no more
		{at(Recycle, 1, 2, time.Minute+1300*time.Millisecond), "cancel 1, worker.recycled 1, terminated 1, arm 1 10s"},
		{at(Exited, 1, 2, time.Minute+1300*time.Millisecond), "1 replaced, await 1"},
		{at(TreeGone, 1, 2, time.Minute+1300*time.Millisecond), "cancel 1, arm 1 700ms"}, // not a loop
	})
}

func TestPause(t *testing.T) {
	one := func(k Kind, epoch int) Event { return Event{Kind: k, Slot: 0, Generation: 1, Epoch: epoch} }
	for name, scenes := range map[string][]scene{
		"resumed":              {{one(AskPause, 0), "freeze 0"}, {one(Frozen, 1), "worker.paused 0"}, {one(AskPause, 0), ""}, {one(AskResume, 0), "thaw 0, worker.resumed 0"}},
		"started":              {{one(AskPause, 0), "freeze 0"}, {one(AskStart, 0), "thaw 0, worker.resumed 0"}, {one(Frozen, 1), ""}},
		"cannot be frozen":     {{one(AskPause, 0), "freeze 0"}, {Event{Kind: FreezeFailed, Generation: 1, Epoch: 1, Detail: "stuck"}, "thaw 0, worker.pause-failed 0 (stuck)"}},
		"an answer of before":  {{one(AskPause, 0), "freeze 0"}, {one(AskResume, 0), "thaw 0, worker.resumed 0"}, {one(AskPause, 0), "freeze 0"}, {one(FreezeFailed, 1), ""}},
		"stopped":              {{one(AskPause, 0), "freeze 0"}, {one(AskStop, 0), "thaw 0, terminated 0, arm 0 10s"}, {one(Hurry, 0), "cancel 0, worker.killed 0, kill 0"}},
		"killed":               {{one(AskPause, 0), "freeze 0"}, {one(AskKill, 0), "thaw 0, worker.killed 0, kill 0"}},
		"shut down":            {{one(AskPause, 0), "freeze 0"}, {Event{Kind: Shutdown, Within: time.Second}, "thaw 0, terminated 0, arm 0 1s"}},
		"it exits":             {{one(AskPause, 0), "freeze 0"}, {one(Exited, 0), "thaw 0, 0 exited, kill 0"}},
		"recycled when it may": {{one(AskPause, 0), "freeze 0"}, {one(Recycle, 0), ""}, {one(AskResume, 0), "thaw 0, worker.resumed 0, worker.recycled 0, terminated 0, arm 0 10s"}},
	} {
		t.Run(name, func(t *testing.T) { play(t, up(config("always"), 1), scenes) })
	}
}

func TestOutOfMemory(t *testing.T) {
	for _, c := range []struct {
		exit Exit
		want string
	}{
		{Exit{Signal: syscall.SIGKILL, OOMKilled: true}, "0 oom-killed, worker.oom-killed 0, kill 0"},
		{Exit{Code: 137, OOMKilled: true}, "0 oom-killed, worker.oom-killed 0, kill 0"}, // a shell's word for it
		{Exit{Signal: syscall.SIGKILL}, "0 signaled, kill 0"},
		{Exit{Code: 1, OOMKilled: true}, "0 exited, kill 0"}, // a child of it was
	} {
		a := play(t, up(config("on-failure"), 1), []scene{{Event{Kind: Exited, Generation: 1, Exit: c.exit}, c.want}})
		if want := strings.Count(c.want, "worker.oom-killed"); a.Slots[0].OOMKills != want {
			t.Errorf("%+v: counted %d", c.exit, a.Slots[0].OOMKills)
		}
	}
	play(t, up(config("always"), 1), []scene{ // we have killed it ourselves
		{Event{Kind: AskKill}, "worker.killed 0, kill 0"},
		{Event{Kind: Exited, Generation: 1, Exit: Exit{Signal: syscall.SIGKILL, OOMKilled: true}}, "0 stopped"},
	})
}
