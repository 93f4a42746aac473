package set

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"goinit/spec"
	"goinit/supervise/app"
)

// universe is the set, its apps, and processes that do as chance has it: all of goinit but for the driver, in a time that is
// only counted.
type universe struct {
	t     *testing.T
	seed  uint64
	r     *rand.Rand
	now   time.Duration
	set   *Set
	specs []spec.App
	apps  map[string]*cosmos
	queue queue
	order int

	outcome   *Outcome
	stopping  bool
	stoppedAt time.Duration
	log       []string
}

// cosmos is an app and its one process.
type cosmos struct {
	name       string
	state      app.App
	timer      int // armed epoch
	generation int
	alive      bool
	tree       bool
	sweep      bool
	began      bool
	everReady  bool
	failedOnce bool
	deaf       bool
	lastReport app.Summary
}

// moment is something that will happen.
type moment struct {
	when  time.Duration
	order int
	do    func()
}

type queue []moment

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].when < q[j].when || q[i].when == q[j].when && q[i].order < q[j].order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(moment)) }
func (q *queue) Pop() any     { old := *q; x := old[len(old)-1]; *q = old[:len(old)-1]; return x }

func (u *universe) after(d time.Duration, do func()) {
	u.order++
	heap.Push(&u.queue, moment{u.now + max(0, d), u.order, do})
}

func (u *universe) note(format string, args ...any) {
	u.log = append(u.log, fmt.Sprintf("%v ", u.now)+fmt.Sprintf(format, args...))
}

func (u *universe) fail(format string, args ...any) {
	u.t.Helper()
	for _, l := range u.log[max(0, len(u.log)-60):] {
		u.t.Log(l)
	}
	u.t.Fatalf("seed %d, %v: %s", u.seed, u.now, fmt.Sprintf(format, args...))
}

func (u *universe) spec(name string) *spec.App { return find(u.specs, name) }

// chance is a time up to a bound.
func (u *universe) chance(most time.Duration) time.Duration {
	return time.Duration(u.r.Int64N(int64(most)))
}

// step gives an app an event, does what it says, and tells the set.
func (u *universe) step(c *cosmos, e app.Event) {
	e.Now, e.Jitter = u.now, u.r.Float64()
	var effects []app.Effect
	c.state, effects = c.state.Step(e)
	for _, effect := range effects {
		u.do(c, effect)
	}
	if m := c.state.Summary(); m != c.lastReport {
		c.lastReport = m
		u.after(0, func() { u.tell(Changed{App: c.name, Summary: m, Now: u.now}) })
	}
}

func (u *universe) do(c *cosmos, effect app.Effect) {
	switch e := effect.(type) {
	case app.Start:
		u.start(c, e)
	case app.Signal:
		if e.Stop && c.state.Closing {
			u.checkStop(c)
		}
		if !c.deaf {
			u.after(u.chance(time.Second), func() { u.exit(c, e.Generation, app.Exit{Signal: e.Signal}) })
		}
	case app.KillTree:
		c.sweep = true
		u.after(time.Millisecond, func() { u.exit(c, e.Generation, app.Exit{Signal: syscall.SIGKILL}) })
		u.after(2*time.Millisecond, func() { u.gone(c, e.Generation) })
	case app.AwaitTree:
		c.sweep = true
		u.after(time.Millisecond, func() { u.gone(c, e.Generation) })
	case app.ArmTimer:
		c.timer = e.Epoch
		u.after(e.After, func() {
			if c.timer == e.Epoch {
				c.timer = 0
				u.step(c, app.Event{Kind: app.Timer, Slot: 0, Generation: e.Generation, Epoch: e.Epoch})
			}
		})
	case app.CancelTimer:
		c.timer = 0
	}
}

// start looks whether it may be, and lets the process live as chance has it.
func (u *universe) start(c *cosmos, e app.Start) {
	if c.alive || c.tree {
		u.fail("a second process of %s", c.name)
	}
	if c.state.Closing && e.Hook != app.AfterExit {
		u.fail("%s is started after it was asked to stop for good", c.name)
	}
	if !c.began {
		u.checkStart(c)
	}
	u.note("start %s %s", c.name, e.Hook)
	g := e.Generation
	u.after(u.chance(10*time.Millisecond), func() {
		if u.r.IntN(10) == 0 {
			c.failedOnce = true
			u.step(c, app.Event{Kind: app.StartFailed, Generation: g, Exit: app.Exit{Code: 127}})
			return
		}
		c.alive, c.tree, c.sweep, c.generation = true, false, false, g
		u.step(c, app.Event{Kind: app.Started, Generation: g, PID: 7})
		if e.Hook != app.NoHook {
			u.after(u.chance(100*time.Millisecond), func() { u.exit(c, g, app.Exit{Code: []int{0, 0, 0, 1}[u.r.IntN(4)]}) })
			return
		}
		c.began = true
		u.live(c, g)
	})
}

// live is the life of a worker: it becomes ready, or not, and ends, or not.
func (u *universe) live(c *cosmos, g int) {
	a := u.spec(c.name)
	if a.Readiness != nil && u.r.IntN(10) > 0 {
		u.after(u.chance(2*time.Second), func() {
			if c.alive && c.generation == g {
				u.step(c, app.Event{Kind: app.Ready, Generation: g})
				c.everReady = c.everReady || c.state.Slots[0].IsReady()
			}
		})
	}
	switch {
	case a.Restart.Policy == "no":
		u.after(u.chance(time.Second), func() { u.exit(c, g, app.Exit{Code: []int{0, 0, 0, 3}[u.r.IntN(4)]}) })
	case u.r.IntN(4) == 0:
		u.after(u.chance(20*time.Second), func() { u.exit(c, g, app.Exit{Code: 1}) })
	case a.Liveness != nil && u.r.IntN(4) == 0:
		u.after(u.chance(10*time.Second), func() {
			if c.alive && c.generation == g {
				u.step(c, app.Event{Kind: app.Unhealthy, Generation: g})
			}
		})
	}
}

func (u *universe) exit(c *cosmos, g int, x app.Exit) {
	if !c.alive || c.generation != g {
		return
	}
	c.alive, c.tree = false, true
	c.failedOnce = c.failedOnce || x.Status() != 0
	u.note("exit %s", c.name)
	u.step(c, app.Event{Kind: app.Exited, Generation: g, Exit: x})
}

func (u *universe) gone(c *cosmos, g int) {
	if c.alive || !c.tree || !c.sweep || c.generation != g {
		return
	}
	c.tree, c.sweep = false, false
	u.step(c, app.Event{Kind: app.TreeGone, Generation: g})
}

// checkStart: never a dependent before its dependency.
func (u *universe) checkStart(c *cosmos) {
	for _, d := range u.spec(c.name).DependsOn {
		on := u.apps[d.App]
		m := on.state.Summary()
		met := m.Started && on.began
		switch d.Condition {
		case "ready":
			met = on.everReady || u.spec(d.App).Readiness == nil && on.began || m.Completed
		case "completed":
			met = m.Completed
		}
		if !met && (d.Required || !on.failedOnce && !m.Idle && u.set.Member(d.App).Held == "" && !u.heldUp(d.App)) {
			u.fail("%s is started ahead of %s=%s (required: %v), which is %+v", c.name, d.App, d.Condition, d.Required, m)
		}
	}
}

// heldUp reports whether an app waits for one that has failed.
func (u *universe) heldUp(name string) bool {
	for _, d := range u.spec(name).DependsOn {
		if u.apps[d.App].failedOnce || u.heldUp(d.App) {
			return true
		}
	}
	return false
}

// checkStop: who is asked to stop has nobody left who depends on it.
func (u *universe) checkStop(c *cosmos) {
	if u.now-u.stoppedAt >= u.set.Budget-lastKill {
		return // then all are, at once
	}
	for _, a := range u.specs {
		on := u.apps[a.Name]
		if slices.ContainsFunc(a.DependsOn, func(d spec.Dependency) bool { return d.App == c.name }) && (on.alive || on.tree) {
			u.fail("%s is asked to stop ahead of %s", c.name, a.Name)
		}
	}
}

// tell gives the set an event.
func (u *universe) tell(e Event) {
	if u.outcome != nil {
		return
	}
	for _, effect := range u.set.Step(e) {
		switch e := effect.(type) {
		case Meet:
			u.later(e.App, app.Event{Kind: app.DependenciesMet, Slot: app.AllSlots})
		case Hold:
			u.later(e.App, app.Event{Kind: app.DependencyFailed, Slot: app.AllSlots, Dependency: e.Dependency})
		case RestartApp:
			u.note("restart %s for %s", e.App, e.Dependency)
			u.later(e.App, app.Event{Kind: app.DependencyRestarted, Slot: app.AllSlots})
		case StopApp:
			u.later(e.App, app.Event{Kind: app.Shutdown, Slot: app.AllSlots, Within: e.Within})
		case HurryApp:
			u.later(e.App, app.Event{Kind: app.Hurry, Slot: app.AllSlots})
		case ArmTimer:
			u.after(e.After, func() { u.tell(TimerFired{Epoch: e.Epoch, Now: u.now}) })
		case Emit:
			u.note("%s %s %v", e.Type, e.App, e.Data)
		case End:
			u.outcome = &e.Outcome
		}
	}
	if u.set.Phase >= Stopping && !u.set.stop.delaying && !u.stopping {
		u.stopping = true
	}
}

func (u *universe) later(name string, e app.Event) {
	u.after(0, func() { u.step(u.apps[name], e) })
}

// randomGraph has apps that depend on those before them, in any order of the spec.
func randomGraph(r *rand.Rand, n int) []spec.App {
	var apps []spec.App
	for i := range n {
		a := spec.App{Name: fmt.Sprintf("a%d", i), Enabled: r.IntN(20) > 0, OnFailure: "ignore", Workers: spec.Workers{Count: 1},
			Restart: spec.Restart{Policy: []string{"always", "always", "on-failure", "no"}[r.IntN(4)], SuccessCodes: []int{0}, Delay: spec.Duration(100 * time.Millisecond),
				MaxDelay: spec.Duration(5 * time.Second), ResetAfter: spec.Duration(10 * time.Second)},
			Stop: spec.Stop{Signal: "SIGTERM", Timeout: spec.Duration(time.Duration(1+r.IntN(10)) * time.Second)}}
		if r.IntN(2) == 0 && a.Restart.Policy != "no" {
			a.Readiness = &spec.Readiness{Notify: true, StartTimeout: spec.Duration(3 * time.Second)}
		}
		if r.IntN(3) == 0 {
			a.Liveness = &spec.Liveness{Action: "restart"}
		}
		if r.IntN(6) == 0 {
			a.Hooks = spec.Hooks{BeforeStart: []string{"x"}, AfterExit: []string{"x"}, Timeout: spec.Duration(time.Second)}
		}
		for range r.IntN(3) {
			if i == 0 {
				break
			}
			on := apps[r.IntN(i)]
			if slices.ContainsFunc(a.DependsOn, func(d spec.Dependency) bool { return d.App == on.Name }) {
				continue
			}
			d := spec.Dependency{App: on.Name, Condition: []string{"started", "ready"}[r.IntN(2)], Required: r.IntN(3) > 0, Restart: r.IntN(4) == 0}
			if on.Restart.Policy == "no" {
				d.Condition = "completed"
			}
			a.DependsOn = append(a.DependsOn, d)
		}
		apps = append(apps, a)
	}
	r.Shuffle(n, func(i, j int) { apps[i], apps[j] = apps[j], apps[i] })
	return apps
}

func newUniverse(t *testing.T, seed uint64) *universe {
	r := rand.New(rand.NewPCG(seed, 17))
	u := &universe{t: t, seed: seed, r: r, specs: randomGraph(r, 30), apps: map[string]*cosmos{}}
	u.set = New(u.specs, []time.Duration{0, 9 * time.Second, 28 * time.Second}[r.IntN(3)])
	u.set.Delay = []time.Duration{0, 2 * time.Second, time.Minute}[r.IntN(3)]
	for _, a := range u.specs {
		c := app.Config{Name: a.Name, Restart: a.Restart, Stop: a.Stop, StopSignal: syscall.SIGTERM,
			BeforeStart: a.Hooks.BeforeStart != nil, AfterExit: a.Hooks.AfterExit != nil, HookTimeout: time.Duration(a.Hooks.Timeout)}
		if a.Readiness != nil {
			c.AwaitReady, c.StartTimeout = true, time.Duration(a.Readiness.StartTimeout)
		}
		if a.Liveness != nil {
			c.Unhealthy = a.Liveness.Action
		}
		u.apps[a.Name] = &cosmos{name: a.Name, state: app.New(c, 1, a.Enabled), deaf: u.set.Budget > 0 && r.IntN(10) == 0}
	}
	return u
}

// run goes on until a moment, or the end.
func (u *universe) run(until time.Duration) {
	for u.queue.Len() > 0 && u.outcome == nil && u.queue[0].when <= until {
		next := heap.Pop(&u.queue).(moment)
		u.now = next.when
		next.do()
	}
	if u.outcome == nil {
		u.now = max(u.now, until)
	}
}

// Thirty apps with required and optional edges that start slowly, fail, hang and come back, a thousand times: never a
// dependent before its dependency, the order of the stop exact, the budget kept, nothing left.
func TestRandomGraphs(t *testing.T) {
	runs := 1000
	if testing.Short() {
		runs = 100
	}
	for seed := range uint64(runs) {
		u := newUniverse(t, seed)
		u.tell(Boot{})
		for _, c := range u.apps {
			c.lastReport = c.state.Summary()
		}
		for _, a := range u.specs {
			m := u.apps[a.Name].lastReport
			u.tell(Changed{App: a.Name, Summary: m})
		}
		u.run(u.chance(40 * time.Second))
		if u.outcome != nil {
			continue
		}
		u.settledOrWaiting()
		at := u.now
		u.stoppedAt = at
		u.tell(Shutdown{Reason: "enough", Signal: true, Now: at})
		u.after(u.chance(OneRequest), func() { u.tell(Shutdown{Reason: "enough", Signal: true, Now: u.now}) }) // the same again
		u.run(at + 10*time.Minute)
		if u.outcome == nil {
			u.fail("it does not end")
		}
		if took := u.now - at; u.set.Budget > 0 && took > u.set.Budget {
			u.fail("the shutdown took %v of %v", took, u.set.Budget)
		}
		for name, c := range u.apps {
			if c.alive || c.tree {
				u.fail("%s is left", name)
			}
		}
	}
}

// settledOrWaiting: whoever waits has somebody to wait for.
func (u *universe) settledOrWaiting() {
	for _, a := range u.specs {
		m := u.set.Member(a.Name)
		if m.Met != (len(m.Waits) == 0) {
			u.fail("%s: met %v, and it waits for %v", a.Name, m.Met, m.Waits)
		}
		for _, w := range m.Waits {
			if w.InVain && m.Held == "" {
				u.fail("%s waits in vain for %s, and is not held", a.Name, w.App)
			}
		}
	}
}
