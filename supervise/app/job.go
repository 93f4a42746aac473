package app

import (
	"fmt"
	"slices"
	"time"
)

// A job is an app that does not run all the time: between its runs its slot is Scheduled. Whoever knows the time gives the
// app a Due; which slot it comes to, and what becomes of it while the last run is not over, is decided here.

// Job is what the machine has to know of a job.
type Job struct {
	Concurrency string        // when the last run is not over: forbid, allow, replace
	Most        int           // runs at once; more than one with allow only
	Timeout     time.Duration // of one run; 0: none
	Fatal       bool          // a run that fails is the end of the job, and so of goinit (on_failure: shutdown)
}

// due is the time of a run. A slot at rest takes it; with concurrency: allow one is made, which goes with the run.
func (a App) due(e Event) (App, []Effect) {
	if a.Closing || len(a.Slots) == 0 {
		return a, nil
	}
	free := -1
	for i := range a.Slots {
		s := &a.Slots[i]
		if s.State.Final() || s.leaving() {
			return a, nil // stopped by hand, failed for good, or about to leave
		}
		if free < 0 && (s.State == Scheduled || s.State == Waiting) {
			free = i
		}
	}
	var out []Effect
	switch {
	case free >= 0:
		out = a.toSlot(&a.Slots[free], e, out)
	case a.Config.Job.Concurrency != "allow":
		out = a.toSlot(&a.Slots[0], e, out)
	case len(a.Slots) >= a.Config.Job.Most:
		out = append(out, Emit{Type: "job.skipped", Slot: AllSlots, Detail: fmt.Sprintf("%d runs are not over", len(a.Slots))})
	default:
		n := 0
		for n < len(a.Slots) && a.Slots[n].Number == n {
			n++
		}
		s := a.fresh(n, Scheduled)
		out = a.toSlot(&s, e, out)
		a.Slots = slices.Insert(a.Slots, n, s)
	}
	return a, a.goOn(e, out)
}

// wantsAnother reports whether a request to start is one for a run beside those that there are.
func (a *App) wantsAnother() bool {
	return a.Config.Job != nil && a.Config.Job.Concurrency == "allow" &&
		!slices.ContainsFunc(a.Slots, func(s Slot) bool { return s.Process == None || s.State == Stopping && s.Next != ByPolicy })
}

// extra reports whether the slot is there for one run only.
func (s *step) extra() bool { return s.config.Job != nil && s.slot.Number > 0 }

// dependenciesMet starts what is not a job, or a job whose time has come meanwhile.
func (s *step) dependenciesMet() {
	if s.config.Job != nil && !s.slot.Owed {
		s.slot.State = Scheduled
		s.tell("worker.scheduled")
		return
	}
	s.run()
}

// run is a run of a job, or the start of any other app.
func (s *step) run() {
	s.slot.Owed = false
	s.start()
}

// owe keeps in mind that there is to be a run when the dependencies are met: one, however often its time comes.
func (s *step) owe() { s.slot.Owed = s.config.Job != nil }

// overlap is a run whose time comes while the last one is not over.
func (s *step) overlap() {
	if s.config.Job == nil {
		return
	}
	if s.config.Job.Concurrency == "replace" {
		s.end(Again, s.timeout())
		return
	}
	s.emit(Emit{Type: "job.skipped", Slot: s.slot.Number, Generation: s.slot.Generation, Detail: "the last run is not over"})
}

// overlapEnding is the same while the last run ends. One that was stopped by hand is not started again by the clock.
func (s *step) overlapEnding() {
	if s.config.Job == nil || s.slot.Next != ByPolicy {
		return
	}
	if s.config.Job.Concurrency == "replace" {
		s.slot.Next = Again
		return
	}
	s.overlap()
}

// limitRun arms the timer of a run, which counts from the start of its process.
func (s *step) limitRun() {
	if s.config.Job != nil && s.config.Job.Timeout > 0 {
		s.arm(RunTimer, max(time.Millisecond, s.config.Job.Timeout-(s.event.Now-s.slot.StartedAt)))
	}
}

// startLimit is the time to become ready: a run's own limit includes it.
func (s *step) startLimit() time.Duration {
	limit := s.config.StartTimeout
	if j := s.config.Job; j != nil && j.Timeout > 0 && (limit == 0 || j.Timeout < limit) {
		return j.Timeout
	}
	return limit
}

func (s *step) runTimedOut() {
	s.emit(Emit{Type: "job.timeout", Slot: s.slot.Number, Generation: s.slot.Generation, Delay: s.config.Job.Timeout})
	s.slot.Why = ReasonRunTimeout
	s.end(ByPolicy, s.timeout())
}

// runEnded is what comes after a run of which nothing is left.
func (s *step) runEnded() {
	if s.succeeded() {
		s.slot.Failures = 0
		s.tellExit("worker.completed")
	} else {
		s.slot.Failures++
		if s.config.Job.Fatal {
			s.fail()
			return
		}
		s.tellExit("job.failed")
	}
	if s.extra() {
		s.leave()
		return
	}
	s.slot.State = Scheduled
}
