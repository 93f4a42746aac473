package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"goinit/spec"
	"goinit/supervise/set"
)

// update changes limits: first the groups', where it may be refused, then the target's, so that every later start and
// apply knows of it. One at a time: the last word is the last that was given.
func (s *Supervisor) update(ctx context.Context, c Update) (Result, error) {
	select {
	case s.updating <- struct{}{}:
		defer func() { <-s.updating }()
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
	o, old := s.owner(c.App), s.targetApp(c.App)
	if o == nil || old == nil {
		return Result{}, &TargetError{Target: c.App, Known: s.known()}
	}
	next := *old
	if total := next.Resources.Total; total != nil {
		own := *total
		next.Resources.Total = &own
	}
	if err := c.Change(&next.Resources); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if set.SameApp(old, &next) {
		return Result{Diff: &set.Diff{Unchanged: []string{c.App}}, Workers: workersOf([]*owner{o}, nil)}, nil
	}
	if err := s.limit(&next); err != nil {
		_ = s.limit(old) // as far as it came
		return Result{}, err
	}
	result, err := s.apply(ctx, setCommand{noWait: true, change: func(target []spec.App) ([]spec.App, error) {
		i := slices.IndexFunc(target, func(a spec.App) bool { return a.Name == c.App })
		if i < 0 {
			return nil, &TargetError{Target: c.App, Known: s.known()}
		}
		target = slices.Clone(target)
		target[i].Resources = next.Resources
		return target, nil
	}})
	result.Workers = workersOf([]*owner{o}, nil)
	return result, err
}

// limit sets an app's limits in its groups.
func (s *Supervisor) limit(a *spec.App) error {
	groups, ok := s.config.Starter.(Groups)
	if !ok {
		return ErrNoGroups
	}
	return groups.Update(a)
}

// relimit is an apply that has changed nothing but limits, or the second half of an update: a worker that was started while
// the first half ran has them too. It may block, and so has a goroutine of its own.
func (s *Supervisor) relimit(o *owner) {
	select {
	case s.updating <- struct{}{}:
		defer func() { <-s.updating }()
	case <-s.ended:
		return
	}
	s.guard(o.name, func() {
		if s.owner(o.name) != o {
			return // it has left
		}
		a := o.spec.Load() // by now
		if err := s.limit(a); err != nil && !(errors.Is(err, ErrNoGroups) && (bool(a.Resources.Optional) || !a.Resources.Any())) {
			s.publish(Event{Type: "app.update-failed", App: o.name, Data: map[string]any{"error": err.Error()}})
		}
	})
}

// targetApp is an app as the last word wants it; not to be changed.
func (s *Supervisor) targetApp(name string) *spec.App {
	target := *s.target.Load()
	if i := slices.IndexFunc(target, func(a spec.App) bool { return a.Name == name }); i >= 0 {
		return &target[i]
	}
	return nil
}
