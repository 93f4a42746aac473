package supervise

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync/atomic"
	"time"

	"goinit/spec"
	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// owner is the goroutine that owns an app, and what it owns.
type owner struct {
	supervisor *Supervisor
	name       string
	spec       atomic.Pointer[spec.App] // what it is now; replaced by the set's goroutine, never written to
	defined    definitions
	inbox      inbox[app.Event, request]
	snapshot   atomic.Pointer[[]*Worker]
	size       atomic.Int32          // how many workers it is to have
	history    atomic.Pointer[[]Run] // of a job
	tally      tally

	// Of the goroutine alone:
	state     app.App
	processes map[place]started
	watches   map[place]*watched
	timers    map[place]*time.Timer
	seen      map[place]*seen
	laps      int               // how often it has looked
	exits     map[int]time.Time // of the last process of each slot that has ended
	files     FileWatch         // nil: nobody watches
	waiters   []*waiter
	runs      *plan // of a job; nil: it is none
	recycle   *plan // nil: not by a schedule
	ages      map[place]*time.Timer
	maxAge    time.Duration // of recycle; 0: none
	jitter    time.Duration
	summary   app.Summary
	reported  bool
	leaving   bool
}

// place is a process of a slot: there are two in one while one replaces the other.
type place struct{ slot, generation int }

// started is a process that was.
type started struct {
	process Process
	frost   *frost
}

func newOwner(s *Supervisor, a spec.App) (*owner, error) {
	o := &owner{supervisor: s, name: a.Name, inbox: newInbox[app.Event, request](),
		processes: map[place]started{}, watches: map[place]*watched{}, timers: map[place]*time.Timer{}, seen: map[place]*seen{}, exits: map[int]time.Time{},
		ages: map[place]*time.Timer{}, maxAge: time.Duration(a.Recycle.MaxAge), jitter: time.Duration(a.Recycle.Jitter)}
	config, err := s.configOf(&a)
	if err != nil {
		return nil, err
	}
	if o.runs, o.recycle, err = plansOf(&a); err != nil {
		return nil, err
	}
	config.Revision = o.define(&a)
	o.state = app.New(config, s.workers(&a), a.Enabled)
	o.look()
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
		if o.leaving && len(o.state.Slots)+len(o.state.Incoming)+len(o.state.Outgoing) == 0 {
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
	case app.Redefine:
		o.redefine(e)
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
		if p, ok := o.processes[place{e.Slot, e.Generation}]; ok {
			sendSignal(p.process, e)
		}
	case app.Drain:
		o.drain(e)
	case app.Confirm:
		o.confirm(e)
	case app.AwaitTree:
		if p, ok := o.processes[place{e.Slot, e.Generation}]; ok {
			p.process.AwaitTree(e.Signal)
		}
	case app.KillTree:
		if p, ok := o.processes[place{e.Slot, e.Generation}]; ok {
			p.process.KillTree()
		}
	case app.Freeze:
		if p, ok := o.processes[place{e.Slot, e.Generation}]; ok {
			p.frost.freeze(e.Epoch, func(epoch int, err error) { o.frozen(e.Slot, e.Generation, epoch, err) })
		}
	case app.Thaw:
		if p, ok := o.processes[place{e.Slot, e.Generation}]; ok {
			p.frost.thaw()
		}
	case app.ArmTimer:
		at := place{e.Slot, e.Generation}
		o.cancel(at)
		o.timers[at] = time.AfterFunc(e.After, func() {
			o.inbox.fact(app.Event{Kind: app.Timer, Slot: e.Slot, Generation: e.Generation, Epoch: e.Epoch})
		})
		if e.Timer == app.RestartTimer {
			o.nextAt(at, time.Now().Add(e.After))
		}
	case app.CancelTimer:
		o.cancel(place{e.Slot, e.Generation})
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

func (o *owner) cancel(at place) {
	if t := o.timers[at]; t != nil {
		t.Stop()
		delete(o.timers, at)
	}
}

// start makes the process. The answer goes to the machine ahead of whatever the process has to tell.
func (o *owner) start(e app.Start) {
	o.publish() // a start may take its time, and ps should say who is starting
	at := place{e.Slot, e.Generation}
	p, v, err := o.launch(e)
	if err != nil {
		delete(o.processes, at)
		o.step(app.Event{Kind: app.StartFailed, Slot: e.Slot, Generation: e.Generation, Exit: app.Exit{Code: failedStatus(err), Error: err.Error()}})
		return
	}
	o.processes[at] = started{p, &frost{process: p, guard: o.guard}}
	if v != nil {
		v.started(p.PID())
		o.watches[at] = v
	}
	o.step(app.Event{Kind: app.Started, Slot: e.Slot, Generation: e.Generation, PID: p.PID()})
}

// launch starts a worker, and whoever is to look after it, or a hook.
func (o *owner) launch(e app.Start) (p Process, v *watched, err error) {
	slot, generation := e.Slot, e.Generation
	w := Work{App: o.definition(e.Revision), Slot: slot, Generation: generation}
	if e.Hook != app.NoHook {
		w = hooked(w, e)
	} else if v, err = o.watch(&w); err != nil {
		return nil, nil, err
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
	for at := range o.timers {
		o.cancel(at)
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
