package set

import (
	"slices"
	"time"

	"goinit/spec"
	"goinit/supervise/app"
)

// Phase is what goinit as a whole is doing.
type Phase uint8

// The phases, in their order.
const (
	Booting  Phase = iota // some app has not come up yet
	Running               // every app has come up at least once, or will not
	Stopping              // an ordered stop
	Ended
)

func (p Phase) String() string { return [...]string{"booting", "running", "stopping", "ended"}[p] }

// Set is the state of the machine.
type Set struct {
	Phase   Phase
	Budget  time.Duration // of the ordered stop; 0: none
	Delay   time.Duration // of it: from a request to the first stop
	Members []*Member     // in the order of the spec
	Stay    bool          // that all apps have ended is no reason to end
	Touched bool          // the last word was somebody's removal of an app by hand

	target  []spec.App // what the last word wants
	applied bool       // the members are the target's, and none is on its way
	busy    string     // the changed app that is coming back

	// WaitsChanged counts the changes of what somebody waits for.
	WaitsChanged int
	waits        []Wait // room for start

	stop stop
}

// Member is an app as the set sees it.
type Member struct {
	Spec    spec.App
	Summary app.Summary
	Met     bool      // it was told that its dependencies are met
	Waits   []Wait    // what it waits for, while it is not Met; replaced, never written to
	Held    string    // the dependency that it waits for in vain
	Asked   bool      // to stop, by the shutdown
	Leaving bool      // it was asked to leave
	Next    *spec.App // what it comes back as, once it has left

	lives int             // how often it came back so
	rolls int             // how often it was given another definition since
	since map[string]life // what its dependencies with restart: true were when it was started last
	told  []string        // whom it was said to hold up
}

// Event is something that happened, or a request.
type Event interface{ event() }

// Boot begins.
type Boot struct{ Now time.Duration }

// Changed is an app's new Summary.
type Changed struct {
	App     string
	Summary app.Summary
	Now     time.Duration
}

// Gone says that an app that was asked to leave has left.
type Gone struct {
	App string
	Now time.Duration
}

// Shutdown asks for an ordered stop; a second one hurries it, unless both are signals within OneRequest.
type Shutdown struct {
	Reason string
	Status *int // nil: as the rules say
	Signal bool // it is one
	Now    time.Duration
}

// TimerFired is the timer that ArmTimer armed.
type TimerFired struct {
	Epoch int
	Now   time.Duration
}

// Apply makes the apps those of Target, touching only what differs.
type Apply struct {
	Target []spec.App
	Now    time.Duration
}

func (Boot) event()       {}
func (Changed) event()    {}
func (Gone) event()       {}
func (Shutdown) event()   {}
func (TimerFired) event() {}
func (Apply) event()      {}

// Effect is something for the driver to do, in the order given.
type Effect interface{ effect() }

// Meet tells an app that its dependencies are met.
type Meet struct{ App string }

// Hold tells an app that a dependency of it has failed.
type Hold struct{ App, Dependency string }

// StopApp asks an app to stop for good, within a time that may be app.Unlimited.
type StopApp struct {
	App    string
	Within time.Duration
}

// HurryApp kills what is still stopping.
type HurryApp struct{ App string }

// AddApp makes an app, which waits for its dependencies.
type AddApp struct{ App spec.App }

// RemoveApp stops an app and forgets it; Gone answers.
type RemoveApp struct{ App string }

// ScaleApp changes nothing but the number of workers.
type ScaleApp struct{ App spec.App }

// ReloadApp makes an app another while it runs: its workers are replaced one after another.
type ReloadApp struct{ App spec.App }

// UpdateApp changes the limits of an app that runs.
type UpdateApp struct{ App spec.App }

// RestartApp restarts what runs of an app, for a dependency has come again.
type RestartApp struct{ App, Dependency string }

// ArmTimer asks for a TimerFired. It replaces an armed one.
type ArmTimer struct {
	Epoch int
	After time.Duration
}

// Emit tells whoever watches.
type Emit struct {
	Type, App string
	Data      map[string]any
}

// End is the end of goinit.
type End struct{ Outcome Outcome }

func (Meet) effect()       {}
func (Hold) effect()       {}
func (StopApp) effect()    {}
func (HurryApp) effect()   {}
func (AddApp) effect()     {}
func (RemoveApp) effect()  {}
func (ScaleApp) effect()   {}
func (ReloadApp) effect()  {}
func (UpdateApp) effect()  {}
func (RestartApp) effect() {}
func (ArmTimer) effect()   {}
func (Emit) effect()       {}
func (End) effect()        {}

// Outcome is how goinit ends.
type Outcome struct {
	Status int
	Reason string   // why, in a line
	Killed []string // the workers that had to be killed
}

// New is a set of apps before its Boot.
func New(apps []spec.App, budget time.Duration) *Set {
	s := &Set{Budget: budget, target: slices.Clone(apps), applied: true}
	for _, a := range apps {
		s.Members = append(s.Members, &Member{Spec: a})
	}
	return s
}

// Step is the machine.
func (s *Set) Step(e Event) []Effect {
	if s.Phase == Ended {
		return nil
	}
	var out effects
	switch e := e.(type) {
	case Boot:
		s.start(&out)
		if len(s.Members) == 0 { // nobody will tell us anything
			s.phase(&out)
		}
	case Changed:
		m := s.Member(e.App)
		if m == nil {
			return nil
		}
		m.Summary = e.Summary
		s.look(e.Now, &out)
	case Gone:
		s.gone(e.App, &out)
		s.look(e.Now, &out)
	case Shutdown:
		s.asked(e, &out)
	case TimerFired:
		s.timerFired(e, &out)
	case Apply:
		if s.Phase < Stopping {
			s.target, s.applied = slices.Clone(e.Target), false
			s.look(e.Now, &out)
		}
	}
	return out
}

type effects []Effect

func (o *effects) add(e Effect) { *o = append(*o, e) }

// look is what every change leads to: somebody may start, stop, or be the last.
func (s *Set) look(now time.Duration, out *effects) {
	if s.Phase == Stopping {
		s.goOn(now, out)
		return
	}
	s.start(out)
	s.follow(out)
	s.advance(out)
	if reason, status, over := s.over(); over { // what ends in coming up has never been up
		s.begin(reason, &status, now, out)
		return
	}
	s.phase(out)
}

// Member is the app of a name, or nil.
func (s *Set) Member(name string) *Member {
	for _, m := range s.Members {
		if m.Spec.Name == name {
			return m
		}
	}
	return nil
}

func (s *Set) phase(out *effects) {
	if s.Phase != Booting {
		return
	}
	for _, m := range s.Members {
		if !m.Summary.Settled && m.Held == "" {
			return
		}
	}
	s.Phase = Running
	out.add(Emit{Type: "goinit.running"})
}
