package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"goinit/control"
	"goinit/logs"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/set"
)

// Do carries out a command.
func (d *Desk) Do(ctx context.Context, command control.Command) (control.Result, error) {
	switch c := command.(type) {
	case control.Start:
		return d.order(ctx, c.Order, "started", supervise.Start{Targets: names(c.Targets), NoWait: c.NoWait})
	case control.Stop:
		return d.order(ctx, c.Order, "stopped", supervise.Stop{Targets: names(c.Targets), NoWait: c.NoWait})
	case control.Restart:
		return d.order(ctx, c.Order, "restarted", supervise.Restart{Targets: names(c.Targets), NoWait: c.NoWait})
	case control.Reload:
		return d.order(ctx, c.Order, "reloaded", supervise.Reload{Targets: names(c.Targets), NoWait: c.NoWait})
	case control.Pause:
		return d.suspend(ctx, c.Order, "paused", supervise.Pause{Targets: names(c.Targets), NoWait: c.NoWait})
	case control.Resume:
		return d.suspend(ctx, c.Order, "resumed", supervise.Resume{Targets: names(c.Targets), NoWait: c.NoWait})
	case control.Update:
		return d.update(ctx, c)
	case control.Signal:
		return d.signal(ctx, c)
	case control.Scale:
		order := control.Order{Targets: []control.Target{{App: c.App, Slot: control.WholeApp}}, NoWait: c.NoWait}
		return d.order(ctx, order, "scaled", supervise.Scale{App: c.App, N: c.Workers, Relative: c.Relative, NoWait: c.NoWait})
	case control.Apply:
		return d.apply(ctx, c)
	case control.Add:
		return d.add(ctx, c)
	case control.Remove:
		order := control.Order{Targets: []control.Target{{App: c.App, Slot: control.WholeApp}}}
		result, err := d.order(ctx, order, "removed", supervise.Remove{App: c.App, NoWait: c.NoWait})
		switch {
		case err == nil && c.NoWait:
			result.Outcomes = []control.Outcome{{Name: c.App, Outcome: "accepted"}}
		case err == nil:
			result.Outcomes = []control.Outcome{{Name: c.App, Outcome: "removed"}}
		}
		return result, err
	case control.Save:
		path, err := d.Save(d.Supervisor.Scaled())
		return control.Result{Path: path}, err
	case control.Shutdown:
		_, err := d.Supervisor.Do(ctx, supervise.Shutdown{Status: c.Status, Reason: cmp.Or(c.Reason, "goinit ctl shutdown")})
		return control.Result{}, d.explain(err, nil)
	}
	return control.Result{}, control.Errorf(control.NotAvailable, "not available: %T", command)
}

func names(targets []control.Target) []string {
	var all []string
	for _, t := range targets {
		if t.Slot == control.WholeApp {
			all = append(all, t.App)
		} else {
			all = append(all, t.App+"/"+strconv.Itoa(t.Slot))
		}
	}
	return all
}

// order compares what was with what is, so that a worker that was left alone is not called started.
func (d *Desk) order(ctx context.Context, o control.Order, done string, c supervise.Command) (control.Result, error) {
	before := map[string]supervise.Worker{}
	for _, w := range d.Supervisor.Snapshot() {
		if !w.Beside {
			before[nameOf(w)] = w
		}
	}
	result, err := d.Supervisor.Do(ctx, c)
	var r control.Result
	for _, w := range result.Workers {
		outcome := done
		was, is := before[nameOf(w)]
		switch {
		case o.NoWait:
			outcome = "accepted"
		case is && was.Generation == w.Generation && was.State == w.State && w.State == "scheduled":
			outcome = "unchanged"
		case down(w):
			outcome = "failed"
		case done == "reloaded" && d.reloadsItself(w.App):
			outcome = "signaled"
		case is && was.Generation == w.Generation && was.State == w.State:
			outcome = "unchanged"
		}
		r.Outcomes = append(r.Outcomes, outcomeOf(w, outcome))
	}
	return r, d.explain(err, result.Workers)
}

// reloadsItself reports whether an app's workers are sent a signal instead of being replaced.
func (d *Desk) reloadsItself(name string) bool {
	return slices.ContainsFunc(d.Supervisor.Apps(), func(a spec.App) bool { return a.Name == name && a.Reload.Signal != "" })
}

// down reports whether a worker did not come up, or a job's run has failed.
func down(w supervise.Worker) bool {
	return w.State == "failed" || w.State == "backoff" || w.State == "scheduled" && w.Failures > 0
}

func outcomeOf(w supervise.Worker, outcome string) control.Outcome {
	o := control.Outcome{Name: nameOf(w), Outcome: outcome, PID: w.PID}
	if outcome == "failed" {
		o.Message = whyDown(w)
	}
	return o
}

func nameOf(w supervise.Worker) string {
	if w.Worker != nil {
		return *w.Worker
	}
	return w.App
}

func whyDown(w supervise.Worker) string {
	switch e := w.LastExit; {
	case e == nil:
		return "it is " + w.State
	case e.Error != "":
		return e.Error
	case e.Reason == "start-timeout":
		return "it was not ready in time"
	case e.Reason == "unhealthy":
		return "it was unhealthy"
	case e.Signal != nil:
		return "killed by " + *e.Signal
	default:
		return "exited with status " + strconv.Itoa(e.Status)
	}
}

func (d *Desk) signal(ctx context.Context, c control.Signal) (control.Result, error) {
	result, err := d.Supervisor.Do(ctx, supervise.Signal{Targets: names(c.Targets), Signal: syscall.Signal(c.Number)})
	var r control.Result
	for _, w := range result.Workers {
		outcome := "signaled"
		if w.PID == nil {
			outcome = "unchanged"
		}
		r.Outcomes = append(r.Outcomes, outcomeOf(w, outcome))
	}
	return r, d.explain(err, nil)
}

func (d *Desk) add(ctx context.Context, c control.Add) (control.Result, error) {
	a, err := spec.LoadApp(c.App)
	if err != nil {
		return control.Result{}, control.Errorf(control.Failure, "%v", err)
	}
	order := control.Order{Targets: []control.Target{{App: a.Name, Slot: control.WholeApp}}, NoWait: c.NoWait}
	return d.order(ctx, order, "added", supervise.Add{App: a, NoWait: c.NoWait})
}

// apply reads a spec and makes it the one that counts before another may be read: the last word is the last that was
// given. What it changes is waited for outside of that turn.
func (d *Desk) apply(ctx context.Context, c control.Apply) (control.Result, error) {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return control.Result{}, context.Cause(ctx)
	}
	leave := sync.OnceFunc(func() { <-d.turn })
	defer leave()
	loaded, err := d.Load(ctx, c.Spec)
	if err != nil {
		return control.Result{}, control.Errorf(control.Failure, "nothing was changed: %v", err)
	}
	ownDiff, undo, err := d.applyOwn(ctx, loaded, c.DryRun)
	if err != nil {
		return control.Result{}, control.Errorf(control.Failure, "nothing was changed: %v", err)
	}
	was := d.Spec()
	var accepted atomic.Bool // by another goroutine, which may come to it when the client has long gone
	budget, delay := d.Budget(loaded), time.Duration(loaded.Shutdown.Delay)
	result, err := d.Supervisor.Do(ctx, supervise.Apply{Apps: loaded.Apps, DryRun: c.DryRun, NoWait: c.NoWait, Budget: &budget, Delay: &delay, Accepted: func() {
		d.Applied(loaded)
		accepted.Store(true)
		leave()
	}})
	if err != nil && ctx.Err() == nil && !accepted.Load() {
		undo()
	}
	var r control.Result
	if result.Diff != nil {
		r.Changes = append(byHand(changes(result.Diff), was, loaded), ownChanges(ownDiff)...)
	}
	return r, d.explain(err, result.Workers)
}

func changes(diff *set.Diff) (all []control.Change) {
	for _, part := range [...]struct {
		action string
		apps   []string
	}{{"add", diff.Added}, {"remove", diff.Removed}, {"restart", diff.Changed}, {"reload", diff.Reloaded}, {"update", diff.Updated}, {"none", diff.Unchanged}} {
		for _, name := range part.apps {
			all = append(all, control.Change{App: name, Action: part.action})
		}
	}
	return all
}

// byHand says of apps that a command has added, and of those that were saved, why an apply of the file concerns them.
func byHand(all []control.Change, was, loaded *spec.Spec) []control.Change {
	for i := range all {
		c := &all[i]
		switch {
		case c.Action == "remove" && !slices.ContainsFunc(was.Apps, func(a spec.App) bool { return a.Name == c.App }):
			c.Message = "(added by a command, not saved: goinit ctl save)"
		case c.Action == "add" && slices.Contains(loaded.Guests, c.App):
			c.Message = "(saved; goinit ctl save forgets it)"
		}
	}
	return all
}

// explain gives an error of the supervisor its name on the wire, and a worker that did not come up its last words.
func (d *Desk) explain(err error, workers []supervise.Worker) error {
	var target *supervise.TargetError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded // control says what that means
	case errors.As(err, &target):
		e := control.Errorf(control.NoSuchTarget, "%v", err)
		e.Target = target.Target
		return e
	case errors.Is(err, supervise.ErrNoGroups):
		return control.Errorf(control.NotAvailable, "%v", err)
	case errors.Is(err, supervise.ErrBusy):
		return control.Errorf(control.Busy, "%v", err)
	}
	if stopped := supervise.AsReloadErrors(err); len(stopped) > 0 {
		return d.explainReload(stopped)
	}
	e := control.Errorf(control.Failure, "%v", err)
	if errors.Is(err, supervise.ErrFailed) {
		for _, w := range workers {
			if w.Slot == nil || !down(w) {
				continue
			}
			e.Message = fmt.Sprintf("%s did not come up: %s", nameOf(w), whyDown(w))
			for _, l := range d.Console.Tail(logs.Target{App: w.App, Slot: *w.Slot}, lastWords) {
				e.Lines = append(e.Lines, string(l.Line))
			}
			break
		}
	}
	return e
}

// lastWords is how many of a worker's last lines go with the news of its end.
const lastWords = 5
