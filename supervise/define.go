package supervise

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"goinit/signame"
	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/set"
)

// definitions are what an app is and was defined as: a worker that has not been replaced yet is started again as it was.
type definitions struct {
	mu     sync.Mutex
	latest int
	by     map[int]*spec.App // by revision; not those that no worker has any more
}

// define makes the app another, for what is started from now on.
func (o *owner) define(a *spec.App) (revision int) {
	d := &o.defined
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by == nil {
		d.by = map[int]*spec.App{}
	}
	d.latest++
	d.by[d.latest] = a
	o.spec.Store(a)
	return d.latest
}

// limited is a change of nothing but limits, which is no other definition.
func (o *owner) limited(a *spec.App) {
	d := &o.defined
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by[d.latest] = a
	o.spec.Store(a)
}

func (o *owner) definition(revision int) *spec.App {
	o.defined.mu.Lock()
	defer o.defined.mu.Unlock()
	return o.defined.by[revision]
}

// redefine makes an app that runs another: its owner replaces the workers.
func (s *Supervisor) redefine(a spec.App) {
	o := s.owner(a.Name)
	config, err := s.configOf(&a)
	if o == nil || err != nil { // check has refused it before
		return
	}
	config.Revision = o.define(&a)
	s.tell(a.Name, app.Event{Kind: app.Redefine, Slot: app.AllSlots, Config: &config, Detail: "its definition has changed"})
}

// redefine is told of a definition: whoever runs by another is replaced.
func (o *owner) redefine(e app.Event) {
	next := o.definition(e.Config.Revision)
	o.defined.mu.Lock()
	for revision, a := range o.defined.by {
		if revision != e.Config.Revision && set.SameApp(a, next) {
			e.Same = append(e.Same, revision)
		}
	}
	o.defined.mu.Unlock()
	o.unplan()
	o.runs, o.recycle, _ = plansOf(next) // check has refused what is wrong
	o.maxAge, o.jitter = time.Duration(next.Recycle.MaxAge), time.Duration(next.Recycle.Jitter)
	if o.files != nil {
		o.files.Close()
		o.files = nil
	}
	o.openFiles()
	o.step(e)
	o.forgetDefinitions()
}

// forgetDefinitions lets go what no worker has.
func (o *owner) forgetDefinitions() {
	used := []int{o.state.Config.Revision}
	for _, slots := range [][]app.Slot{o.state.Slots, o.state.Incoming, o.state.Outgoing} {
		for i := range slots {
			if c := slots[i].Config; c != nil {
				used = append(used, c.Revision)
			}
		}
	}
	o.defined.mu.Lock()
	defer o.defined.mu.Unlock()
	for revision := range o.defined.by {
		if revision < o.state.Config.Revision && !slices.Contains(used, revision) {
			delete(o.defined.by, revision)
		}
	}
}

// configOf is what the machine has to know of an app, or why nothing can be made of it.
func (s *Supervisor) configOf(a *spec.App) (app.Config, error) {
	c := app.Config{Name: a.Name, Restart: a.Restart, Stop: a.Stop}
	var ok bool
	if c.StopSignal, ok = signame.Parse(cmp.Or(a.Stop.Signal, "SIGTERM")); !ok {
		return c, fmt.Errorf("%s: stop.signal: %q is not a signal", a.Name, a.Stop.Signal)
	}
	if (a.Readiness != nil || a.Liveness != nil) && s.config.Prober == nil {
		return c, fmt.Errorf("%s: readiness and liveness: there is nobody to ask after it", a.Name)
	}
	if a.Watch.On() && s.config.Files == nil {
		return c, fmt.Errorf("%s: watch: there is nobody to watch its files", a.Name)
	}
	if a.Readiness != nil {
		c.AwaitReady, c.StartTimeout = true, time.Duration(a.Readiness.StartTimeout)
	}
	if a.Liveness != nil {
		c.Unhealthy = a.Liveness.Action
	}
	if s := a.Schedule; s != nil {
		c.Job = &app.Job{Concurrency: s.Concurrency, Most: a.Runs(), Timeout: time.Duration(s.Timeout), Fatal: a.OnFailure == "shutdown"}
	}
	c.BeforeStart, c.AfterExit, c.HookTimeout = len(a.Hooks.BeforeStart) > 0, len(a.Hooks.AfterExit) > 0, time.Duration(a.Hooks.Timeout)
	return c, s.serves(a, &c)
}

// startTimeout is for workers whose readiness nobody has written: readiness.start_timeout's default.
const startTimeout = time.Minute

// serves adds what there is to know of a worker that serves on sockets of goinit's, and of its replacement.
func (s *Supervisor) serves(a *spec.App, c *app.Config) error {
	if s.joins(a) {
		if _, ready := s.config.Cluster.Wants(a); ready && !c.AwaitReady {
			c.AwaitReady, c.StartTimeout = true, startTimeout
		}
		if !c.AwaitReady {
			c.Confirm, c.StartTimeout = true, startTimeout
		}
		if a.Liveness == nil && a.NodeChannel() == spec.NodeCluster {
			c.Unhealthy = "restart" // the cluster finds who takes no connection, without being asked; liveness has an action of its own
		}
	} else if len(a.Listen) > 0 {
		return fmt.Errorf("%s: listen: there is nobody to open its sockets", a.Name)
	}
	c.Drain = time.Duration(a.Drain())
	c.MaxSurge, c.MaxUnavailable = a.Surge()
	if a.Reload.Signal != "" {
		var ok bool
		if c.ReloadSignal, ok = signame.Parse(a.Reload.Signal); !ok {
			return fmt.Errorf("%s: reload.signal: %q is not a signal", a.Name, a.Reload.Signal)
		}
	}
	return nil
}

// joins reports whether workers of an app serve on what the Cluster gives them.
func (s *Supervisor) joins(a *spec.App) bool {
	if s.config.Cluster == nil {
		return false
	}
	joins, _ := s.config.Cluster.Wants(a)
	return joins
}
