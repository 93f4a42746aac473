package app

import "time"

// leastLife is how long a process lives at least before its replacement starts: a worker that is recycled at once after
// each start must not be a loop without pause. And it is how long the replacement lives at least before its predecessor
// goes, where it does not say itself that it is ready.
const leastLife = time.Second

// enqueue puts the slot into the queue of those that are to be replaced, once. A process that does not run yet, or is
// paused, is replaced when it does.
func (s *step) enqueue() {
	if s.slot.Due == 0 && s.slot.Process == Alive {
		s.slot.Due, s.slot.Cause = s.due, s.event.Detail
	}
}

// ask is a place in the queue that somebody asked for.
func (s *step) ask() {
	if s.slot.Due == 0 {
		s.slot.Due, s.slot.Cause = s.due, s.event.Detail
	}
	s.slot.Asked = true
}

// askEnding: what comes after a restart is new anyway; what comes by policy is what there was.
func (s *step) askEnding() {
	if s.slot.Next == ByPolicy {
		s.ask()
	}
}

// startReplacement does not forget the past, as a start that somebody asked for does.
func (s *step) startReplacement() {
	s.forgive()
	s.adopt()
	if rest := leastLife - (s.event.Now - s.slot.StartedAt); rest > 0 {
		s.slot.State = Backoff
		s.emit(Emit{Type: "worker.backoff", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: rest})
		s.arm(RestartTimer, rest)
		return
	}
	s.start()
}

// lastDue is the last place that is taken.
func (a *App) lastDue() int {
	last := 0
	for i := range a.Slots {
		last = max(last, a.Slots[i].Due)
	}
	return last
}
