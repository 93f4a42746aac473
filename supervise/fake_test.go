package supervise

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goinit/signame"
	"goinit/spec"
	"goinit/supervise/tree"
)

// fake is a Starter without processes. What its workers do is told by behave; by default they run until a SIGTERM.
type fake struct {
	behave func(p *fakeProcess)      // called when one has started, in a goroutine of its own
	refuse func(worker string) error // a start that fails

	noGroups error                // why there are none; nil: there are
	limits   map[string]spec.Size // of memory, by app: what Update said last
	behaving sync.WaitGroup       // what behave does; a bubble ends only after it

	mu     sync.Mutex
	pid    int
	alive  map[*fakeProcess]bool
	beside bool             // two of a worker's name may live at the same time
	given  map[string]Given // to the last process of each worker
	log    []string         // "12s start web/0"
	events []string         // their types
	began  time.Time
	wrong  []string
}

type fakeProcess struct {
	f      *fake
	worker string
	argv   []string // of a hook
	pid    int
	told   Told

	app              *spec.App // what it was started as
	slot, generation int

	mu                         sync.Mutex
	signals                    chan syscall.Signal
	dead, treeAsked, goneTold  bool
	childrenLeft, uninterrupts bool
	frozen                     bool
	unfreezable                error
	freezes                    time.Duration // that a Freeze takes
	usage                      Usage
	memory                     spec.Size // the limit that it was started with
}

func newFake() *fake {
	return &fake{alive: map[*fakeProcess]bool{}, given: map[string]Given{}, began: time.Now(), pid: 100}
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := time.Since(f.began).Round(time.Millisecond)
	f.log = append(f.log, at.String()+" "+fmt.Sprintf(format, args...))
}

func (f *fake) said(part string) (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.log {
		if strings.Contains(l, part) {
			all = append(all, l)
		}
	}
	return all
}

func (f *fake) process(worker string) *fakeProcess {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest(worker)
}

// newest is the last one of a name that was started and is not gone; nil: there is none. To be called with f.mu held.
func (f *fake) newest(worker string) (newest *fakeProcess) {
	for p := range f.alive {
		if p.worker == worker && (newest == nil || p.pid > newest.pid) {
			newest = p
		}
	}
	return newest
}

// oldest is the first one of a name that is not gone.
func (f *fake) oldest(worker string) (oldest *fakeProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.alive {
		if p.worker == worker && (oldest == nil || p.pid < oldest.pid) {
			oldest = p
		}
	}
	return oldest
}

func (f *fake) Start(w Work, told Told) (Process, error) {
	name := tree.Worker(w.App.Name, w.Slot)
	if f.refuse != nil {
		if err := f.refuse(name); err != nil {
			f.note("refuse %s", name)
			return nil, err
		}
	}
	f.note("start %s", name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.newest(name) != nil && !f.beside {
		f.wrong = append(f.wrong, "a second process of "+name)
	}
	f.pid++
	f.given[name] = w.Given
	p := &fakeProcess{f: f, argv: w.Argv, worker: name, app: w.App, slot: w.Slot, generation: w.Generation, pid: f.pid, told: told, memory: w.App.Resources.Memory, signals: make(chan syscall.Signal, 64)}
	f.alive[p] = true
	if f.behave != nil {
		f.behaving.Go(func() { f.behave(p) })
	} else {
		f.behaving.Go(p.untilTerm)
	}
	return p, nil
}

func (p *fakeProcess) untilTerm() {
	for sig := range p.signals {
		if sig == syscall.SIGTERM {
			p.exit(Exit{Signal: sig})
			return
		}
	}
}

// exit ends the main process.
func (p *fakeProcess) exit(x Exit) {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return
	}
	p.dead = true
	close(p.signals)
	p.mu.Unlock()
	p.f.note("exit %s", p.worker)
	p.told.Exited(x)
	p.check()
}

// leave ends what was left of the tree.
func (p *fakeProcess) leave() {
	p.mu.Lock()
	p.childrenLeft = false
	p.mu.Unlock()
	p.check()
}

func (p *fakeProcess) check() {
	p.mu.Lock()
	gone := p.dead && p.treeAsked && !p.childrenLeft && !p.goneTold
	p.goneTold = p.goneTold || gone
	p.mu.Unlock()
	if gone {
		p.f.mu.Lock()
		delete(p.f.alive, p)
		p.f.mu.Unlock()
		p.f.note("gone %s", p.worker)
		p.told.TreeGone()
	}
}

func (p *fakeProcess) PID() int { return p.pid }

func (p *fakeProcess) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return syscall.ESRCH
	}
	if sig != syscall.SIGCONT {
		p.f.note("%s %s", signame.Of(sig), p.worker)
	}
	select {
	case p.signals <- sig:
	default:
	}
	return nil
}

func (p *fakeProcess) SignalGroup(sig syscall.Signal) error { return p.Signal(sig) }

func (p *fakeProcess) AwaitTree(syscall.Signal) {
	p.mu.Lock()
	p.treeAsked = true
	p.mu.Unlock()
	go p.check()
}

func (p *fakeProcess) KillTree() {
	p.f.note("kill %s", p.worker)
	p.mu.Lock()
	p.treeAsked = true
	if !p.uninterrupts {
		p.childrenLeft = false
	}
	stuck := p.uninterrupts
	p.mu.Unlock()
	if !stuck {
		go func() {
			p.exit(Exit{Signal: syscall.SIGKILL})
			p.check()
		}()
	}
}

func (p *fakeProcess) Freeze() error {
	p.mu.Lock()
	takes := p.freezes
	p.mu.Unlock()
	time.Sleep(takes)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unfreezable != nil {
		p.f.note("unfreezable %s", p.worker)
		return p.unfreezable
	}
	p.frozen = true
	p.f.note("freeze %s", p.worker)
	return nil
}

func (p *fakeProcess) Thaw() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = false
	p.f.note("thaw %s", p.worker)
	return nil
}

func (p *fakeProcess) Brief() (Usage, error) { return p.Usage() }

func (p *fakeProcess) Usage() (Usage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.goneTold {
		return Usage{}, syscall.ESRCH
	}
	return p.usage, nil
}

// Update, AppUsage and Forget make the fake a Groups.
func (f *fake) Update(a *spec.App) error {
	f.note("update %s", a.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limits == nil {
		f.limits = map[string]spec.Size{}
	}
	f.limits[a.Name] = a.Resources.Memory
	return f.noGroups
}

func (f *fake) AppUsage(app string) (Usage, error) {
	f.mu.Lock()
	alive := maps.Clone(f.alive)
	f.mu.Unlock()
	u := Usage{Source: FromCgroup, Cgroup: "/apps/" + app}
	for p := range alive {
		if strings.HasPrefix(p.worker, app+"/") {
			p.mu.Lock()
			u.CPU += p.usage.CPU
			u.Memory += p.usage.Memory
			p.mu.Unlock()
		}
	}
	return u, f.noGroups
}

func (f *fake) Forget(app string) { f.note("forget %s", app) }

// appOf is an app with the defaults, changed.
func appOf(name string, change ...func(*spec.App)) spec.App {
	a := spec.App{Name: name, Command: []string{name}, Enabled: true, InheritEnvironment: true, Workers: spec.Workers{Count: 1}, OnFailure: "shutdown",
		Restart: spec.Restart{Policy: "always", SuccessCodes: []int{0}, Delay: spec.Duration(100 * time.Millisecond),
			MaxDelay: spec.Duration(30 * time.Second), ResetAfter: spec.Duration(10 * time.Second)},
		Stop: spec.Stop{Signal: "SIGTERM", Target: "process", Timeout: spec.Duration(10 * time.Second)}}
	for _, c := range change {
		c(&a)
	}
	return a
}

func on(name, condition string) func(*spec.App) {
	return func(a *spec.App) {
		a.DependsOn = append(a.DependsOn, spec.Dependency{App: name, Condition: condition, Required: true})
	}
}

func policy(p string) func(*spec.App) { return func(a *spec.App) { a.Restart.Policy = p } }
func workers(n int) func(*spec.App)   { return func(a *spec.App) { a.Workers.Count = n } }

func (f *fake) eventTypes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// bubble runs a Supervisor in virtual time, and the test beside it; at the end all is stopped.
func bubble(t *testing.T, f func() *fake, budget time.Duration, apps []spec.App, test func(s *Supervisor, f *fake, ended <-chan Outcome)) {
	t.Helper()
	bubbleWith(t, f, Config{Spec: &spec.Spec{Apps: apps}, Budget: budget}, test)
}

// bubbleWith is a bubble with more to say.
func bubbleWith(t *testing.T, f func() *fake, c Config, test func(s *Supervisor, f *fake, ended <-chan Outcome)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := f()
		c.Starter, c.CPUs = f, 3
		c.Events = func(e Event) {
			f.mu.Lock()
			f.events = append(f.events, e.Type)
			f.mu.Unlock()
			if e.Type == "goinit.internal-error" {
				t.Errorf("internal error: %v", e.Data)
			}
		}
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan Outcome, 1)
		done := make(chan struct{})
		go func() {
			ended <- s.Run(ctx)
			close(done)
		}()
		synctest.Wait()
		test(s, f, ended)
		cancel(errors.New("the test is over"))
		<-done
		for _, w := range f.wrong {
			t.Error(w)
		}
		for p := range f.alive { // so that no goroutine of the fake is left in the bubble
			p.exit(Exit{})
		}
		f.behaving.Wait()
	})
}

func states(s *Supervisor) string {
	var all []string
	for _, w := range s.Snapshot() {
		name := w.App
		if w.Worker != nil {
			name = *w.Worker
		}
		all = append(all, name+" "+w.State)
	}
	return strings.Join(all, ", ")
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	g, w := fmt.Sprint(got), fmt.Sprint(want)
	if g != w {
		t.Errorf("%s:\n got: %s\nwant: %s", what, g, w)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
