package app

import "time"

// Draining comes ahead of the stop signal, or with it, where a worker has connections to finish: it gets no new ones, and has
// Config.Drain to finish those that it has. Whoever can be told that in a way of its own (Node) is sent the stop signal when
// that time is over; to all others the stop signal is what tells them, so they get it at once. Only then the time to stop
// begins.

// finish ends the process, and lets it drain before that if it can.
func (s *step) finish(next Next) {
	time := s.drainTime()
	if time <= 0 || s.slot.State != Running && s.slot.State != Paused {
		s.end(next, s.timeout())
		return
	}
	s.thaw()
	s.slot.State, s.slot.Next = Draining, next
	s.drain(time)
}

func (s *step) drain(time time.Duration) {
	s.cancel()
	s.slot.Ready = false
	s.emit(Emit{Type: "worker.draining", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: time})
	s.arm(DrainTimer, time)
	s.emit(Drain{Slot: s.slot.Number, Generation: s.slot.Generation})
}

// drainTime is the app's own; a shutdown shares what it leaves between draining and stopping.
func (s *step) drainTime() time.Duration {
	own := time.Duration(s.config.Drain)
	if s.slot.Latest == 0 || own == 0 {
		return own
	}
	both := own + time.Duration(s.config.Stop.Timeout)
	left := max(0, min(both, s.slot.Latest-s.event.Now))
	return time.Duration(float64(left) * (float64(own) / float64(both)))
}

// undrained sends the stop signal early, unless it drains by its own wish: it knows by itself.
func (s *step) undrained() {
	if !s.slot.Suicide && !s.slot.Signaled {
		s.slot.Signaled = true
		s.emit(s.stopSignal())
	}
}

// drainOver is the end of the time to finish.
func (s *step) drainOver() {
	s.slot.State = Stopping
	within := s.timeout()
	if s.slot.Signaled && within > 0 {
		s.emit(Emit{Type: "worker.stopping", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: within})
		s.arm(StopTimer, within)
		return
	}
	s.askToEnd(within)
}

// drained is an exit while it drains: what is left of its tree has the time to stop.
func (s *step) drained() {
	s.cancel()
	s.slot.State = Stopping
	if within := s.timeout(); within > 0 {
		s.arm(StopTimer, within)
		return
	}
	s.killRest()
}

// drainLess is a shutdown that leaves less time.
func (s *step) drainLess() {
	end := s.event.Now + s.drainTime()
	switch {
	case end >= s.slot.Deadline:
	case end <= s.event.Now:
		s.cancel()
		s.drainOver()
	default:
		s.cancel()
		s.arm(DrainTimer, end-s.event.Now)
	}
}
