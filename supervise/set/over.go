package set

import (
	"strconv"

	"goinit/supervise/app"
)

// over says whether goinit is to end by itself, why, and with which status. DESIGN section 4, "When does goinit itself
// end?"; a request is the fourth rule, see asked.
func (s *Set) over() (reason string, status int, yes bool) {
	for _, m := range s.Members {
		if m.Leaving {
			continue
		}
		if m.Spec.Main && m.Summary.Final {
			return "main app " + m.Spec.Name + " ended with " + statusOf(&m.Summary), m.Summary.Status, true
		}
	}
	if m := s.firstFailure(func(m *Member) bool { return m.Spec.OnFailure == "shutdown" }); m != nil {
		return m.Spec.Name + " gave up with " + statusOf(&m.Summary), m.Summary.Status, true
	}
	return s.allFinal()
}

// allFinal: every app has come to its end, and nobody has laid hands on one.
func (s *Set) allFinal() (reason string, status int, yes bool) {
	ended, held := 0, ""
	for _, m := range s.Members {
		switch sum := &m.Summary; {
		case m.Leaving || sum.ByHand:
			return "", 0, false
		case sum.Final:
			ended++
		case m.Held != "" && sum.Empty:
			held = m.Spec.Name + " waits for " + m.Held
		case sum.Idle && !m.Spec.Enabled:
		default:
			return "", 0, false
		}
	}
	if s.Stay || s.Touched || ended == 0 || len(s.target) != len(s.Members) {
		return "", 0, false
	}
	if m := s.firstFailure(func(*Member) bool { return true }); m != nil {
		return "every app has ended, " + m.Spec.Name + " with " + statusOf(&m.Summary), m.Summary.Status, true
	}
	if held != "" {
		return "every app has ended, but " + held, 1, true
	}
	return "every app has completed", 0, true
}

// statusOf is a status, and why, where the number alone does not tell.
func statusOf(m *app.Summary) string {
	text := "status " + strconv.Itoa(m.Status)
	switch m.Reason {
	case "", app.ReasonExited, app.ReasonSignaled, app.ReasonStopped, app.ReasonReplaced, app.ReasonStartFailed:
		return text
	}
	return text + " (" + string(m.Reason) + ")"
}

func (s *Set) firstFailure(of func(*Member) bool) *Member {
	var first *Member
	for _, m := range s.Members {
		if m.Summary.Failed && !m.Leaving && of(m) && (first == nil || m.Summary.FailedAt < first.Summary.FailedAt) {
			first = m
		}
	}
	return first
}
