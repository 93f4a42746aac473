package desk

import (
	"context"
	"slices"

	"goinit/control"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/set"
)

// Gateway is goinit's own app, with a supervisor of its own.
type Gateway interface {
	// Own is that supervisor; nil while no spec has asked for a gateway.
	Own() *supervise.Supervisor
	// Apply makes it what a spec wants, unless that cannot be; undo makes it what it was.
	Apply(ctx context.Context, s *spec.Spec, dryRun bool) (diff *set.Diff, undo func(), err error)
}

// own is the supervisor of goinit's own apps, or nil.
func (d *Desk) own() *supervise.Supervisor {
	if d.Gateway == nil {
		return nil
	}
	return d.Gateway.Own()
}

// ownApps adds goinit's own to those of the spec.
func (d *Desk) ownApps(all []control.App) []control.App {
	own := d.own()
	if own == nil {
		return all
	}
	workers := byApp(own.Snapshot())
	apps := own.Apps()
	for i := range apps {
		a := snapshotOf(&apps[i], workers[apps[i].Name], nil)
		a.Own = true
		all = append(all, a)
		delete(workers, a.Name)
	}
	for name, of := range workers { // one that is leaving
		a := snapshotOf(&spec.App{Name: name}, of, nil)
		a.Own = true
		all = append(all, a)
	}
	return all
}

// supervisorOf is who supervises an app.
func (d *Desk) supervisorOf(app string) *supervise.Supervisor {
	if spec.IsOwnApp(app) {
		if own := d.own(); own != nil {
			return own
		}
	}
	return d.Supervisor
}

// applyOwn makes goinit's own apps what a spec wants.
func (d *Desk) applyOwn(ctx context.Context, s *spec.Spec, dryRun bool) (diff *set.Diff, undo func(), err error) {
	if d.Gateway == nil {
		return nil, func() {}, nil
	}
	return d.Gateway.Apply(ctx, s, dryRun)
}

// ownChanges are those worth telling: that nothing becomes of what no spec names is not.
func ownChanges(diff *set.Diff) []control.Change {
	if diff == nil {
		return nil
	}
	return slices.DeleteFunc(changes(diff), func(c control.Change) bool { return c.Action == "none" })
}
