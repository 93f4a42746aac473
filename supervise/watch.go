package supervise

import (
	"fmt"
	"sync"

	"goinit/supervise/app"
)

// watched is a process that the Prober looks after, as the app's owner keeps it. The verdicts come from anywhere and wait
// here for their owner: the last of each kind, so that whatever a worker has to say of itself takes a bounded room.
type watched struct {
	watch      Watch
	generation int
	wake       func()

	// Of the owner alone: what the watch was told.
	ready, paused, ending bool

	mu       sync.Mutex
	verdicts []Verdict
	stopped  bool
}

// wantsWatch reports whether somebody has to ask after the app's workers.
func (o *owner) wantsWatch() bool {
	a := o.spec.Load()
	return a.Readiness != nil || a.Liveness != nil
}

// watch begins to look after a process that is about to be started; nil: nobody has to.
func (o *owner) watch(w Work) (*watched, error) {
	if !o.wantsWatch() {
		return nil, nil
	}
	slot, generation := w.Slot, w.Generation
	v := &watched{generation: generation, wake: func() {
		o.inbox.fact(app.Event{Kind: verdictWaits, Slot: slot, Generation: generation})
	}}
	var err error
	if v.watch, err = o.supervisor.config.Prober.Watch(w, v.told); err != nil {
		return nil, fmt.Errorf("cannot ask whether it is well: %w", err)
	}
	return v, nil
}

// verdictWaits is no event of the machine: it sends the owner to a watched's verdicts.
const verdictWaits = app.Kind(255)

// told takes a verdict. Whether a worker is ready is one kind.
func (v *watched) told(verdict Verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return
	}
	waiting := len(v.verdicts) > 0
	for i, old := range v.verdicts {
		if kindOf(old) == kindOf(verdict) {
			v.verdicts = append(v.verdicts[:i], v.verdicts[i+1:]...)
			break
		}
	}
	v.verdicts = append(v.verdicts, verdict)
	if !waiting {
		v.wake()
	}
}

func kindOf(v Verdict) VerdictKind {
	if v.Kind == VerdictUnready {
		return VerdictReady
	}
	return v.Kind
}

func (v *watched) take() []Verdict {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.verdicts
	v.verdicts = nil
	return all
}

func (v *watched) stop() {
	v.mu.Lock()
	v.stopped, v.verdicts = true, nil
	v.mu.Unlock()
	v.watch.Stop()
}

// heard gives the machine what is waiting of a slot's watch.
func (o *owner) heard(slot, generation int) {
	v := o.watches[slot]
	if v == nil || v.generation != generation {
		return
	}
	for _, verdict := range v.take() {
		e := app.Event{Kind: eventOf[verdict.Kind], Slot: slot, Generation: generation, Detail: verdict.Detail, Within: verdict.Extend, PID: verdict.PID}
		o.step(e)
	}
}

var eventOf = [...]app.Kind{
	VerdictReady: app.Ready, VerdictUnready: app.Unready, VerdictUnhealthy: app.Unhealthy, VerdictExtended: app.Extended,
	VerdictMainPID: app.MainPID, VerdictStatus: app.Said, VerdictStopping: app.SaysStopping,
}

// attend tells the watches what the last step has made of their workers.
func (o *owner) attend() {
	for n, v := range o.watches {
		s := o.slot(n)
		if s == nil || s.Generation != v.generation || s.Hook != app.NoHook || s.Process != app.Alive && s.Process != app.Asked {
			delete(o.watches, n)
			v.stop()
			continue
		}
		if s.State == app.Stopping && !v.ending {
			if v.paused {
				v.paused = false
				v.watch.Resume()
			}
			v.ending = true
			v.watch.Ending()
		}
		if v.ending {
			continue
		}
		if (s.State == app.Paused) != v.paused {
			v.paused = !v.paused
			if v.paused {
				v.watch.Pause()
			} else {
				v.watch.Resume()
			}
		}
		if s.State == app.Running && !v.ready {
			v.ready = true
			v.watch.Ready()
		}
	}
}

// end of all watches: nobody is there any more to hear them.
func (o *owner) unwatch() {
	for n, v := range o.watches {
		delete(o.watches, n)
		v.stop()
	}
}
