package app

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goinit/spec"
)

// Config is what the machine has to know of an app.
type Config struct {
	Revision   int // counts what the app was defined as
	Name       string
	Restart    spec.Restart
	Stop       spec.Stop
	StopSignal syscall.Signal // Stop.Signal, understood
	AwaitReady bool           // running only after a Ready, not as soon as it is executed
	// StartTimeout is the time from the start to the first Ready; 0: no limit.
	StartTimeout time.Duration
	// Confirm: where a process that says nothing of itself is to replace one that serves, somebody is asked whether it can.
	Confirm     bool
	Unhealthy   string // what an Unhealthy leads to: restart, reload, shutdown; else nothing but an event
	BeforeStart bool   // there is a hook ahead of each process
	AfterExit   bool   // and one after its end
	HookTimeout time.Duration
	Job         *Job // nil: it is none. Never written to

	// Drain is the time that a worker has to finish what it has, ahead of its time to stop; 0: it has no connections of goinit's.
	Drain time.Duration
	// MaxSurge is how many processes there may be beyond the slots while workers are replaced, MaxUnavailable how many slots
	// may be without a worker. With neither it is one slot.
	MaxSurge, MaxUnavailable int
	// ReloadSignal is what a reload sends to the workers instead of replacing them; 0: it replaces them.
	ReloadSignal syscall.Signal
}

// App is the state of the machine.
type App struct {
	Config Config
	Slots  []Slot // by number; while a scale down is under way there may be more than Workers
	// Incoming are processes that are to replace those of Slots of the same numbers, Outgoing those that were replaced: see
	// successor.go.
	Incoming, Outgoing []Slot
	Reload             Reload
	Workers            int
	Met                bool   // dependencies
	Held               string // the dependency that failed, for which it waits in vain
	Down               bool   // stopped as a whole: a scale does not start anything
	Closing            bool   // a shutdown has come
	Returns            int    // how often a process came again, other than by recycling

	// What slots that were removed have counted up to: one that comes back in their place goes on from there.
	generation, epoch int
}

// New is an app of n slots that wait for dependencies, or, where it is not enabled, for a request.
func New(c Config, n int, enabled bool) App {
	a := App{Config: c, Down: !enabled}
	a, _ = a.scale(Event{Workers: n})
	return a
}

// Step is the machine. The App that it is given is not changed.
func (a App) Step(e Event) (App, []Effect) {
	a.Slots, a.Incoming, a.Outgoing = slices.Clone(a.Slots), slices.Clone(a.Incoming), slices.Clone(a.Outgoing)
	if aboutProcess(e.Kind) {
		return a.toProcess(e)
	}
	if a.Closing && (e.Kind == AskStart || e.Kind == AskRestart || e.Kind == AskReload || e.Kind == Redefine || e.Kind == AskScale || e.Kind == DependenciesMet) {
		return a, nil
	}
	whole := e.Slot == AllSlots
	switch e.Kind {
	case AskScale:
		return a.scale(e)
	case Redefine:
		return a.redefine(e)
	case AskReload:
		if a.Down {
			return a, nil
		}
		if a.Config.ReloadSignal != 0 && a.Config.Job == nil {
			return a, a.signalReload(e)
		}
	case Due:
		if whole {
			return a.due(e)
		}
	case DependencyFailed:
		if a.Held == e.Dependency {
			return a, nil
		}
		a.Held = e.Dependency
		return a, []Effect{Emit{Type: "app.held", Slot: AllSlots, Dependency: e.Dependency}}
	case DependenciesMet:
		a.Met, a.Held = true, ""
	case Shutdown:
		for i := range a.Slots { // a second Shutdown must not take back what the first one killed
			if s := &a.Slots[i]; !a.Closing && s.Process == None {
				s.Killed = false // long ago, by somebody's stop
			}
		}
		a.Closing, a.Down = true, true
	case AskStop, AskKill, AskRemove:
		a.Down = a.Down || whole
	case AskStart, AskRestart:
		a.Down = a.Down && !whole
		if whole && e.Kind == AskStart && a.wantsAnother() {
			e.Kind = Due
			return a.due(e)
		}
	}
	return a.toSlots(e)
}

func (a App) toSlots(e Event) (App, []Effect) {
	var out []Effect
	for i := range a.Slots {
		s := &a.Slots[i]
		if e.Slot != AllSlots && e.Slot != s.Number {
			continue
		}
		if s.leaving() && (e.Kind == AskStart || e.Kind == AskRestart) {
			continue // it is being removed, which only a scale takes back
		}
		switch e.Kind {
		case AskStop, AskKill, AskRemove, Shutdown: // also of what has ended, and would be replaced
			s.Due, s.Asked = 0, false
		}
		out = a.toSlot(s, e, out)
	}
	out = a.besides(e, out)
	return a, a.goOn(e, out)
}

// leaving reports whether the slot is to be removed when its process has gone.
func (s *Slot) leaving() bool {
	return s.Next == Leave && (s.State == Stopping || s.State == Draining)
}

// toSlot looks the event up in the table, unless it is about something that is over.
func (a *App) toSlot(s *Slot, e Event, out []Effect) []Effect {
	if e.Kind == Timer && (s.Timer == NoTimer || e.Epoch != s.Epoch) {
		return out
	}
	if e.Kind == Started || e.Kind == StartFailed {
		if s.Process != Asked {
			return out
		}
	}
	if s.State == Removed {
		return out
	}
	c := table[s.State][e.Kind]
	if c.do == nil {
		return out
	}
	st := a.stepOf(s, e, out)
	c.do(st)
	if st.returned {
		a.Returns++
	}
	*s = st.slot
	return st.out
}

// stepOf is a step whose slot is a copy.
func (a *App) stepOf(s *Slot, e Event, out []Effect) *step {
	st := &step{config: s.Config, latest: &a.Config, met: a.Met, due: a.lastDue() + 1, slot: *s, event: e, out: out}
	if st.config == nil {
		st.config = st.latest
	}
	return st
}

// forget lets go what is no more.
func (a *App) forget() {
	gone := func(s Slot) bool {
		if s.State != Removed {
			return false
		}
		a.generation, a.epoch = max(a.generation, s.Generation, s.Last), max(a.epoch, s.Epoch)
		return true
	}
	besideGone := func(s Slot) bool {
		is := gone(s)
		if own := a.slot(s.Number); is && own != nil && a.Closing && s.Killed { // a shutdown counts who had to be killed
			own.Killed = true
		}
		return is
	}
	a.Slots = slices.DeleteFunc(a.Slots, gone)
	a.Incoming = slices.DeleteFunc(a.Incoming, besideGone)
	a.Outgoing = slices.DeleteFunc(a.Outgoing, besideGone)
}

// slot is the slot of a number, or nil.
func (a *App) slot(n int) *Slot {
	if i := slices.IndexFunc(a.Slots, func(s Slot) bool { return s.Number == n }); i >= 0 {
		return &a.Slots[i]
	}
	return nil
}

// fresh is a new slot. What is left of one that was removed may not be gone yet, so it has a generation of its own.
func (a *App) fresh(n int, state State) Slot {
	s := Slot{Number: n, State: state}
	if a.generation > 0 {
		s.Generation, s.Reserved, s.Epoch = a.generation+1, true, a.epoch
	}
	return s
}

// scale makes slots, and removes those with the highest numbers. One that is being removed is kept instead.
func (a App) scale(e Event) (App, []Effect) {
	var out []Effect
	a.Workers = e.Workers
	for n := range e.Workers {
		i, found := slices.BinarySearchFunc(a.Slots, n, func(s Slot, n int) int { return s.Number - n })
		if found {
			if s := &a.Slots[i]; s.leaving() {
				s.Next = Again
				if a.Down {
					s.Next = Stay
				}
			}
			continue
		}
		s := a.fresh(n, Waiting)
		if a.Down {
			s.State = Stopped
		}
		if a.Met {
			out = a.toSlot(&s, Event{Kind: DependenciesMet, Slot: n, Now: e.Now}, out)
		}
		a.Slots = slices.Insert(a.Slots, i, s)
	}
	for i := range a.Slots {
		if s := &a.Slots[i]; s.Number >= e.Workers {
			remove := Event{Kind: AskRemove, Slot: s.Number, Now: e.Now}
			out = a.besides(remove, a.toSlot(s, remove, out))
		}
	}
	return a, a.goOn(e, out)
}

// Summary is what the set has to know of an app: comparable, and small.
type Summary struct {
	Started   bool          // every slot has executed its program
	Ready     bool          // every slot is running, and ready
	WasReady  bool          // or has completed
	Completed bool          // every slot is
	Failed    bool          // some slot gave up
	Final     bool          // every slot has completed or failed
	ByHand    bool          // some slot was stopped by request
	Idle      bool          // nothing runs and nothing will by itself, and it does not wait
	Troubled  bool          // some slot has failed, and is to be started again
	Waiting   bool          // some slot waits for dependencies
	Settled   bool          // no slot is on its way to anything
	Reloading bool          // its workers are being replaced
	Revision  int           // of its definition
	Closing   bool          // a shutdown has come to it
	Empty     bool          // no slot has a process, or what is left of one
	Returns   int           // how often a process came again, other than by recycling
	Status    int           // of the first failure, which is never 0, else of the last exit
	Reason    Reason        // of that exit
	FailedAt  time.Duration // when the first slot gave up
	Killed    string        // the workers whose last stop ended in SIGKILL, in words
}

// Summary looks at the slots.
func (a App) Summary() Summary {
	some := len(a.Slots) > 0
	m := Summary{Started: true, Ready: true, WasReady: true, Returns: a.Returns, Completed: some, Closing: a.Closing, Reloading: a.Reload.Active, Revision: a.Config.Revision}
	alone := len(a.Incoming) == 0 && len(a.Outgoing) == 0
	m.Final, m.Idle, m.Settled, m.Empty = some && alone, alone, alone, alone
	var killed []string
	for i := range a.Slots {
		s := &a.Slots[i]
		m.Started = m.Started && (s.Began || s.State == Completed)
		m.Ready = m.Ready && s.IsReady()
		m.WasReady = m.WasReady && (s.IsReady() || s.State == Completed)
		m.Completed = m.Completed && s.State == Completed
		m.Final = m.Final && (s.State == Completed || s.State == Failed)
		m.Idle = m.Idle && s.State.Final()
		m.Settled = m.Settled && s.State != Waiting && s.State != Starting && s.State != Stopping && s.State != Draining
		m.Empty = m.Empty && s.Process == None
		m.Troubled = m.Troubled || s.State == Backoff || s.Failures > 0 && !s.IsReady() && a.Config.Job == nil
		m.Waiting = m.Waiting || s.State == Waiting
		m.ByHand = m.ByHand || s.State == Stopped && s.ByHand
		if s.State == Failed && (!m.Failed || s.FailedAt < m.FailedAt) {
			m.Failed, m.FailedAt, m.Status, m.Reason = true, s.FailedAt, max(1, s.LastExit.Status()), s.LastExit.Reason
		}
		if s.Killed {
			killed = append(killed, a.Config.Name+"/"+strconv.Itoa(s.Number))
		}
	}
	if !m.Failed {
		for i := range a.Slots {
			if s := &a.Slots[i]; s.HasExited && (m.Status == 0) {
				m.Status, m.Reason = s.LastExit.Status(), s.LastExit.Reason
			}
		}
	}
	m.Killed = strings.Join(killed, " ")
	return m
}
