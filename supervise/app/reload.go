package app

import (
	"slices"
	"time"
)

// A reload replaces workers, so many at a time as Config.MaxSurge and MaxUnavailable allow: beside the old one where there may
// be processes beyond the slots, else in its place. Whatever wants a worker replaced puts its slot into a queue (recycle.go),
// and there is one reload at a time: what is asked for meanwhile joins it.
//
// It goes on only while what is new is well. The first new process that does not become ready, or ends while the reload
// goes on, stops it: whoever was not replaced stays.

// Reload is the one that is under way, or the last there was.
type Reload struct {
	Number int // counts them; 0: there was none
	Active bool
	// Revision is that of what it makes the workers.
	Revision int
	Cause    string
	Asked    bool     // for some of it, by a command or an apply
	Of       int      // workers that it replaces
	Done     int      // of them that are replaced: the new process is ready
	Failed   *Failure // what has stopped it; nil: nothing. Never written to
}

// Failure is a new process that did not do.
type Failure struct {
	Slot, Generation int
	Exit             Exit          // how it ended; with ReasonStartTimeout it may not have yet
	Limit            time.Duration // that it had to become ready, where that was over
	NotReady         string        // why it was not, as far as somebody knows
	Done, Of         int           // workers that were replaced before
	Old              int           // that run on as they were
}

// goOn comes after every event: what has become of the reload, and who is next.
func (a *App) goOn(e Event, out []Effect) []Effect {
	out = a.beginReload(a.endTurns(e, out))
	for {
		s := a.next()
		if s == nil {
			break
		}
		out = a.endTurns(e, a.replace(s, e, out))
	}
	return a.endReload(out)
}

// endTurns notes which slots have been replaced, and which need not be any more.
func (a *App) endTurns(e Event, out []Effect) []Effect {
	a.forget()
	for i := range a.Slots {
		s := &a.Slots[i]
		if s.Replacing && s.Due > 0 && !s.Asked { // who has to be recycled has nothing to prove, and no time
			out = a.endProof(s, e, out)
		}
		if s.Replacing && (s.State == Running && !s.proving() || s.State.Final() || s.State == Waiting || s.State == Scheduled) {
			s.Replacing = false
			if s.State == Running || s.State == Completed {
				out = a.progress(s, out)
			}
		}
		if s.Due > 0 && !s.mayBeDue() {
			s.Due, s.Asked = 0, false
		}
	}
	return out
}

// endProof leaves who is proving as it is.
func (a *App) endProof(s *Slot, e Event, out []Effect) []Effect {
	if !s.proving() || s.State != Running && s.State != Paused {
		return out
	}
	st := a.stepOf(s, e, out)
	st.cancel()
	*s = st.slot
	return st.out
}

// mayBeDue: who was asked to stop is not replaced, and who is started again anyway need not be.
func (s *Slot) mayBeDue() bool {
	switch s.State {
	case Waiting, Scheduled, Stopped:
		return false
	case Completed, Failed, Backoff:
		return s.Asked
	case Stopping, Draining:
		return s.Asked && s.Next == ByPolicy
	}
	return true
}

// isNext reports whether the slot can be replaced now, if it is its turn.
func (s *Slot) isNext() bool {
	switch s.State {
	case Running:
		return s.Due > 0
	case Starting, Paused, Backoff, Completed, Failed:
		return s.Due > 0 && s.Asked && s.Hook == NoHook
	}
	return false
}

// pending counts the workers that the reload is not done with.
func (a *App) pending() (n int) {
	for i := range a.Slots {
		s := &a.Slots[i]
		if s.Replacing || s.Due > 0 && (s.Asked || s.State == Running) || a.incoming(s.Number) != nil {
			n++
		}
	}
	return n
}

func (a *App) beginReload(out []Effect) []Effect {
	n := a.pending()
	switch {
	case a.Reload.Active: // some may have joined, and some need it no more
		a.Reload.Of = a.Reload.Done + n
	case n > 0:
		a.Reload = Reload{Number: a.Reload.Number + 1, Active: true, Of: n, Revision: a.Config.Revision}
		for i := range a.Slots {
			if s := &a.Slots[i]; s.Due > 0 && (a.Reload.Cause == "" || s.Asked && !a.Reload.Asked) {
				a.Reload.Cause, a.Reload.Asked = s.Cause, s.Asked
			}
		}
		return append(out, Emit{Type: "reload.started", Slot: AllSlots, Of: n, Detail: a.Reload.Cause, Asked: a.Reload.Asked})
	}
	return out
}

// endReload is the end when nothing is left of whoever was replaced.
func (a *App) endReload(out []Effect) []Effect {
	if !a.Reload.Active || a.pending() > 0 || len(a.Incoming) > 0 || slices.ContainsFunc(a.Outgoing, func(s Slot) bool { return !s.Suicide }) {
		return out
	}
	a.Reload.Active = false
	return append(out, Emit{Type: "reload.finished", Slot: AllSlots, Done: a.Reload.Done, Of: a.Reload.Of, Asked: a.Reload.Asked})
}

// progress is a worker that was replaced.
func (a *App) progress(s *Slot, out []Effect) []Effect {
	if !a.Reload.Active {
		return out
	}
	a.Reload.Done++
	return append(out, Emit{Type: "reload.progress", Slot: s.Number, Generation: s.Generation, Done: a.Reload.Done, Of: a.Reload.Of})
}

// next is the slot whose turn it is, if there is room for another replacement.
func (a *App) next() *Slot {
	var next *Slot
	for i := range a.Slots {
		if s := &a.Slots[i]; s.isNext() && a.incoming(s.Number) == nil && !s.Replacing && (next == nil || s.Due < next.Due) {
			next = s
		}
	}
	if next == nil || !a.surges() && !a.mayGo() {
		return nil
	}
	return next
}

// surges reports whether there may be one more process beyond the slots.
func (a *App) surges() bool {
	return a.Config.Job == nil && len(a.Incoming)+len(a.Outgoing) < a.Config.MaxSurge
}

// mayGo reports whether one more slot may be without a worker.
func (a *App) mayGo() bool {
	most := a.Config.MaxUnavailable
	if a.Config.MaxSurge == 0 || a.Config.Job != nil {
		most = max(1, most)
	}
	for i := range a.Slots {
		if a.Slots[i].Replacing {
			most--
		}
	}
	return most > 0
}

// replace is a slot's turn. Only what runs is worth a process beside it.
func (a *App) replace(s *Slot, e Event, out []Effect) []Effect {
	if !s.Asked {
		out = append(out, Emit{Type: "worker.recycled", Slot: s.Number, Generation: s.Generation, Detail: s.Cause})
	}
	s.Due, s.Asked = 0, false
	if a.surges() && (s.State == Running || s.State == Paused) {
		return a.replaceBeside(s, e, out)
	}
	s.Replacing, s.By = true, a.Reload.Number
	st := a.stepOf(s, e, out)
	switch s.State {
	case Backoff, Completed, Failed:
		st.startAnew()
	default:
		st.finish(Again)
	}
	*s = st.slot
	return st.out
}

// notePoorStart stops the reload if a process that came by it has come to nothing.
func (a *App) notePoorStart(s *Slot, was State, e Event, out []Effect) []Effect {
	switch {
	case !a.Reload.Active || s.By != a.Reload.Number || was != Starting && was != Running:
		return out
	case s.Generation == e.Generation && (s.State == Starting || s.State == Running || s.State == Paused || s.State == Draining):
		return out
	case was == Running && s.State == Stopping && a.stepOf(s, e, nil).completes():
		return out
	}
	s.Replacing = false
	return a.failReload(s, e, out)
}

// failReload leaves whoever was not replaced as they are.
func (a *App) failReload(s *Slot, e Event, out []Effect) []Effect {
	if !a.Reload.Active {
		return out
	}
	f := &Failure{Slot: s.Number, Generation: e.Generation, Exit: s.LastExit, Done: a.Reload.Done, Of: a.Reload.Of}
	if s.Why == ReasonStartTimeout {
		f.Exit, f.Limit, f.NotReady = Exit{Reason: ReasonStartTimeout}, a.Config.StartTimeout, s.NotReady
	}
	for i := range a.Slots {
		o := &a.Slots[i]
		o.Due, o.Asked, o.Replacing = 0, false, false // what starts by now, starts
		out = a.endProof(o, e, out)
		if o.By != a.Reload.Number && (o.State == Running || o.State == Paused) {
			f.Old++
		}
	}
	a.Reload.Active, a.Reload.Failed = false, f
	out = append(out, Emit{Type: "reload.failed", Slot: f.Slot, Generation: f.Generation, Failure: f, Done: f.Done, Of: f.Of})
	for i := range a.Incoming {
		out = a.drop(&a.Incoming[i], e, out)
	}
	return out
}

// signalReload is the reload of a program that does it by itself.
func (a *App) signalReload(e Event) (out []Effect) {
	for i := range a.Slots {
		s := &a.Slots[i]
		if (e.Slot == AllSlots || e.Slot == s.Number) && s.Process == Alive && s.Hook == NoHook && s.State != Stopping && s.State != Draining {
			out = append(out, Signal{Slot: s.Number, Generation: s.Generation, Signal: a.Config.ReloadSignal})
		}
	}
	if n := len(out); n > 0 {
		out = append(out, Emit{Type: "reload.signaled", Slot: AllSlots, Of: n, Detail: e.Detail})
	}
	return out
}

// redefine makes the app another. What runs by another definition keeps that, also where it is restarted, until it is
// replaced.
func (a App) redefine(e Event) (App, []Effect) {
	old := a.Config
	a.Config, a.Reload.Revision = *e.Config, e.Config.Revision
	a.Reload.Failed = nil
	var out []Effect
	for i := range a.Slots {
		s := &a.Slots[i]
		revision := old.Revision
		if s.Config != nil {
			revision = s.Config.Revision
		}
		switch {
		case s.Process == None && s.State != Backoff, slices.Contains(e.Same, revision):
			s.Config = nil
			if s.State != Completed && s.State != Failed || slices.Contains(e.Same, revision) {
				continue
			}
		case s.Config == nil:
			s.Config = &old
		}
		if !a.Down {
			out = a.toSlot(s, Event{Kind: AskReload, Slot: s.Number, Now: e.Now, Detail: e.Detail}, out)
		}
	}
	for i := range a.Outgoing {
		if s := &a.Outgoing[i]; s.Config == nil {
			s.Config = &old
		}
	}
	for i := range a.Incoming {
		s := &a.Incoming[i]
		if s.Config == nil {
			s.Config = &old
		}
		out = a.drop(s, e, out) // it would be replaced at once
	}
	return a, a.goOn(e, out)
}
