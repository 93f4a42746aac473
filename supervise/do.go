package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/set"
)

// Do carries out a command and, unless told not to, waits for its outcome or the end of the context. What was asked for
// goes on when the context ends.
func (s *Supervisor) Do(ctx context.Context, c Command) (Result, error) {
	switch c := c.(type) {
	case Start:
		return s.act(ctx, c.Targets, app.AskStart, goalUp, c.NoWait)
	case Stop:
		kind := app.AskStop
		if c.Kill {
			kind = app.AskKill
		}
		return s.act(ctx, c.Targets, kind, goalDown, c.NoWait)
	case Restart:
		return s.act(ctx, c.Targets, app.AskRestart, goalAnew, c.NoWait)
	case Reload:
		return s.act(ctx, c.Targets, app.AskReload, goalReplaced, c.NoWait)
	case Pause:
		return s.act(ctx, c.Targets, app.AskPause, goalPaused, c.NoWait)
	case Resume:
		return s.act(ctx, c.Targets, app.AskResume, goalNone, c.NoWait)
	case Signal:
		return s.signal(ctx, c)
	case Scale:
		return s.scale(ctx, c)
	case Update:
		return s.update(ctx, c)
	case Apply:
		return s.apply(ctx, setCommand{dryRun: c.DryRun, noWait: c.NoWait, budget: c.Budget, delay: c.Delay, accepted: c.Accepted,
			change: func([]spec.App) ([]spec.App, error) { return c.Apps, nil }})
	case Add:
		return s.apply(ctx, setCommand{noWait: c.NoWait, change: func(target []spec.App) ([]spec.App, error) {
			if slices.ContainsFunc(target, func(a spec.App) bool { return a.Name == c.App.Name }) {
				return nil, fmt.Errorf("%w: there is an app %s already", ErrInvalid, c.App.Name)
			}
			return append(target, c.App), nil
		}})
	case Remove:
		return s.apply(ctx, setCommand{remove: true, noWait: c.NoWait, change: func(target []spec.App) ([]spec.App, error) {
			rest := slices.DeleteFunc(slices.Clone(target), func(a spec.App) bool { return a.Name == c.App })
			if len(rest) == len(target) {
				return nil, &TargetError{Target: c.App, Known: s.known()}
			}
			return rest, nil
		}})
	case Shutdown:
		reply := make(chan error, 1)
		return Result{}, s.ask(ctx, setCommand{shutdown: &c, reply: reply})
	}
	return Result{}, fmt.Errorf("%w command %T", ErrInvalid, c)
}

// act asks every target's owner, then waits for all of them.
func (s *Supervisor) act(ctx context.Context, names []string, kind app.Kind, g goal, noWait bool) (Result, error) {
	owners, slots, err := s.targets(names)
	if err != nil {
		return Result{}, err
	}
	if noWait {
		g = goalNone
	}
	err = s.askAll(ctx, owners, func(o *owner) request {
		return request{kind: kind, ask: true, slots: slots[o], wait: waiter{goal: g}}
	})
	return Result{Workers: workersOf(owners, slots)}, err
}

func (s *Supervisor) askAll(ctx context.Context, owners []*owner, make_ func(*owner) request) error {
	var errs []error
	replies := make([]chan error, len(owners))
	for i, o := range owners {
		r := make_(o)
		r.wait.context, r.wait.reply = ctx, make(chan error, 1)
		if err := o.inbox.command(r); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.name, err))
			continue
		}
		replies[i] = r.wait.reply
	}
	for _, reply := range replies {
		if reply == nil {
			continue
		}
		select {
		case err := <-reply:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, context.Cause(ctx))...)
		}
	}
	return errors.Join(errs...)
}

// workersOf is what became of the targets.
func workersOf(owners []*owner, slots map[*owner][]int) []Worker {
	all := []Worker{}
	for _, o := range owners {
		for _, w := range *o.snapshot.Load() {
			if w.Beside {
				continue
			}
			if slots[o] == nil || w.Slot != nil && slices.Contains(slots[o], *w.Slot) {
				all = append(all, *w)
			}
		}
	}
	return all
}

func (s *Supervisor) signal(ctx context.Context, c Signal) (Result, error) {
	if c.Signal <= 0 || c.Signal > 64 {
		return Result{}, fmt.Errorf("%w: there is no signal %d", ErrInvalid, c.Signal)
	}
	owners, slots, err := s.targets(c.Targets)
	if err != nil {
		return Result{}, err
	}
	err = s.askAll(ctx, owners, func(o *owner) request {
		return request{kind: app.AskSignal, ask: true, slots: slots[o], signal: app.Event{Signal: c.Signal}}
	})
	return Result{Workers: workersOf(owners, slots)}, err
}

func (s *Supervisor) scale(ctx context.Context, c Scale) (Result, error) {
	o := s.owner(c.App)
	if o == nil {
		return Result{}, &TargetError{Target: c.App, Known: s.known()}
	}
	g := goalSize
	if c.NoWait {
		g = goalNone
	}
	err := s.askAll(ctx, []*owner{o}, func(*owner) request {
		return request{kind: app.AskScale, ask: true, relative: c.Relative, signal: app.Event{Workers: c.N}, wait: waiter{goal: g}}
	})
	return Result{Workers: workersOf([]*owner{o}, nil)}, err
}

// apply changes the set, and then waits for what has come new into it.
func (s *Supervisor) apply(ctx context.Context, c setCommand) (Result, error) {
	c.diff, c.reply = &set.Diff{}, make(chan error, 1)
	if err := s.ask(ctx, c); err != nil {
		return Result{}, err
	}
	result := Result{Diff: c.diff}
	if c.noWait || c.dryRun {
		return result, nil
	}
	var fresh []*owner
	for _, name := range slices.Concat(c.diff.Added, c.diff.Changed, c.diff.Reloaded) {
		if o := s.owner(name); o != nil && o.spec.Load().Enabled {
			fresh = append(fresh, o)
		}
	}
	err := s.askAll(ctx, fresh, func(*owner) request { return request{wait: waiter{goal: goalUp}} })
	result.Workers = workersOf(fresh, nil)
	return result, err
}

// ask is for the set.
func (s *Supervisor) ask(ctx context.Context, c setCommand) error {
	c.context = ctx
	if err := s.inbox.command(c); err != nil {
		return err
	}
	select {
	case err := <-c.reply:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
