package supervise

import (
	"fmt"
	"sync"

	"goinit/supervise/app"
)

// watched is a process that the Prober looks after, or that is a member of the Cluster, as the app's owner keeps it. The
// verdicts come from anywhere and wait here for their owner: the last of each kind, so that whatever a worker has to say of
// itself takes a bounded room.
type watched struct {
	watch  Watch  // nil: nobody asks after it
	member Member // nil: it serves on nothing of goinit's
	wake   func()

	// Of the owner alone: what the watch and the member were told.
	ready, paused, ending bool
	entered, drained      bool
	unconfirm             func() // nil: nobody is asked whether it can replace another

	mu       sync.Mutex
	verdicts []Verdict
	stopped  bool
	held     string // why the member keeps it from being ready; empty: it does not
	well     bool   // the last word of the watch on its readiness
}

// watch begins to look after a process that is about to be started, and adds what it is given for that; nil: nobody has to.
func (o *owner) watch(w *Work) (v *watched, err error) {
	probed, joins := w.App.Readiness != nil || w.App.Liveness != nil, o.supervisor.joins(w.App)
	if !probed && !joins {
		return nil, nil
	}
	slot, generation := w.Slot, w.Generation
	v = &watched{wake: func() {
		o.inbox.fact(app.Event{Kind: verdictWaits, Slot: slot, Generation: generation})
	}}
	if probed {
		w.Probed = o.tally.probed
		if v.watch, err = o.supervisor.config.Prober.Watch(*w, v.told); err != nil {
			return nil, fmt.Errorf("cannot ask whether it is well: %w", err)
		}
		w.Given = v.watch.Given()
	}
	if joins {
		if err = o.join(w, v); err != nil {
			if w.Given.Close != nil {
				w.Given.Close()
			}
			v.stop()
			return nil, err
		}
	}
	return v, nil
}

// started tells both. The member comes first: it may keep the process from being ready before it can be found to be.
func (v *watched) started(pid int) {
	if v.member != nil {
		v.member.Started(pid)
	}
	if v.watch != nil {
		v.watch.Started(pid)
	}
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
	if verdict = v.weigh(verdict); verdict.Kind == VerdictReleased {
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

// weigh makes one word of the watch's and the member's: ready is who is found to be, and is not held.
func (v *watched) weigh(verdict Verdict) Verdict {
	switch verdict.Kind {
	case VerdictReady, VerdictUnready:
		v.well = verdict.Kind == VerdictReady
		if v.well && v.held != "" {
			return Verdict{Kind: VerdictUnready, Detail: v.held}
		}
	case VerdictHeld:
		v.held = verdict.Detail
		verdict.Kind = VerdictUnready
	case VerdictReleased:
		v.held = ""
		if v.well {
			verdict.Kind = VerdictReady
		}
	}
	return verdict
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
	if v.watch != nil {
		v.watch.Stop()
	}
	if v.member != nil {
		v.member.Gone()
	}
}

// heard gives the machine what is waiting of a slot's watch.
func (o *owner) heard(slot, generation int) {
	v := o.watches[place{slot, generation}]
	if v == nil {
		return
	}
	for _, verdict := range v.take() {
		e := app.Event{Kind: eventOf[verdict.Kind], Slot: slot, Generation: generation, Detail: verdict.Detail, Within: verdict.Extend, PID: verdict.PID}
		o.step(e)
	}
}

var eventOf = [...]app.Kind{
	VerdictReady: app.Ready, VerdictUnready: app.Unready, VerdictUnhealthy: app.Unhealthy, VerdictExtended: app.Extended,
	VerdictMainPID: app.MainPID, VerdictStatus: app.Said, VerdictStopping: app.SaysStopping, VerdictDrained: app.Undrained,
}

// attend tells the watches what the last step has made of their workers.
func (o *owner) attend() {
	if len(o.watches) == 0 {
		return
	}
	for at, v := range o.watches {
		s := o.at(at)
		if s == nil || s.Hook != app.NoHook || s.Process != app.Alive && s.Process != app.Asked {
			delete(o.watches, at)
			v.stop()
			continue
		}
		if v.unconfirm != nil && s.State != app.Starting {
			v.unconfirm()
			v.unconfirm = nil
		}
		if v.watch != nil {
			v.attend(s)
		}
	}
	for s := range o.all() { // who comes is in the balance before who goes is out of it
		if v := o.watches[placeOf(s)]; v != nil && v.member != nil {
			v.balance(s)
		}
	}
}

// attend tells the watch.
func (v *watched) attend(s *app.Slot) {
	if (s.State == app.Stopping || s.State == app.Draining) && !v.ending {
		if v.paused {
			v.paused = false
			v.watch.Resume()
		}
		v.ending = true
		v.watch.Ending()
	}
	if v.ending {
		return
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

// end of all watches: nobody is there any more to hear them.
func (o *owner) unwatch() {
	for at, v := range o.watches {
		delete(o.watches, at)
		v.stop()
	}
}
