package app

import "time"

// leastLife is how long a process lives at least before its replacement starts: a worker that is recycled at once after
// each start must not be a loop without pause.
const leastLife = time.Second

// recycle replaces a running process on purpose, if it is the slot's turn; else it is noted.
func (s *step) recycle() {
	s.enqueue()
	if s.turn {
		s.slot.Due, s.slot.Replacing = 0, true
		s.emit(Emit{Type: "worker.recycled", Slot: s.slot.Number, Generation: s.slot.Generation, Detail: s.slot.Cause})
		s.end(Again, s.timeout())
	}
}

// enqueue puts the slot into the queue, once. A process that does not run yet, or is paused, is replaced when it does.
func (s *step) enqueue() {
	if s.slot.Due == 0 && s.slot.Process == Alive {
		s.slot.Due, s.slot.Cause = s.due, s.event.Detail
	}
}

// startReplacement does not forget the past, as a start that somebody asked for does.
func (s *step) startReplacement() {
	s.forgive()
	if rest := leastLife - (s.event.Now - s.slot.StartedAt); rest > 0 {
		s.slot.State = Backoff
		s.emit(Emit{Type: "worker.backoff", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: rest})
		s.arm(RestartTimer, rest)
		return
	}
	s.start()
}

// endTurns notes which slots have been replaced, and gives the turn to the next one that waits for it. It never comes to
// two slots of an app at the same time.
func (a *App) endTurns(e Event, out []Effect) []Effect {
	next := -1
	for i := range a.Slots {
		s := &a.Slots[i]
		if s.Replacing && (s.State == Running || s.State.Final()) {
			s.Replacing = false
		}
		if s.State == Running && s.Due > 0 && (next < 0 || s.Due < a.Slots[next].Due) {
			next = i
		}
	}
	if next < 0 || a.replacing() {
		return out
	}
	s := &a.Slots[next]
	return a.toSlot(s, Event{Kind: Recycle, Slot: s.Number, Generation: s.Generation, Now: e.Now, Jitter: e.Jitter}, out)
}

// replacing reports whether a slot is being recycled.
func (a *App) replacing() bool {
	for i := range a.Slots {
		if a.Slots[i].Replacing {
			return true
		}
	}
	return false
}

// lastDue is the last place that is taken.
func (a *App) lastDue() int {
	last := 0
	for i := range a.Slots {
		last = max(last, a.Slots[i].Due)
	}
	return last
}
