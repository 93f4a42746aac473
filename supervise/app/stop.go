package app

import "time"

// What ends a process on request. Whatever it is, the slot is Stopping until the process has exited and its tree is gone.

func (s *step) stop()    { s.slot.ByHand = true; s.finish(Stay) }
func (s *step) restart() { s.finish(Again) }
func (s *step) remove()  { s.finish(Leave) }

func (s *step) shutdown() {
	s.limit()
	s.finish(Stay)
}

// limit notes what a shutdown leaves a slot for all that is still to come of it.
func (s *step) limit() {
	if s.event.Within == Unlimited {
		return
	}
	latest := max(1, s.event.Now+max(0, s.event.Within)) // 0 is none
	if s.slot.Latest == 0 || latest < s.slot.Latest {
		s.slot.Latest = latest
	}
}

func (s *step) kill() {
	s.slot.ByHand = true
	s.end(Stay, 0)
}

// timeout is the app's own, from the stop signal to SIGKILL; in a shutdown never more than is left.
func (s *step) timeout() time.Duration {
	own := time.Duration(s.config.Stop.Timeout)
	if s.slot.Latest > 0 {
		return max(0, min(own, s.slot.Latest-s.event.Now))
	}
	return own
}

func (s *step) end(next Next, within time.Duration) {
	s.thaw()
	s.slot.State, s.slot.Next = Stopping, next
	if s.slot.Process == Dead {
		return // a hook, whose tree is being killed
	}
	if s.slot.Process == Asked { // the answer decides: see startedLate
		s.slot.Deadline = s.event.Now + within
		s.slot.Killing = within == 0
		return
	}
	s.askToEnd(within)
}

func (s *step) askToEnd(within time.Duration) {
	if within <= 0 {
		s.killTree()
		return
	}
	s.emit(Emit{Type: "worker.stopping", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: within})
	s.emit(s.stopSignal())
	s.arm(StopTimer, within)
}

func (s *step) stopSignal() Signal {
	return Signal{Slot: s.slot.Number, Generation: s.slot.Generation, Signal: s.config.StopSignal, Tree: s.config.Stop.Target == "tree", Stop: true}
}

// killTree is the last word to a process; there is no timer after it.
func (s *step) killTree() {
	s.cancel()
	if s.slot.State == Draining {
		s.slot.State = Stopping
	}
	if s.slot.Killing {
		return
	}
	s.slot.Killing = true
	if s.slot.Process == Asked {
		return // see startedLate
	}
	if s.slot.Hook == NoHook {
		s.slot.Killed = true
		s.tell("worker.killed")
	}
	s.emit(KillTree{Slot: s.slot.Number, Generation: s.slot.Generation})
}

// hurried leaves no time for anything.
func (s *step) hurried() {
	s.slot.Latest = s.event.Now
	s.killTree()
}

// Requests to a slot that is stopping already: the last word wins, but for a removal, which only a scale takes back.

func (s *step) stayInstead() {
	s.slot.ByHand = true
	if s.slot.Next != Leave {
		s.slot.Next = Stay
	}
}

func (s *step) againInstead()  { s.slot.Next, s.slot.ByHand = Again, false }
func (s *step) removeInstead() { s.slot.Next = Leave }

func (s *step) killInstead() {
	s.stayInstead()
	s.killTree()
}

// shutdownInstead can only bring the end nearer.
func (s *step) shutdownInstead() {
	if s.slot.Next != Leave {
		s.slot.Next = Stay
	}
	s.limit()
	end := s.event.Now + s.timeout()
	switch {
	case s.slot.Killing:
	case s.slot.Timer == DrainTimer:
		s.drainLess()
	case s.slot.Process == Asked:
		s.slot.Deadline = min(s.slot.Deadline, end)
	case s.slot.Timer == HookTimer:
		s.arm(HookTimer, max(time.Millisecond, min(s.slot.Deadline-s.event.Now, s.hookTime())))
	case s.slot.Timer == StopTimer && end < s.slot.Deadline:
		if end <= s.event.Now {
			s.killTree()
			return
		}
		s.cancel()
		s.arm(StopTimer, end-s.event.Now)
	}
}

// Requests to a slot without a process.

func (s *step) stay() {
	s.cancel()
	s.slot.State, s.slot.ByHand = Stopped, true
	s.tell("worker.stopped")
}

func (s *step) stayForShutdown() {
	s.cancel()
	s.slot.State = Stopped
	s.tell("worker.stopped")
}

func (s *step) signal() {
	if s.slot.Process == Alive && s.slot.Hook == NoHook {
		s.emit(Signal{Slot: s.slot.Number, Generation: s.slot.Generation, Signal: s.event.Signal})
	}
}

func (s *step) timerFired() {
	kind := s.slot.Timer
	s.slot.Timer = NoTimer
	switch kind {
	case RestartTimer:
		s.startByPolicy()
	case StopTimer:
		s.killTree()
	case StartTimer:
		s.startTimedOut()
	case HookTimer:
		s.hookOverdue()
	case RunTimer:
		s.runTimedOut()
	case DrainTimer:
		s.drainOver()
	case SteadyTimer:
		s.steady()
	}
}
