package supervise

import (
	"context"
	"fmt"
	"slices"
	"time"

	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/set"
)

// setCommand is a command on its way to the set.
type setCommand struct {
	context  context.Context
	shutdown *Shutdown
	change   func(target []spec.App) ([]spec.App, error) // of the apps as the last word wants them
	dryRun   bool
	noWait   bool
	budget   *time.Duration
	delay    *time.Duration
	remove   bool // somebody has laid hands on an app
	accepted func()
	diff     *set.Diff // filled in before the reply
	reply    chan error
}

// setWaiter waits until the apps are what its apply wanted.
type setWaiter struct {
	context context.Context
	want    []spec.App
	reply   chan error
}

// report is an owner's word to the set.
func (s *Supervisor) report(o *owner, m app.Summary) { s.inbox.fact(fact{owner: o, summary: m}) }

// left is an owner's last word.
func (s *Supervisor) left(o *owner) { s.inbox.fact(fact{owner: o, left: true}) }

func (s *Supervisor) owner(name string) *owner {
	for _, o := range *s.owners.Load() {
		if o.name == name {
			return o
		}
	}
	return nil
}

// turn takes what has happened.
func (s *Supervisor) turn() {
	facts, commands := s.inbox.take()
	for _, f := range facts {
		switch {
		case f.owner == nil:
			s.step(set.TimerFired{Epoch: f.epoch, Now: s.now()})
		case f.end != "":
			if s.set.Phase < set.Stopping { // else it would be a second request, which hurries
				status := 1
				s.step(set.Shutdown{Reason: f.end, Status: &status, Now: s.now()})
			}
		case s.owner(f.owner.name) != f.owner: // an app of that name has come back since
		case f.left:
			s.forget(f.owner)
			s.ungroup(f.owner.name)
			s.publish(Event{Type: "app.removed", App: f.owner.name})
			s.step(set.Gone{App: f.owner.name, Now: s.now()})
		default:
			s.step(set.Changed{App: f.owner.name, Summary: f.summary, Now: s.now()})
		}
	}
	for i := range commands {
		s.guard("", func() { s.command(&commands[i]) })
	}
	s.publishTarget()
	s.answer()
}

// ungroup says that an app's group is not needed any more, unless it comes back.
func (s *Supervisor) ungroup(name string) {
	if groups, ok := s.config.Starter.(Groups); ok && s.targetApp(name) == nil {
		groups.Forget(name)
	}
}

func (s *Supervisor) forget(gone *owner) {
	owners := slices.Clone(*s.owners.Load())
	owners = slices.DeleteFunc(owners, func(o *owner) bool { return o == gone })
	s.owners.Store(&owners)
}

func (s *Supervisor) command(c *setCommand) {
	if c.shutdown != nil {
		s.step(set.Shutdown{Reason: c.shutdown.Reason, Status: c.shutdown.Status, Signal: c.shutdown.Signal, Now: s.now()})
		c.reply <- nil
		return
	}
	if s.set.Phase >= set.Stopping {
		c.reply <- ErrEnded
		return
	}
	old := s.set.Target()
	target, err := c.change(old)
	if err == nil {
		err = s.check(target)
	}
	if err != nil {
		c.reply <- err
		return
	}
	*c.diff = set.Compare(old, target)
	s.waiters = slices.DeleteFunc(s.waiters, func(w setWaiter) bool { return w.context.Err() != nil })
	switch {
	case c.dryRun:
		c.reply <- nil
		return
	case !c.noWait && len(s.waiters) >= waiterBound:
		c.reply <- ErrBusy
		return
	}
	commit, _, err := s.prepare(target)
	if err != nil {
		c.reply <- err
		return
	}
	defer commit()
	if c.budget != nil {
		s.set.Budget = *c.budget
	}
	if c.delay != nil {
		s.set.Delay = *c.delay
	}
	s.set.Touched = c.remove
	s.step(set.Apply{Target: target, Now: s.now()})
	s.publishTarget()
	if c.accepted != nil {
		c.accepted()
	}
	if c.noWait {
		c.reply <- nil
		return
	}
	s.waiters = append(s.waiters, setWaiter{c.context, target, c.reply})
}

// check refuses what cannot be run before anything is touched.
func (s *Supervisor) check(target []spec.App) error {
	if err := set.Check(target); err != nil {
		return err
	}
	for i := range target {
		if _, _, err := plansOf(&target[i]); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if _, err := s.configOf(&target[i]); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}

// answer tells those whose apply has come to its end, or was overtaken by another.
func (s *Supervisor) answer() {
	s.waiters = slices.DeleteFunc(s.waiters, func(w setWaiter) bool {
		switch {
		case s.set.Phase >= set.Stopping:
			w.reply <- ErrEnded
		case !set.Same(w.want, s.set.Target()):
			w.reply <- ErrSuperseded
		case s.set.Applied():
			w.reply <- nil
		default:
			return false
		}
		return true
	})
}

func (s *Supervisor) step(e set.Event) {
	s.guard("", func() {
		for _, effect := range s.set.Step(e) {
			s.do(effect)
		}
	})
}

func (s *Supervisor) do(effect set.Effect) {
	switch e := effect.(type) {
	case set.Meet:
		s.tell(e.App, app.Event{Kind: app.DependenciesMet, Slot: app.AllSlots})
	case set.Hold:
		s.tell(e.App, app.Event{Kind: app.DependencyFailed, Slot: app.AllSlots, Dependency: e.Dependency})
	case set.RestartApp:
		s.publish(Event{Type: "app.restarts", App: e.App, Data: map[string]any{"dependency": e.Dependency}})
		s.tell(e.App, app.Event{Kind: app.DependencyRestarted, Slot: app.AllSlots})
	case set.StopApp:
		s.tell(e.App, app.Event{Kind: app.Shutdown, Slot: app.AllSlots, Within: e.Within})
	case set.HurryApp:
		s.tell(e.App, app.Event{Kind: app.Hurry, Slot: app.AllSlots})
	case set.RemoveApp:
		s.tell(e.App, app.Event{Kind: app.AskRemove, Slot: app.AllSlots})
	case set.ScaleApp:
		s.tell(e.App.Name, app.Event{Kind: app.AskScale, Slot: app.AllSlots, Workers: s.workers(&e.App)})
	case set.ReloadApp:
		s.redefine(e.App)
	case set.UpdateApp:
		if o := s.owner(e.App.Name); o != nil {
			app := e.App
			o.limited(&app)
			go s.relimit(o)
		}
	case set.AddApp:
		s.add(e.App)
	case set.ArmTimer:
		if s.timer != nil {
			s.timer.Stop()
		}
		s.timer = time.AfterFunc(e.After, func() { s.inbox.fact(fact{epoch: e.Epoch}) })
	case set.Emit:
		s.publish(Event{Type: e.Type, App: e.App, Data: e.Data})
	case set.End:
		s.outcome = e.Outcome
	}
}

func (s *Supervisor) tell(name string, e app.Event) {
	if o := s.owner(name); o != nil {
		o.inbox.fact(e)
	}
}

func (s *Supervisor) add(a spec.App) {
	o, err := newOwner(s, a)
	if err != nil { // check has refused it before
		s.publish(Event{Type: "goinit.internal-error", App: a.Name, Data: map[string]any{"error": err.Error()}})
		return
	}
	owners := append(slices.Clone(*s.owners.Load()), o)
	place := map[string]int{}
	for i, m := range s.set.Members {
		place[m.Spec.Name] = i
	}
	slices.SortStableFunc(owners, func(a, b *owner) int { return place[a.name] - place[b.name] })
	s.owners.Store(&owners)
	go o.run()
}
