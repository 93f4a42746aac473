package supervise

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// ReloadError is a reload that has stopped: a new worker did not do, and whoever was not replaced by then stays as it was.
type ReloadError struct {
	App              string
	Slot, Generation int // of the new worker
	Done, Of         int // workers that were replaced before
	Old              int // that serve on as they were
	Why              string
	Ended            bool // the new worker has; else it is being stopped
}

func (e *ReloadError) Error() string {
	rest := "no old worker is left"
	switch {
	case e.Old == 1:
		rest = "the old worker serves on"
		if e.Of > 1 {
			rest = "1 old worker serves on"
		}
	case e.Old > 1:
		rest = fmt.Sprintf("the %d old workers serve on", e.Old)
	}
	return fmt.Sprintf("reload of %s stopped at %d of %d: the new %s %s; %s", e.App, min(e.Done+1, e.Of), e.Of, tree.Worker(e.App, e.Slot), e.Why, rest)
}

// Unwrap makes it an ErrFailed.
func (e *ReloadError) Unwrap() error { return ErrFailed }

// reloadable refuses a reload of what does not run, which would not be one.
func (o *owner) reloadable(slots []int) error {
	if o.runs != nil {
		return fmt.Errorf("%w: %s is a job: each run is a new process anyway", ErrInvalid, o.name)
	}
	some := slices.ContainsFunc(o.state.Slots, func(s app.Slot) bool {
		if slots != nil && !slices.Contains(slots, s.Number) {
			return false
		}
		return s.State != app.Waiting && s.State != app.Stopped && (s.State != app.Stopping && s.State != app.Draining || s.Next == app.ByPolicy || s.Next == app.Again)
	})
	if !some || o.state.Down {
		return fmt.Errorf("%s: %w that could be replaced: goinit ctl start %s", o.name, ErrNotRunning, o.name)
	}
	return nil
}

// reloadOutcome is of the reload as a whole: nothing is known of a slot while it goes on.
func (o *owner) reloadOutcome(w *waiter) (done bool, err error) {
	r := &o.state.Reload
	switch {
	case w.goal == goalReplaced && r.Active:
		return false, nil
	case w.goal == goalReplaced && r.Number == w.reload, w.goal == goalUp && w.reload == 0 && r.Revision == o.state.Config.Revision:
		if r.Failed == nil {
			return true, nil
		}
		f := place{r.Failed.Slot, r.Failed.Generation}
		if s := o.at(f); s != nil && s.Process == app.Dead {
			return false, nil // its last words may be on their way
		}
		return true, o.reloadError(r.Failed)
	}
	return true, nil
}

func (o *owner) reloadError(f *app.Failure) error {
	e := &ReloadError{App: o.name, Slot: f.Slot, Generation: f.Generation, Done: f.Done, Of: f.Of, Old: f.Old, Ended: true}
	x := lastExit(f.Exit, time.Time{})
	switch {
	case f.Limit > 0:
		e.Why, e.Ended = fmt.Sprintf("was not ready within %s", seconds(f.Limit)), false
		if f.NotReady != "" {
			e.Why += ": " + firstLine(f.NotReady)
		}
	case x.Error != "":
		e.Why = "could not be started: " + firstLine(x.Error)
	case x.Signal != nil:
		e.Why = "was killed by " + *x.Signal
	default:
		e.Why = fmt.Sprintf("exited with status %d", x.Status)
	}
	return e
}

// seconds is a time as one would say it: 60s, not 1m0s.
func seconds(d time.Duration) string {
	if d%time.Second == 0 && d < 10*time.Minute {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}

// replaced is a slot when the reload is over: who came between has had the last word.
func (o *owner) replaced(w *waiter, s *app.Slot) (done bool, err error) {
	before, asked := w.generations[s.Number]
	switch {
	case !asked || w.idle[s.Number]:
		return true, nil // there was nothing to be replaced
	case s.State == app.Stopped || s.State == app.Waiting:
		return true, o.superseded(s)
	case s.Generation <= before:
		return true, fmt.Errorf("%s was not replaced: %w", tree.Worker(o.name, s.Number), ErrSuperseded)
	}
	return o.up(s, false)
}

// besideAny reports whether one of the slots has a process besides its own.
func (o *owner) besideAny(slots []int) bool {
	beside := func(s app.Slot) bool { return slices.Contains(slots, s.Number) }
	return slices.ContainsFunc(o.state.Incoming, beside) || slices.ContainsFunc(o.state.Outgoing, beside)
}

// AsReloadErrors are the reloads that have stopped, of an error of Do.
func AsReloadErrors(err error) (all []*ReloadError) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			all = append(all, AsReloadErrors(e)...)
		}
		return all
	}
	var one *ReloadError
	if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}
