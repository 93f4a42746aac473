package supervise

import (
	"context"
	"fmt"
	"slices"

	"goinit/signame"
	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// waiterBound is how many may wait for one app's outcome.
const waiterBound = 64

// goal is what a waiter waits for.
type goal uint8

const (
	goalNone     goal = iota
	goalUp            // every slot is running or has completed
	goalAnew          // the same, by a process that is not the one there was
	goalDown          // nothing runs
	goalSize          // as many workers as asked for, and up
	goalPaused        // whatever ran is suspended
	goalReplaced      // every slot that had a process has another, and nothing is left of the old one
)

// request is a command on its way to an app.
type request struct {
	kind     app.Kind
	ask      bool  // false: there is only something to wait for
	slots    []int // nil: all
	signal   app.Event
	relative bool
	wait     waiter
}

func (r *request) refuse(err error) { r.wait.reply <- err }

// waiter is somebody who wants to know the outcome; reply holds one answer.
type waiter struct {
	context     context.Context
	goal        goal
	slots       []int
	generations map[int]int
	idle        map[int]bool // slots that nothing ran in, nor would
	reload      int          // the number of the reload that it waits for
	reply       chan error
}

// command asks the machine. Whoever waits for nothing is answered with the others at the end of the turn: what they see
// then has what they asked for.
func (o *owner) command(r request) {
	w := r.wait
	w.slots, w.generations, w.idle = r.slots, map[int]int{}, map[int]bool{}
	for i := range o.state.Slots {
		s := &o.state.Slots[i]
		w.generations[s.Number] = max(s.Generation, s.Last)
		w.idle[s.Number] = s.State == app.Stopped || s.State == app.Waiting
	}
	o.waiters = slices.DeleteFunc(o.waiters, func(w *waiter) bool { return w.context.Err() != nil })
	if w.goal != goalNone && len(o.waiters) >= waiterBound {
		r.refuse(ErrBusy)
		return
	}
	if r.ask {
		if err := o.ask(&r); err != nil {
			r.refuse(err)
			return
		}
		w.reload = o.state.Reload.Number
		if r.kind == app.AskReload && o.state.Config.ReloadSignal != 0 {
			w.goal = goalNone
		}
	}
	o.waiters = append(o.waiters, &w)
}

func (o *owner) ask(r *request) error {
	if o.state.Closing && r.kind != app.AskStop && r.kind != app.AskKill && r.kind != app.AskSignal {
		return ErrEnded
	}
	e := r.signal
	e.Kind, e.Slot = r.kind, app.AllSlots
	switch r.kind {
	case app.AskScale:
		if o.runs != nil {
			return fmt.Errorf("%w: %s is a job, and has one worker a run: several at a time are schedule: {concurrency: allow}", ErrInvalid, o.name)
		}
		if r.relative {
			e.Workers += o.state.Workers
		}
		if e.Workers < 0 || e.Workers > spec.MaxWorkers {
			return fmt.Errorf("%w: %s cannot have %d workers: it is not from 0 to %d", ErrInvalid, o.name, e.Workers, spec.MaxWorkers)
		}
	case app.AskSignal:
		return o.signal(r.slots, e)
	case app.AskReload:
		e.Detail = "goinit ctl reload"
		if err := o.reloadable(r.slots); err != nil {
			return err
		}
	case app.AskPause:
		if !o.pausable(r.slots) {
			return fmt.Errorf("%s: %w", o.name, ErrNotPaused)
		}
	}
	if r.slots == nil {
		o.step(e)
		return nil
	}
	for _, n := range r.slots {
		e.Slot = n
		o.step(e)
	}
	return nil
}

// pausable reports whether one of the slots is running, or paused already.
func (o *owner) pausable(slots []int) bool {
	return slices.ContainsFunc(o.state.Slots, func(s app.Slot) bool {
		return (s.State == app.Running || s.State == app.Paused) && (slots == nil || slices.Contains(slots, s.Number))
	})
}

// signal is told what came of it.
func (o *owner) signal(slots []int, e app.Event) error {
	sent := false
	for i := range o.state.Slots {
		s := &o.state.Slots[i]
		if slots != nil && !slices.Contains(slots, s.Number) {
			continue
		}
		p, ok := o.processes[placeOf(s)]
		if s.Process != app.Alive || s.Hook != app.NoHook || !ok {
			continue
		}
		if err := p.process.Signal(e.Signal); err != nil {
			return fmt.Errorf("cannot send %s to %s: %w", signame.Of(e.Signal), tree.Worker(o.name, s.Number), err)
		}
		sent = true
	}
	if !sent {
		return fmt.Errorf("%s: %w", o.name, ErrNotRunning)
	}
	return nil
}

// answer tells those whose outcome is known.
func (o *owner) answer() {
	o.waiters = slices.DeleteFunc(o.waiters, func(w *waiter) bool {
		done, err := o.outcome(w)
		if done {
			w.reply <- err
		}
		return done
	})
}

func (o *owner) outcome(w *waiter) (done bool, err error) {
	if w.goal == goalNone {
		return true, nil
	}
	slots := w.slots
	if slots == nil {
		for i := range o.state.Slots {
			slots = append(slots, o.state.Slots[i].Number)
		}
	}
	if o.leaving && w.goal != goalDown {
		return true, fmt.Errorf("%s is removed: %w", o.name, ErrSuperseded)
	}
	if done, err := o.reloadOutcome(w); !done || err != nil {
		return done, err
	}
	done = true
	for _, n := range slots {
		d, err := o.slotOutcome(w, n)
		if err != nil {
			return true, err
		}
		done = done && d
	}
	if w.goal == goalDown && o.besideAny(slots) {
		done = false
	}
	if w.goal == goalSize && len(o.state.Slots) != o.state.Workers {
		done = false
	}
	return done, nil
}

func (o *owner) slotOutcome(w *waiter, n int) (done bool, err error) {
	s := o.slot(n)
	if s == nil {
		if w.goal == goalUp || w.goal == goalAnew {
			return true, fmt.Errorf("%s: %w", tree.Worker(o.name, n), ErrSuperseded)
		}
		return true, nil
	}
	if w.goal == goalDown {
		switch s.State {
		case app.Stopping, app.Draining:
			if s.Next == app.Again {
				return true, o.superseded(s)
			}
			return false, nil
		case app.Completed, app.Stopped, app.Failed:
			return true, nil
		}
		return true, o.superseded(s)
	}
	if w.goal == goalPaused {
		return o.paused(s)
	}
	if w.goal == goalReplaced {
		return o.replaced(w, s)
	}
	if w.goal == goalSize && (s.State == app.Stopping || s.State == app.Draining) && s.Next == app.Leave {
		return false, nil
	}
	if w.goal == goalAnew && s.Generation <= w.generations[n] && s.State != app.Stopped {
		return s.State == app.Waiting && o.state.Held != "", o.held(s)
	}
	if s.State == app.Scheduled {
		return true, o.ran(w, s)
	}
	return o.up(s, w.goal == goalSize && o.state.Down)
}

// ran is what a start of a job waits for, where the run is over already: one that has failed has failed.
func (o *owner) ran(w *waiter, s *app.Slot) error {
	if s.Generation > w.generations[s.Number] && s.Failures > 0 {
		return o.cameToNothing(s)
	}
	return nil
}

// paused is what a pause waits for: what did not run stays as it is.
func (o *owner) paused(s *app.Slot) (done bool, err error) {
	switch {
	case s.State == app.Paused:
		return s.Frozen, nil
	case s.State == app.Running && o.seen[placeOf(s)].unpausable != "":
		return true, fmt.Errorf("cannot pause %s: %s", tree.Worker(o.name, s.Number), o.seen[placeOf(s)].unpausable)
	case s.State == app.Running:
		return true, o.superseded(s)
	}
	return true, nil
}

// up is what a start waits for. Of an app that is stopped as a whole, a scale expects no more.
func (o *owner) up(s *app.Slot, downWillDo bool) (done bool, err error) {
	switch s.State {
	case app.Running, app.Paused, app.Completed:
		return true, nil
	case app.Failed, app.Backoff:
		if s.State == app.Backoff && s.Replacing {
			return false, nil // a pause ahead of its replacement
		}
		return true, o.cameToNothing(s)
	case app.Stopped:
		if downWillDo {
			return true, nil
		}
		return true, o.superseded(s)
	case app.Stopping, app.Draining:
		if s.Next == app.Stay || s.Next == app.Leave {
			return true, o.superseded(s)
		}
	case app.Waiting:
		return false, o.held(s)
	}
	return false, nil
}

// cameToNothing says how the last process of a slot ended.
func (o *owner) cameToNothing(s *app.Slot) error {
	x := lastExit(s.LastExit, o.exits[s.Number])
	how := fmt.Sprintf("ended with status %d", x.Status)
	switch {
	case x.Error != "":
		how = x.Error
	case s.LastExit.Reason == app.ReasonStartTimeout:
		how = fmt.Sprintf("was not ready within %v", o.state.Config.StartTimeout)
	case s.LastExit.Reason == app.ReasonRunTimeout:
		how = fmt.Sprintf("was not over within %v", o.state.Config.Job.Timeout)
	case s.LastExit.Reason == app.ReasonUnhealthy:
		how = "was unhealthy"
	case x.Signal != nil:
		how = "was killed by " + *x.Signal
	}
	return fmt.Errorf("%s: %w: %s", tree.Worker(o.name, s.Number), ErrFailed, how)
}

func (o *owner) held(s *app.Slot) error {
	if s.State == app.Waiting && o.state.Held != "" {
		return fmt.Errorf("%s: %w: it waits for %s, which is not up", tree.Worker(o.name, s.Number), ErrFailed, o.state.Held)
	}
	return nil
}

func (o *owner) superseded(s *app.Slot) error {
	return fmt.Errorf("%s is %s: %w", tree.Worker(o.name, s.Number), s.State, ErrSuperseded)
}

// outcomeAtEnd is for those who wait when the owner goes: a stop has come to its end, nothing else will.
func (o *owner) outcomeAtEnd(w *waiter) error {
	if done, err := o.outcome(w); done {
		return err
	}
	return ErrEnded
}
