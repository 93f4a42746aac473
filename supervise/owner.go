package supervise

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"goinit/signame"
	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// owner is the goroutine that owns an app, and what it owns.
type owner struct {
	supervisor *Supervisor
	name       string
	spec       atomic.Pointer[spec.App] // what it is now; replaced by the set's goroutine when its limits change, never written to
	inbox      inbox[app.Event, request]
	snapshot   atomic.Pointer[[]Worker]
	history    atomic.Pointer[[]Run] // of a job

	// Of the goroutine alone:
	state     app.App
	processes map[int]started
	watches   map[int]*watched
	timers    map[int]*time.Timer
	seen      map[int]*seen
	files     FileWatch // nil: nobody watches
	waiters   []*waiter
	runs      *plan // of a job; nil: it is none
	recycle   *plan // nil: not by a schedule
	ages      map[int]aging
	maxAge    time.Duration // of recycle; 0: none
	jitter    time.Duration
	summary   app.Summary
	reported  bool
	leaving   bool
}

// started is a slot's process.
type started struct {
	generation int
	process    Process
	frost      *frost
}

func newOwner(s *Supervisor, a spec.App) (*owner, error) {
	stop, ok := signame.Parse(cmp.Or(a.Stop.Signal, "SIGTERM"))
	if !ok {
		return nil, fmt.Errorf("%s: stop.signal: %q is not a signal", a.Name, a.Stop.Signal)
	}
	o := &owner{supervisor: s, name: a.Name, inbox: newInbox[app.Event, request](),
		processes: map[int]started{}, watches: map[int]*watched{}, timers: map[int]*time.Timer{}, seen: map[int]*seen{}, ages: map[int]aging{},
		maxAge: time.Duration(a.Recycle.MaxAge), jitter: time.Duration(a.Recycle.Jitter)}
	o.spec.Store(&a)
	if o.wantsWatch() && s.config.Prober == nil {
		return nil, fmt.Errorf("%s: readiness and liveness: there is nobody to ask after it", a.Name)
	}
	var err error
	if o.runs, o.recycle, err = plansOf(&a); err != nil {
		return nil, err
	}
	if a.Watch.On() && s.config.Files == nil {
		return nil, fmt.Errorf("%s: watch: there is nobody to watch its files", a.Name)
	}
	config := configOf(&a)
	config.StopSignal = stop
	o.state = app.New(config, s.workers(&a), a.Enabled)
	o.publish()
	return o, nil
}

// run ends when the app has left, or everything has.
func (o *owner) run() {
	defer o.end()
	o.openFiles()
	o.guard(o.keepPlans)
	o.guard(o.publish)
	for {
		o.report()
		if o.leaving && len(o.state.Slots) == 0 {
			return
		}
		select {
		case <-o.inbox.wake:
		case <-o.supervisor.ended:
			return
		}
		o.turn()
	}
}

// guard keeps a mistake of ours from being the end of PID 1.
func (o *owner) guard(f func()) { o.supervisor.guard(o.name, f) }

func (s *Supervisor) guard(app string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			defer func() { _ = recover() }() // of whoever listens: there is nobody left to tell
			s.publish(Event{Type: "goinit.internal-error", App: app,
				Data: map[string]any{"error": fmt.Sprint(r), "stack": string(debug.Stack())}})
		}
	}()
	f()
}

// turn takes what has happened.
func (o *owner) turn() {
	facts, commands := o.inbox.take()
	for _, f := range facts {
		if f.Kind == app.AskRemove && f.Slot == app.AllSlots {
			o.leaving = true
		}
		o.guard(func() { o.happened(f) })
	}
	for _, c := range commands {
		o.guard(func() { o.command(c) })
	}
	o.guard(o.publish)
	o.guard(o.answer)
}

func (o *owner) happened(e app.Event) {
	switch e.Kind {
	case verdictWaits:
		o.heard(e.Slot, e.Generation)
	case runIsDue, recycleIsDue:
		o.come(e.Kind)
	case clockIsSet:
		o.clockSet()
	case filesChanged:
		o.changed(e.Detail)
	default:
		o.step(e)
	}
}

// step gives an event to the machine and does what it says.
func (o *owner) step(e app.Event) {
	e.Now = o.supervisor.now()
	e.Jitter = rand.Float64()
	var effects []app.Effect
	o.state, effects = o.state.Step(e)
	o.look()
	o.attend()
	o.keepPlans()
	o.keepAges()
	for _, effect := range effects {
		o.do(effect)
	}
}

func (o *owner) do(effect app.Effect) {
	switch e := effect.(type) {
	case app.Start:
		o.start(e)
	case app.Signal:
		if p, ok := o.processes[e.Slot]; ok && p.generation == e.Generation {
			sendSignal(p.process, e)
		}
	case app.AwaitTree:
		if p, ok := o.processes[e.Slot]; ok && p.generation == e.Generation {
			p.process.AwaitTree(e.Signal)
		}
	case app.KillTree:
		if p, ok := o.processes[e.Slot]; ok && p.generation == e.Generation {
			p.process.KillTree()
		}
	case app.Freeze:
		if p, ok := o.processes[e.Slot]; ok && p.generation == e.Generation {
			p.frost.freeze(e.Epoch, func(epoch int, err error) { o.frozen(e.Slot, e.Generation, epoch, err) })
		}
	case app.Thaw:
		if p, ok := o.processes[e.Slot]; ok && p.generation == e.Generation {
			p.frost.thaw()
		}
	case app.ArmTimer:
		o.cancel(e.Slot)
		o.timers[e.Slot] = time.AfterFunc(e.After, func() {
			o.inbox.fact(app.Event{Kind: app.Timer, Slot: e.Slot, Epoch: e.Epoch})
		})
		if e.Timer == app.RestartTimer {
			o.nextAt(e.Slot, time.Now().Add(e.After))
		}
	case app.CancelTimer:
		o.cancel(e.Slot)
	case app.EndAll:
		o.supervisor.inbox.fact(fact{owner: o, end: tree.Worker(o.name, e.Slot) + " is unhealthy: " + firstLine(e.Detail)})
	case app.Emit:
		o.emit(e)
	}
}

// frozen is the answer to a Freeze; it comes from another goroutine.
func (o *owner) frozen(slot, generation, epoch int, err error) {
	e := app.Event{Kind: app.Frozen, Slot: slot, Generation: generation, Epoch: epoch}
	if err != nil {
		e.Kind, e.Detail = app.FreezeFailed, err.Error()
	}
	o.inbox.fact(e)
}

func (o *owner) cancel(slot int) {
	if t := o.timers[slot]; t != nil {
		t.Stop()
		delete(o.timers, slot)
	}
}

// start makes the process. The answer goes to the machine ahead of whatever the process has to tell.
func (o *owner) start(e app.Start) {
	o.publish() // a start may take its time, and ps should say who is starting
	p, v, err := o.launch(e)
	if err != nil {
		delete(o.processes, e.Slot)
		o.step(app.Event{Kind: app.StartFailed, Slot: e.Slot, Generation: e.Generation, Exit: app.Exit{Code: failedStatus(err), Error: err.Error()}})
		return
	}
	o.processes[e.Slot] = started{e.Generation, p, &frost{process: p, guard: o.guard}}
	if v != nil {
		v.watch.Started(p.PID())
		o.watches[e.Slot] = v
	}
	o.step(app.Event{Kind: app.Started, Slot: e.Slot, Generation: e.Generation, PID: p.PID()})
}

// launch starts a worker, and whoever is to look after it, or a hook.
func (o *owner) launch(e app.Start) (p Process, v *watched, err error) {
	slot, generation := e.Slot, e.Generation
	w := Work{App: o.spec.Load(), Slot: slot, Generation: generation}
	if e.Hook != app.NoHook {
		w = hooked(w, e)
	} else if v, err = o.watch(w); err != nil {
		return nil, nil, err
	}
	if v != nil {
		w.Given = v.watch.Given()
	}
	if e.Hook == app.NoHook {
		o.given(&w)
	}
	if w.Given.Close != nil {
		defer w.Given.Close()
	}
	p, err = o.supervisor.config.Starter.Start(w, Told{
		Exited: func(x Exit) {
			o.inbox.fact(app.Event{Kind: app.Exited, Slot: slot, Generation: generation, Exit: app.Exit{Code: x.Code, Signal: x.Signal, OOMKilled: x.OOMKilled}})
		},
		TreeGone: func() {
			o.inbox.fact(app.Event{Kind: app.TreeGone, Slot: slot, Generation: generation})
		},
		Alarm: func(a Alarm) { o.alarm(slot, generation, a) },
	})
	if err != nil && v != nil {
		v.stop()
	}
	return p, v, err
}

// failedStatus is a shell's: 127 where there was nothing to execute, else 126.
func failedStatus(err error) int {
	var e notFound
	if errors.As(err, &e) && e.NotFound() {
		return 127
	}
	return 126
}

// report tells the set what it has to know.
func (o *owner) report() {
	m := o.state.Summary()
	if o.reported && m == o.summary {
		return
	}
	o.reported, o.summary = true, m
	o.supervisor.report(o, m)
}

// end is the last act of the goroutine.
func (o *owner) end() {
	for slot := range o.timers {
		o.cancel(slot)
	}
	o.unwatch()
	o.unplan()
	if o.files != nil {
		o.files.Close()
	}
	for _, c := range o.inbox.close() {
		c.refuse(ErrEnded)
	}
	for _, w := range o.waiters {
		w.reply <- o.outcomeAtEnd(w)
	}
	o.waiters = nil
	if o.leaving {
		o.supervisor.left(o)
	}
}
