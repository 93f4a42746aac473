package health

import (
	"context"
	"sync"
	"time"
)

// Timing is when a probe is made and what counts, in Kubernetes' words.
type Timing struct {
	InitialDelay     time.Duration
	Period           time.Duration // from the beginning of one probe to that of the next
	Timeout          time.Duration // of one probe
	SuccessThreshold int           // in a row; 0 is 1
	FailureThreshold int
}

// firstPause is the first of the pauses before the first success; they double up to the period.
const firstPause = 100 * time.Millisecond

// leastPause is between two probes, even where one takes longer than the period: a probe that hangs is not to keep PID 1
// and the process busy.
const leastPause = 10 * time.Millisecond

// check asks once. nil is well. It returns soon after the deadline at the latest, and at once when ctx is done.
type check interface {
	check(ctx context.Context, deadline time.Time) *Failure
}

// gate holds probes up while the process is frozen, and lets their answers not count.
type gate struct {
	mu      sync.Mutex
	opened  chan struct{} // not nil: shut, until it is closed
	passing int           // how often it was shut
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		g.opened = make(chan struct{})
		g.passing++
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

// pass waits until the gate is open; times is to be compared after what was done behind it.
func (g *gate) pass(ctx context.Context) (times int) {
	for {
		g.mu.Lock()
		opened, times := g.opened, g.passing
		g.mu.Unlock()
		if opened == nil {
			return times
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return times
		}
	}
}

func (g *gate) times() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passing
}

// schedule makes one probe again and again. Its goroutine makes them, so there is never more than one under way.
type schedule struct {
	timing Timing
	check  check
	gate   *gate
	random func() float64 // 0 to 1
	eager  bool           // before the first success: soon, and then less and less often
	// count is given every answer that counts, and says whether to go on.
	count func(*Failure) bool
	// made is told of every answer that counts, and how long it took.
	made func(failed bool, took time.Duration)
	// unasked is told of the first probe in a row that could not be made.
	unasked func(*Failure)
}

// run ends with the context, or when count has heard enough.
func (s *schedule) run(ctx context.Context) {
	pause := firstPause
	wait := s.timing.InitialDelay
	if s.eager {
		wait += pause
	} else {
		wait += s.phase()
	}
	waiting, unasked := s.eager, false
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		times := s.gate.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		failure := s.check.check(ctx, began.Add(s.timing.Timeout))
		if ctx.Err() != nil {
			return
		}
		switch {
		case failure != nil && failure.ours:
			if !unasked {
				s.unasked(failure)
			}
			unasked = true
		case s.gate.times() == times:
			unasked = false
			s.made(failure != nil, time.Since(began))
			if !s.count(failure) {
				return
			}
		}
		switch next := s.timing.Period; {
		case waiting && failure != nil:
			pause = min(2*pause, max(s.timing.Period, firstPause))
			wait = pause - time.Since(began)
		case waiting:
			waiting = false
			wait = s.phase()
		default:
			wait = next - time.Since(began)
		}
		timer.Reset(max(wait, leastPause))
	}
}

// phase is where in the period this probe has its place: what was started together is not to be asked together for ever.
func (s *schedule) phase() time.Duration {
	return time.Duration(s.random() * float64(s.timing.Period))
}

// ready counts for readiness that can be lost again.
func (w *Watch) countReady(t Timing) func(*Failure) bool {
	successes, failures, is, last := 0, 0, false, ""
	return func(f *Failure) bool {
		if f == nil {
			successes, failures = successes+1, 0
			if !is && successes >= t.SuccessThreshold {
				is, last = true, ""
				w.tell(Verdict{Kind: Ready})
			}
			return true
		}
		successes, failures = 0, failures+1
		switch {
		case is && failures >= t.FailureThreshold:
			is = false
			w.tell(Verdict{Kind: Unready, Why: f.Why, Output: f.Output})
		case !is && f.Why != last:
			last = f.Why
			w.tell(Verdict{Kind: NotYet, Why: f.Why, Output: f.Output})
		}
		return true
	}
}

// countOnce counts for readiness that is for good.
func (w *Watch) countOnce() func(*Failure) bool {
	last := ""
	return func(f *Failure) bool {
		if f == nil {
			w.tell(Verdict{Kind: Ready})
			return false
		}
		if f.Why != last {
			last = f.Why
			w.tell(Verdict{Kind: NotYet, Why: f.Why, Output: f.Output})
		}
		return true
	}
}

// countLive counts for liveness.
func (w *Watch) countLive(t Timing) func(*Failure) bool {
	failures, times := 0, w.gate.times()
	return func(f *Failure) bool {
		if now := w.gate.times(); now != times { // who was frozen begins anew: a verdict of just before was not heard
			failures, times = 0, now
		}
		if f == nil {
			failures = 0
			return true
		}
		if failures++; failures == max(1, t.FailureThreshold) {
			w.tell(Verdict{Kind: Unhealthy, Why: f.Why, Output: f.Output})
		}
		return true
	}
}
