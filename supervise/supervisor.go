package supervise

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/set"
)

// Config is what a Supervisor needs.
type Config struct {
	Spec    *spec.Spec
	Starter Starter
	// Prober watches the workers of apps with readiness or liveness; nil: such an app is refused.
	Prober Prober
	// Files watches the files of apps with watch; nil: such an app is refused.
	Files Files
	// Cluster gives workers what they serve on; nil: an app with listen: or node: is refused.
	Cluster Cluster
	// Budget is the time that an ordered stop may take, where the spec does not say; 0: as long as it takes.
	Budget time.Duration
	// Stay: that all apps have ended is no reason to end.
	Stay bool
	// CPUs is what workers: auto counts; 0: those of the process.
	CPUs int
	// Now is the clock on the wall, that schedules go by; nil: time.Now.
	Now func() time.Time
	// WatchClock, if not nil, is called once there is a schedule that goes by that clock: from then on ClockSet is to be
	// called whenever it has jumped. It must neither block nor call back.
	WatchClock func()
	// Changed, if not nil, is called whenever Snapshot has something new; it must neither block nor call back.
	Changed func()
	// Events, if not nil, is called for every event, by whoever it happened to: it must neither block nor call back.
	Events func(Event)
}

// Outcome is how it all ended.
type Outcome = set.Outcome

// Supervisor keeps the apps of a spec running. Run does it; everything else may be called from anywhere, at any time.
type Supervisor struct {
	config  Config
	beganAt time.Time // with a monotonic reading: a clock that is set does not matter
	inbox   inbox[fact, setCommand]
	owners  atomic.Pointer[[]*owner] // in the order of the spec
	target  atomic.Pointer[[]spec.App]
	phase   atomic.Uint32
	waits   atomic.Pointer[map[string][]set.Wait]
	ended   chan struct{}

	updating chan struct{} // held by whoever changes limits

	watchingClock sync.Once

	// Of Run's goroutine alone:
	set     *set.Set
	timer   *time.Timer
	waiters []setWaiter
	// published is the change of what is waited for that others can see.
	published int
	outcome   Outcome
}

// fact is something that happened to an app as a whole.
type fact struct {
	owner   *owner
	summary app.Summary
	left    bool
	end     string // it asks for the end of goinit: why
	epoch   int    // of the timer, where owner is nil
}

// New makes a Supervisor, or says what is wrong with the spec.
func New(c Config) (*Supervisor, error) {
	if c.CPUs == 0 {
		c.CPUs = runtime.NumCPU()
	}
	if t := c.Spec.Shutdown.Timeout; t != nil {
		c.Budget = time.Duration(*t)
	}
	if err := set.Check(c.Spec.Apps); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	s := &Supervisor{config: c, beganAt: time.Now(), inbox: newInbox[fact, setCommand](), ended: make(chan struct{}), updating: make(chan struct{}, 1),
		set: set.New(c.Spec.Apps, c.Budget)}
	s.set.Stay = c.Stay
	s.set.Delay = time.Duration(c.Spec.Shutdown.Delay)
	commit, abort, err := s.prepare(c.Spec.Apps)
	if err != nil {
		return nil, err
	}
	var owners []*owner
	for _, a := range c.Spec.Apps {
		o, err := newOwner(s, a)
		if err != nil {
			abort()
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		owners = append(owners, o)
	}
	commit()
	s.owners.Store(&owners)
	s.publishTarget()
	return s, nil
}

func (s *Supervisor) now() time.Duration { return time.Since(s.beganAt) }

// workers is how many an app is to have.
func (s *Supervisor) workers(a *spec.App) int {
	n := a.Workers.Count
	if a.Workers.Auto {
		n = max(1, s.config.CPUs)
		if a.MaxWorkers > 0 {
			n = min(n, a.MaxWorkers)
		}
	}
	return min(max(0, n), spec.MaxWorkers)
}

// Snapshot is all workers, in the order of the spec. It is never behind by more than what is happening right now.
func (s *Supervisor) Snapshot() []Worker {
	owners := *s.owners.Load()
	lists, n := make([]*[]*Worker, len(owners)), 0
	for i, o := range owners {
		lists[i] = o.snapshot.Load()
		n += len(*lists[i])
	}
	all := make([]Worker, 0, n)
	for _, list := range lists {
		for _, w := range *list {
			all = append(all, *w)
		}
	}
	return all
}

// Phase is what goinit as a whole is doing.
func (s *Supervisor) Phase() set.Phase { return set.Phase(s.phase.Load()) }

// Apps are the apps as the last word wants them.
func (s *Supervisor) Apps() []spec.App { return *s.target.Load() }

// Scaled are Apps with as many workers as a scale has left them, but for what it has left none.
func (s *Supervisor) Scaled() []spec.App {
	apps := slices.Clone(s.Apps())
	for i := range apps {
		a := &apps[i]
		o := s.owner(a.Name)
		if o == nil || a.Job() {
			continue
		}
		if n := int(o.size.Load()); n > 0 && n != s.workers(a) { // else auto stays auto
			a.Workers = spec.Workers{Count: n}
		}
	}
	return apps
}

func (s *Supervisor) publish(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if s.config.Events != nil {
		s.config.Events(e)
	}
}

func (s *Supervisor) publishTarget() {
	target := s.set.Target()
	s.target.Store(&target)
	s.phase.Store(uint32(s.set.Phase))
	s.publishWaits()
}

// publishWaits swaps what is waited for, if that has changed.
func (s *Supervisor) publishWaits() {
	if s.waits.Load() != nil && s.published == s.set.WaitsChanged {
		return
	}
	s.published = s.set.WaitsChanged
	all := map[string][]set.Wait{}
	for _, m := range s.set.Members {
		if len(m.Waits) > 0 {
			all[m.Spec.Name] = m.Waits
		}
	}
	s.waits.Store(&all)
	if s.config.Changed != nil {
		s.config.Changed()
	}
}

// Waits says what an app waits for, while it waits.
func (s *Supervisor) Waits(app string) []set.Wait { return (*s.waits.Load())[app] }

// Run starts the apps and keeps them running until goinit is to end; it returns when nothing of them is left, or the
// budget is over. The end of the context asks for an ordered stop. To be called once.
func (s *Supervisor) Run(ctx context.Context) Outcome {
	defer s.close()
	for _, o := range *s.owners.Load() {
		go o.run()
	}
	s.step(set.Boot{Now: s.now()})
	done := ctx.Done()
	for s.set.Phase != set.Ended {
		select {
		case <-s.inbox.wake:
		case <-done:
			done = nil
			s.step(set.Shutdown{Reason: context.Cause(ctx).Error(), Now: s.now()})
		}
		s.turn()
	}
	return s.outcome
}

func (s *Supervisor) close() {
	if s.timer != nil {
		s.timer.Stop()
	}
	close(s.ended)
	for _, c := range s.inbox.close() {
		c.reply <- ErrEnded
	}
	for _, w := range s.waiters {
		w.reply <- ErrEnded
	}
	s.phase.Store(uint32(set.Ended))
}
