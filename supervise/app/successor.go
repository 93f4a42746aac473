package app

import (
	"cmp"
	"slices"
	"time"
)

// Where two processes of one slot can serve side by side, the new one is Incoming until it is ready. Then it takes the
// place in Slots, and the old one is Outgoing until nothing of it is left. Each is a Slot of its own that goes through the
// table; what is told of a process comes to the Slot of its generation.
//
// Only the one in Slots is the slot's: commands, the restart policy and the summary are about that one. An Incoming that
// does not become ready goes, and changes nothing; of an Outgoing nothing is wanted any more.

// aboutProcess reports whether an event is about one process, and not about whatever is in a slot.
func aboutProcess(k Kind) bool { return k >= Started && k <= Recycle }

// toProcess finds the process by its generation.
func (a App) toProcess(e Event) (App, []Effect) {
	is := func(s Slot) bool { return s.Number == e.Slot && s.Generation == e.Generation }
	var out []Effect
	if i := slices.IndexFunc(a.Slots, is); i >= 0 {
		out = a.toCurrent(&a.Slots[i], e)
	} else if i := slices.IndexFunc(a.Incoming, is); i >= 0 {
		out = a.toIncoming(&a.Incoming[i], e, nil)
	} else if i := slices.IndexFunc(a.Outgoing, is); i >= 0 {
		out = a.toOutgoing(&a.Outgoing[i], e, nil)
	} else {
		return a, nil
	}
	return a, a.goOn(e, out)
}

// toCurrent is an event of the process that the slot has.
func (a *App) toCurrent(s *Slot, e Event) []Effect {
	was := s.State
	if e.Kind == Recycle && a.incoming(s.Number) != nil {
		return nil // it is under way
	}
	out := a.toSlot(s, e, nil)
	if e.Kind == SaysStopping && was == Running && s.State == Running && s.Leaving {
		return a.succeed(s, e, out)
	}
	return a.notePoorStart(s, was, e, out)
}

// toIncoming is an event of a process that is to replace another: it is ready, or comes to nothing.
func (a *App) toIncoming(s *Slot, e Event, out []Effect) []Effect {
	if e.Kind == Recycle {
		return out
	}
	out = a.toSlot(s, e, out)
	switch {
	case s.State == Running && !s.Unwanted:
		return a.promote(s, e, out)
	case (s.State == Stopping || s.State == Removed) && !s.Unwanted:
		s.Unwanted = true
		return a.failReload(s, e, out)
	}
	return out
}

func (a *App) toOutgoing(s *Slot, e Event, out []Effect) []Effect {
	if e.Kind == Recycle {
		return out
	}
	out = a.toSlot(s, e, out)
	if own := a.slot(s.Number); e.Kind == Exited && own != nil && (own.Process == Asked || own.Process == Alive) {
		own.LastExit, own.HasExited, own.OOMKills = s.LastExit, true, own.OOMKills+s.OOMKills
		s.OOMKills = 0
	}
	return out
}

// besides is what a command to a slot means for the other processes in it: those that are to come are not wanted any more, and
// those that go can only be hurried.
func (a *App) besides(e Event, out []Effect) []Effect {
	switch e.Kind {
	case AskStop, AskRestart, AskKill, AskRemove, DependencyRestarted, Shutdown, Hurry:
	default:
		return out
	}
	for i := range a.Incoming {
		if s := &a.Incoming[i]; e.Slot == AllSlots || e.Slot == s.Number {
			out = a.drop(s, e, out)
			if e.Kind == AskKill || e.Kind == Shutdown || e.Kind == Hurry {
				out = a.toSlot(s, e, out)
			}
		}
	}
	for i := range a.Outgoing {
		if s := &a.Outgoing[i]; (e.Slot == AllSlots || e.Slot == s.Number) && (e.Kind == AskKill || e.Kind == Shutdown || e.Kind == Hurry) {
			out = a.toSlot(s, e, out)
		}
	}
	return out
}

// drop ends a process that was to come.
func (a *App) drop(s *Slot, e Event, out []Effect) []Effect {
	if s.Unwanted {
		return out
	}
	s.Unwanted = true
	return a.toSlot(s, Event{Kind: AskRemove, Slot: s.Number, Now: e.Now, Jitter: e.Jitter}, out)
}

// incoming is the process that is to replace that of a slot, or nil.
func (a *App) incoming(n int) *Slot {
	if i := slices.IndexFunc(a.Incoming, func(s Slot) bool { return s.Number == n && !s.Unwanted }); i >= 0 {
		return &a.Incoming[i]
	}
	return nil
}

// follow is a slot for a process that comes after that of another.
func (a *App) follow(old *Slot) Slot {
	old.Last = max(old.Last, old.Generation) + 1
	return Slot{Number: old.Number, Generation: old.Last, Reserved: true, State: Backoff, StartedAt: old.StartedAt}
}

// replaceBeside starts the process that is to replace that of a slot.
func (a *App) replaceBeside(old *Slot, e Event, out []Effect) []Effect {
	s := a.follow(old)
	s.Role, s.By, s.Next = Incoming, a.Reload.Number, Again
	st := a.stepOf(&s, e, out)
	st.startReplacement()
	a.Incoming = append(a.Incoming, st.slot)
	return st.out
}

// promote gives the slot to the process that was to come, and retires the one there was.
func (a *App) promote(s *Slot, e Event, out []Effect) []Effect {
	in := *s
	s.State = Removed // of Incoming
	own := a.slot(in.Number)
	if own == nil {
		return out
	}
	old := *own
	in.Role, in.Next, in.Last = Current, ByPolicy, max(old.Generation, old.Last)
	in.Restarts, in.OOMKills, in.LastExit, in.HasExited = old.Restarts, old.OOMKills, old.LastExit, old.HasExited
	in.Due, in.Cause, in.Asked = old.Due, old.Cause, old.Asked // if it was asked for once more
	*own = in
	out = a.progress(own, out)
	return a.retire(old, e, out)
}

// retire lets a process end that is not the slot's any more.
func (a *App) retire(old Slot, e Event, out []Effect) []Effect {
	old.Role, old.Due, old.Asked, old.OOMKills = Outgoing, 0, false, 0
	if old.Process == None {
		st := a.stepOf(&old, e, out)
		st.cancel()
		return st.out
	}
	out = a.toSlot(&old, Event{Kind: AskRemove, Slot: old.Number, Now: e.Now, Jitter: e.Jitter}, out)
	a.Outgoing = append(a.Outgoing, old)
	return out
}

// succeed is for a worker that says that it ends by itself: where two can serve side by side, its replacement is started at
// once, as the restart policy has it, and it drains. One that has a predecessor still, or that the policy would not always
// start again, has to end first.
func (a *App) succeed(s *Slot, e Event, out []Effect) []Effect {
	st := a.stepOf(s, e, nil)
	crowded := a.incoming(s.Number) != nil || slices.ContainsFunc(a.Outgoing, func(o Slot) bool { return o.Number == s.Number })
	if st.config.MaxSurge == 0 || st.config.Job != nil || st.config.Restart.Policy != "always" || st.exhausted() || crowded || s.Replacing {
		return out
	}
	old := *s
	next := a.follow(&old)
	next.Config, next.Restarts, next.OOMKills, next.Began = old.Config, old.Restarts, old.OOMKills, true
	next.Failures, next.Looping, next.Recent = old.Failures, old.Looping, old.Recent
	next.LastExit, next.HasExited = old.LastExit, old.HasExited
	old.Role, old.Suicide, old.Due, old.Asked, old.OOMKills = Outgoing, true, 0, false, 0
	st = a.stepOf(&next, e, out)
	st.again()
	*s = st.slot
	st = a.stepOf(&old, e, st.out)
	st.slot.State, st.slot.Next = Draining, Leave
	st.drain(cmp.Or(st.drainTime(), st.timeout(), time.Millisecond))
	a.Outgoing = append(a.Outgoing, st.slot)
	return st.out
}
