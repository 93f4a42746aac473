package set

import (
	"strings"
	"time"

	"goinit/supervise/app"
)

// lastKill is what is kept of the budget for the last SIGKILL to take effect: DESIGN section 3.
const lastKill = 300 * time.Millisecond

// stop is an ordered stop under way.
type stop struct {
	reason    string
	status    *int
	requested bool
	deadline  time.Duration
	epoch     int
	delaying  bool // everything serves on
	killing   bool // the budget is over

	signaled   bool
	signaledAt time.Duration // the last signal that counted as a request
}

// OneRequest is how near to each other two signals that ask for the end are one request: timeout(1) sends its own to the
// child, and then to the group that the child is in.
const OneRequest = 100 * time.Millisecond

// asked is a request; the second one hurries.
func (s *Set) asked(e Shutdown, out *effects) {
	if e.Signal {
		if s.stop.signaled && e.Now-s.stop.signaledAt < OneRequest {
			return
		}
		s.stop.signaled, s.stop.signaledAt = true, e.Now
	}
	if s.Phase != Stopping {
		s.stop.requested = true
		s.begin(e.Reason, e.Status, e.Now, out)
		return
	}
	if e.Status != nil {
		s.stop.status = e.Status // the last word wins
	}
	if !s.stop.requested { // it had begun by itself, so this is the first
		s.stop.requested = true
		return
	}
	if s.stop.delaying {
		s.proceed(e.Now, out)
		return
	}
	s.hurry(e.Now, out)
}

func (s *Set) begin(reason string, status *int, now time.Duration, out *effects) {
	s.Phase = Stopping
	s.stop.reason, s.stop.status = reason, status
	data := map[string]any{"reason": reason}
	if s.Budget > 0 {
		s.stop.deadline = now + s.Budget
		data["budget"] = s.Budget.String()
	}
	delay := s.delay()
	if delay > 0 {
		data["delay"] = delay.String()
	}
	out.add(Emit{Type: "shutdown.started", Data: data})
	if delay > 0 {
		s.stop.delaying = true
		s.arm(delay, out)
		return
	}
	s.proceed(now, out)
}

// delay is for whoever still sends requests here, so that nobody has one for an end that comes by itself, or with nothing
// that runs. It is part of the budget: one that would take all of it, which only a budget that was not written can come
// to, is half of it.
func (s *Set) delay() time.Duration {
	if !s.stop.requested || !s.serving() {
		return 0
	}
	if s.Budget > 0 && s.Delay >= s.Budget {
		return s.Budget / 2
	}
	return s.Delay
}

func (s *Set) serving() bool {
	for _, m := range s.Members {
		if !m.Summary.Empty {
			return true
		}
	}
	return false
}

// goOn is what a change leads to in a stop.
func (s *Set) goOn(now time.Duration, out *effects) {
	if s.stop.delaying {
		if _, _, over := s.over(); !over && s.serving() {
			return
		}
		s.proceed(now, out)
		return
	}
	s.stopNext(now, out)
}

// proceed begins with the stops.
func (s *Set) proceed(now time.Duration, out *effects) {
	if s.stop.delaying {
		s.stop.delaying = false
		out.add(Emit{Type: "shutdown.proceeded"})
	}
	if s.Budget > 0 {
		s.arm(max(0, s.stop.deadline-lastKill-now), out)
	} else {
		s.stop.epoch++ // a timer of the delay is over
	}
	s.stopNext(now, out)
}

func (s *Set) arm(after time.Duration, out *effects) {
	s.stop.epoch++
	out.add(ArmTimer{Epoch: s.stop.epoch, After: after})
}

// stopNext asks whoever nobody depends on any more, and ends when nobody is left.
func (s *Set) stopNext(now time.Duration, out *effects) {
	for again := true; again; {
		again = false
		for _, m := range s.Members {
			if !m.Asked && s.free(m) {
				m.Asked = true
				again = true
				out.add(StopApp{App: m.Spec.Name, Within: s.share(m, now)})
			}
		}
	}
	for _, m := range s.Members {
		if !m.Asked || !m.Summary.Closing || !m.Summary.Idle {
			return
		}
	}
	s.end(out)
}

// free reports whether nothing runs that depends on an app, nor will.
func (s *Set) free(m *Member) bool {
	for _, d := range s.dependents(m.Spec.Name) {
		if !d.Asked || !d.Summary.Closing || !d.Summary.Empty {
			return false
		}
	}
	return true
}

// stopTime is what an app's stop may take: to drain, and to stop.
func stopTime(m *Member) time.Duration { return time.Duration(m.Spec.Drain() + m.Spec.Stop.Timeout) }

// share is an app's part of what remains: by its own timeout, among those of the longest line that stops after it.
func (s *Set) share(m *Member, now time.Duration) time.Duration {
	if s.Budget == 0 {
		return app.Unlimited
	}
	if s.stop.killing {
		return 0
	}
	remains := max(0, s.stop.deadline-lastKill-now)
	own := stopTime(m)
	path := s.criticalPath(m)
	if path <= 0 {
		return 0
	}
	return min(own, time.Duration(float64(remains)*(float64(own)/float64(path))))
}

// hurry kills whoever was asked before, and asks all others at once, whatever depends on them.
func (s *Set) hurry(now time.Duration, out *effects) {
	out.add(Emit{Type: "shutdown.hurried"})
	for _, m := range s.Members {
		if m.Asked {
			out.add(HurryApp{App: m.Spec.Name})
			continue
		}
		m.Asked = true
		out.add(StopApp{App: m.Spec.Name, Within: s.share(m, now)})
	}
	s.stopNext(now, out)
}

func (s *Set) timerFired(e TimerFired, out *effects) {
	if s.Phase != Stopping || e.Epoch != s.stop.epoch {
		return
	}
	if s.stop.delaying {
		s.proceed(e.Now, out)
		return
	}
	if s.stop.killing { // what is left does not die of SIGKILL: uninterruptible
		s.end(out)
		return
	}
	s.stop.killing = true
	var left []string
	for _, m := range s.Members {
		if !m.Summary.Idle {
			left = append(left, m.Spec.Name)
			m.Asked = true
			out.add(StopApp{App: m.Spec.Name, Within: 0})
		}
	}
	out.add(Emit{Type: "shutdown.budget-over", Data: map[string]any{"apps": left}})
	s.arm(min(lastKill, max(0, s.stop.deadline-e.Now)), out)
}

func (s *Set) end(out *effects) {
	s.Phase = Ended
	o := Outcome{Reason: s.stop.reason}
	var main *Member
	for _, m := range s.Members {
		if m.Summary.Killed != "" {
			o.Killed = append(o.Killed, strings.Fields(m.Summary.Killed)...)
		}
		if m.Spec.Main && main == nil {
			main = m
		}
	}
	switch {
	case s.stop.status != nil:
		o.Status = *s.stop.status
	case main != nil:
		o.Status = main.Summary.Status
	case len(o.Killed) > 0:
		o.Status = 137
	}
	out.add(Emit{Type: "shutdown.finished", Data: map[string]any{"status": o.Status, "reason": o.Reason, "killed": o.Killed}})
	out.add(End{Outcome: o})
}
