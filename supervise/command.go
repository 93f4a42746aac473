package supervise

import (
	"errors"
	"syscall"
	"time"

	"goinit/spec"
	"goinit/supervise/set"
)

// Command is one of the closed set of things that Do can be asked for.
type Command interface{ command() }

// Start starts targets, and Stop, Restart, Signal do as they are called. A TARGET is an app (web), a worker (web/0), a
// tag (@frontend), a worker's main pid, or all.
type Start struct {
	Targets []string
	NoWait  bool
}

// Stop stops targets, which stay stopped until they are asked for again.
type Stop struct {
	Targets []string
	NoWait  bool
	Kill    bool // without giving them time
}

// Restart stops targets and starts them again.
type Restart struct {
	Targets []string
	NoWait  bool
}

// Reload replaces the targets' workers one after another, or sends them the signal by which they reload themselves.
type Reload struct {
	Targets []string
	NoWait  bool
}

// Pause suspends every process of the targets that run, and Resume lets them go on. One that is stopped meanwhile is let
// go on for that.
type Pause struct {
	Targets []string
	NoWait  bool
}

// Resume ends a Pause.
type Resume struct {
	Targets []string
	NoWait  bool
}

// Signal sends a signal to the main processes.
type Signal struct {
	Targets []string
	Signal  syscall.Signal
}

// Scale changes the number of workers: to N, or by N.
type Scale struct {
	App      string
	N        int
	Relative bool
	NoWait   bool
}

// Update changes the limits of an app that runs, without a restart. They are part of the target from then on: an Apply of
// the spec as it was takes them back.
type Update struct {
	App string
	// Change changes the app's Resources, or says what is wrong. It may write to Total; other pointers and maps are the
	// target's own, and to be replaced.
	Change func(*spec.Resources) error
}

// Apply makes the apps those of a spec; with DryRun it only says what would change.
type Apply struct {
	Apps   []spec.App
	DryRun bool
	NoWait bool
	// Budget of an ordered stop from now on; nil: as it was.
	Budget *time.Duration
	// Delay of it from now on, before the first stop; nil: as it was.
	Delay *time.Duration
	// Accepted, if not nil, is called once the apps are what counts, before they are waited for; not for a DryRun. It must
	// neither block nor call back.
	Accepted func()
}

// Add adds an app.
type Add struct {
	App    spec.App
	NoWait bool
}

// Remove stops an app and forgets it.
type Remove struct {
	App    string
	NoWait bool
}

// Shutdown begins the ordered stop of everything, the second one hurries it, unless both are signals within
// set.OneRequest. Do does not wait for its end: Run returns.
type Shutdown struct {
	Status *int // nil: as the rules say
	Signal bool // somebody has sent one
	Reason string
}

func (Start) command()    {}
func (Stop) command()     {}
func (Restart) command()  {}
func (Reload) command()   {}
func (Pause) command()    {}
func (Resume) command()   {}
func (Signal) command()   {}
func (Scale) command()    {}
func (Update) command()   {}
func (Apply) command()    {}
func (Add) command()      {}
func (Remove) command()   {}
func (Shutdown) command() {}

// Result is what came of a command.
type Result struct {
	Workers []Worker  // the targets, afterwards
	Diff    *set.Diff // of an Apply
}

// What a caller may want to tell apart.
var (
	ErrNoSuchTarget = errors.New("no such target")
	ErrBusy         = errors.New("too many commands are waiting already")
	ErrEnded        = errors.New("goinit is ending")
	ErrSuperseded   = errors.New("another command came between")
	ErrNotRunning   = errors.New("there is no process")
	ErrNotPaused    = errors.New("only what runs can be paused")
	ErrInvalid      = errors.New("invalid")
	ErrFailed       = errors.New("it did not come up")
)

// TargetError is an ErrNoSuchTarget that says which, and what there is.
type TargetError struct {
	Target string
	Known  []string
}

func (e *TargetError) Error() string { return "no such target: " + e.Target }
func (e *TargetError) Unwrap() error { return ErrNoSuchTarget }
