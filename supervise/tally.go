package supervise

import (
	"slices"
	"sync/atomic"
	"time"

	"goinit/supervise/app"
)

// Tally is what has happened to an app since goinit knows it: numbers that only grow, until the app leaves or is replaced as a
// whole.
type Tally struct {
	Exits     []ExitCount // of workers' processes, by reason; those that there were none of are 0
	Readiness ProbeCount
	Liveness  ProbeCount
	Reloads   ReloadCount
}

// ExitCount is how many processes have ended for a reason, or were never started.
type ExitCount struct {
	Reason string
	Count  uint64
}

// ProbeCount is of probes that were made and answered.
type ProbeCount struct {
	Asked               bool // the app has such a probe
	Successes, Failures uint64
	Time                time.Duration // of all of them together
}

// ReloadCount is of reloads that have come to their end.
type ReloadCount struct {
	Finished, Failed uint64
	Time             time.Duration // of all of them together
	Last             time.Duration // of the last one
}

var exitReasons = [...]app.Reason{app.ReasonExited, app.ReasonSignaled, app.ReasonOOMKilled, app.ReasonStopped, app.ReasonReplaced,
	app.ReasonStartFailed, app.ReasonStartTimeout, app.ReasonUnhealthy, app.ReasonRunTimeout}

// tally counts. Its owner and its probes add to it, whoever looks reads it; nobody waits for anybody.
type tally struct {
	exits                [len(exitReasons)]atomic.Uint64
	readiness, liveness  probeTally
	finished, failed     atomic.Uint64
	reloading, lastTaken atomic.Int64 // nanoseconds
	reloadBegan          time.Time    // the owner's
}

type probeTally struct {
	successes, failures atomic.Uint64
	nanoseconds         atomic.Int64
}

// emitted counts what the machine tells.
func (t *tally) emitted(e *app.Emit, now time.Time) {
	switch e.Type {
	case "worker.exited", "worker.start-failed":
		if e.Exit != nil && e.Hook == app.NoHook {
			if i := slices.Index(exitReasons[:], e.Exit.Reason); i >= 0 {
				t.exits[i].Add(1)
			}
		}
	case "reload.started":
		t.reloadBegan = now
	case "reload.finished", "reload.failed":
		took := now.Sub(t.reloadBegan).Nanoseconds()
		t.reloading.Add(took)
		t.lastTaken.Store(took)
		if e.Type == "reload.finished" {
			t.finished.Add(1)
		} else {
			t.failed.Add(1)
		}
	}
}

// probed is Work.Probed.
func (t *tally) probed(liveness, failed bool, took time.Duration) {
	if liveness {
		t.liveness.add(failed, took)
	} else {
		t.readiness.add(failed, took)
	}
}

func (t *probeTally) add(failed bool, took time.Duration) {
	if failed {
		t.failures.Add(1)
	} else {
		t.successes.Add(1)
	}
	t.nanoseconds.Add(took.Nanoseconds())
}

func (t *probeTally) count(asked bool) ProbeCount {
	return ProbeCount{Asked: asked, Successes: t.successes.Load(), Failures: t.failures.Load(), Time: time.Duration(t.nanoseconds.Load())}
}

// Tally is an app's; false: there is no such app.
func (s *Supervisor) Tally(name string) (Tally, bool) {
	o := s.owner(name)
	if o == nil {
		return Tally{}, false
	}
	t, spec := &o.tally, o.spec.Load()
	all := Tally{
		Exits:     make([]ExitCount, len(exitReasons)),
		Readiness: t.readiness.count(spec.Readiness != nil && (spec.Readiness.Continuous() || spec.Readiness.Listening > 0)), Liveness: t.liveness.count(spec.Liveness != nil && spec.Liveness.Heartbeat == 0 && spec.Liveness.Silence == 0),
		Reloads: ReloadCount{Finished: t.finished.Load(), Failed: t.failed.Load(), Time: time.Duration(t.reloading.Load()), Last: time.Duration(t.lastTaken.Load())},
	}
	for i, reason := range exitReasons {
		all.Exits[i] = ExitCount{Reason: string(reason), Count: t.exits[i].Load()}
	}
	return all, true
}
