package app

import (
	"slices"
	"time"
)

// jitter is how much of a delay is left to chance: apps that fail together should not come back together.
const jitter = 0.2

// leastDelay keeps a delay of 0 from being a loop without end.
const leastDelay = 10 * time.Millisecond

// decide is the restart policy, for a process that ended by itself and of which nothing is left.
func (s *step) decide() {
	switch policy := s.config.Restart.Policy; {
	case s.config.Job != nil:
		s.runEnded()
	case policy == "always", policy == "on-failure" && !s.succeeded():
		s.again()
	default:
		s.cease()
	}
}

// cease is the end of a process after which there is to be no other.
func (s *step) cease() {
	if !s.succeeded() {
		s.fail()
		return
	}
	s.slot.State = Completed
	s.tellExit("worker.completed")
}

// completes reports whether its end by itself is what the restart policy leaves it at.
func (s *step) completes() bool {
	return s.slot.Next == ByPolicy && s.slot.Process == Dead && s.config.Restart.Policy != "always" && s.succeeded()
}

func (s *step) succeeded() bool {
	return s.slot.LastExit.Reason == ReasonExited && slices.Contains(s.config.Restart.SuccessCodes, s.slot.LastExit.Code)
}

// again is the first restart at once, then with a delay that doubles.
func (s *step) again() {
	policy := &s.config.Restart
	s.forgive()
	if s.tooMany() {
		s.fail()
		return
	}
	s.slot.Failures++
	delay := backoff(time.Duration(policy.Delay), time.Duration(policy.MaxDelay), s.slot.Failures, s.event.Jitter)
	if s.slot.Failures >= LoopAt && !s.slot.Looping {
		s.slot.Looping = true
		exit := s.slot.LastExit
		s.emit(Emit{Type: "worker.crash-loop", Slot: s.slot.Number, Generation: s.slot.Generation, Exit: &exit, Delay: delay, Failures: s.slot.Failures})
	}
	if delay == 0 {
		s.startByPolicy()
		return
	}
	s.slot.State = Backoff
	s.emit(Emit{Type: "worker.backoff", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: delay, Failures: s.slot.Failures})
	s.arm(RestartTimer, delay)
}

// forgive forgets the failures before a process that was well for long enough.
func (s *step) forgive() {
	if s.slot.ReadyAt > 0 && s.event.Now-s.slot.ReadyAt >= time.Duration(s.config.Restart.ResetAfter) {
		s.slot.Failures, s.slot.Looping = 0, false
	}
}

// LoopAt is how many failures in a row are told as what they are.
const LoopAt = 3

func (s *step) startByPolicy() {
	if s.slot.Next == ByPolicy { // a replacement that had to wait is none
		s.slot.Restarts++
	}
	s.start()
}

// tooMany counts one more restart, if there may be one.
func (s *step) tooMany() bool {
	if s.config.Restart.MaxRestarts == nil {
		return false
	}
	s.slot.Recent = s.recent()
	if len(s.slot.Recent) >= *s.config.Restart.MaxRestarts {
		return true
	}
	s.slot.Recent = append(s.slot.Recent, s.event.Now)
	return false
}

// recent are the restarts that count.
func (s *step) recent() (recent []time.Duration) {
	window := time.Duration(s.config.Restart.Window)
	for _, at := range s.slot.Recent {
		if window == 0 || s.event.Now-at < window {
			recent = append(recent, at)
		}
	}
	return recent
}

// exhausted reports whether there may not be one more restart.
func (s *step) exhausted() bool {
	most := s.config.Restart.MaxRestarts
	return most != nil && len(s.recent()) >= *most
}

func (s *step) fail() {
	s.slot.State, s.slot.FailedAt = Failed, s.event.Now
	s.tellExit("app.failed")
}

// backoff is the delay ahead of the n-th restart in a row. random, 0 to 1, takes up to a fifth away, so that most is kept.
func backoff(delay, most time.Duration, n int, random float64) time.Duration {
	if n <= 1 {
		return 0
	}
	delay, most = max(delay, leastDelay), max(most, leastDelay)
	for i := 2; i < n && delay < most; i++ {
		delay *= 2
	}
	delay = min(delay, most)
	return delay - time.Duration(float64(delay)*jitter*random)
}
