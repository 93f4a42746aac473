package app

import "time"

// Readiness makes a slot Running the first time, and comes and goes after that: a worker that is running and not ready is
// still running.

// IsReady reports whether the slot's worker can do its work.
func (s *Slot) IsReady() bool { return s.State == Running && s.Ready }

// ready is the first time.
func (s *step) ready() {
	if s.slot.Process != Alive || s.slot.Hook != NoHook {
		return
	}
	s.cancel()
	s.slot.State = Running
	s.limitRun()
	s.nowReady(false)
}

// prove: a process that has replaced another in its place and says nothing of itself is ready at once, for nobody else does its
// work. But no other has to go before this one has lived for long enough: a program that is broken would take them all.
func (s *step) prove() {
	if s.slot.Replacing && s.config.Job == nil {
		s.arm(SteadyTimer, leastLife)
	}
}

// proving reports whether it does not count as replaced yet.
func (s *Slot) proving() bool { return s.Timer == SteadyTimer || s.Timer == StartTimer }

// steady is a process that replaces another, says nothing of itself, and has lived for long enough.
func (s *step) steady() {
	if !s.config.Confirm || s.slot.State == Paused {
		if s.slot.State == Starting {
			s.ready()
		}
		return
	}
	s.arm(StartTimer, max(time.Millisecond, s.config.StartTimeout-(s.event.Now-s.slot.StartedAt)))
	s.emit(Confirm{Slot: s.slot.Number, Generation: s.slot.Generation})
}

func (s *step) readyAgain() {
	if s.slot.Timer == StartTimer { // of who is proving
		s.cancel()
	}
	s.nowReady(true)
}

func (s *step) nowReady(again bool) {
	if s.slot.Ready || s.slot.Leaving {
		return
	}
	s.slot.Ready, s.slot.ReadyAt, s.slot.NotReady = true, s.event.Now, ""
	s.emit(Emit{Type: "worker.ready", Slot: s.slot.Number, Generation: s.slot.Generation, Again: again})
}

// notYet keeps why, for whoever asks, and for the end of the time to start.
func (s *step) notYet() { s.slot.NotReady = s.event.Detail }

func (s *step) unready() {
	s.slot.NotReady = s.event.Detail
	if !s.slot.Ready {
		return
	}
	s.forgive() // what was well for long enough has been so
	s.slot.Ready, s.slot.ReadyAt = false, 0
	s.emit(Emit{Type: "worker.unready", Slot: s.slot.Number, Generation: s.slot.Generation, Detail: s.event.Detail})
}

// saysStopping: it will end by itself. That is its end then, like any other.
func (s *step) saysStopping() {
	s.slot.Leaving = true
	s.unready()
}

// startTimedOut is a failed start: whatever status the process ends with, it is no success.
func (s *step) startTimedOut() {
	s.emit(Emit{Type: "worker.start-timeout", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: s.startLimit(),
		Detail: s.slot.NotReady, Failures: s.slot.Failures})
	s.slot.Why = ReasonStartTimeout
	s.end(ByPolicy, s.timeout())
}

// unhealthy is a worker that is stuck.
func (s *step) unhealthy() {
	s.emit(Emit{Type: "worker.unhealthy", Slot: s.slot.Number, Generation: s.slot.Generation, Detail: s.event.Detail, Action: s.config.Unhealthy})
	switch s.config.Unhealthy {
	case "restart":
		s.slot.Why = ReasonUnhealthy
		s.end(ByPolicy, s.timeout())
	case "reload":
		s.enqueue()
	case "shutdown":
		s.emit(EndAll{Slot: s.slot.Number, Detail: s.event.Detail})
	}
}

// extended gives a start or a stop that goes on the time that it asks for; a shutdown's budget not more than it has.
func (s *step) extended() {
	if s.slot.Timer != StartTimer && s.slot.Timer != StopTimer && s.slot.Timer != DrainTimer {
		return
	}
	end := s.event.Now + max(0, min(s.event.Within, longest))
	if s.slot.Timer != StartTimer && s.slot.Latest > 0 {
		end = min(end, s.slot.Latest)
	}
	if end > max(s.slot.Deadline, s.event.Now) {
		s.arm(s.slot.Timer, end-s.event.Now)
	}
}

// longest is what one word of a worker extends its time by at most: it may say it again.
const longest = time.Hour

func (s *step) mainPID() {
	if s.slot.Process == Alive && s.slot.Hook == NoHook {
		s.slot.PID = s.event.PID
	}
}

func (s *step) said() { s.slot.Said = s.event.Detail }
