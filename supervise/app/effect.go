package app

import (
	"syscall"
	"time"
)

// Effect is something that the driver is to do, in the order given.
type Effect interface{ effect() }

// Start asks for a process; the answer is Started or StartFailed. What a hook runs is the slot's process like any other:
// signals, stops and kills are the same.
type Start struct {
	Slot, Generation int
	Revision         int // of the Config that it is started by
	Hook             Hook
	Exit             Exit // AfterExit: of the process that it comes after
}

// EndAll asks for the end of goinit, for what the slot's worker has come to.
type EndAll struct {
	Slot   int
	Detail string
}

// Signal sends a signal to the process, or to its whole group.
type Signal struct {
	Slot, Generation int
	Signal           syscall.Signal
	Tree             bool // stop.target: tree
	Stop             bool // it is a stop signal: a process that is suspended has to be continued to see it
}

// Drain says that the process gets no new connections any more, and is to finish what it has. The answer is Undrained, or
// none.
type Drain struct{ Slot, Generation int }

// Confirm asks whether a process that has lived for long enough can replace the one that its slot has. The answer is a Ready,
// maybe after some Unready that say why not yet.
type Confirm struct{ Slot, Generation int }

// AwaitTree sends what the dead process has left behind the stop signal, and asks for a TreeGone when nothing of it is left.
type AwaitTree struct {
	Slot, Generation int
	Signal           syscall.Signal
}

// KillTree kills the process and all of its tree; once it has exited, TreeGone follows.
type KillTree struct{ Slot, Generation int }

// Freeze stops every process of the tree where it is; the answer is Frozen or FreezeFailed with the same Epoch. Those of
// one process, and its Thaws, are to be carried out in the order given.
type Freeze struct{ Slot, Generation, Epoch int }

// Thaw lets a frozen process go on; there is no answer. It comes ahead of every other effect for a process that may be
// frozen, so nobody else needs to know of frost.
type Thaw struct{ Slot, Generation int }

// ArmTimer asks for a Timer event with this epoch. It replaces an armed one of the same slot and generation.
type ArmTimer struct {
	Slot, Generation, Epoch int
	Timer                   TimerKind
	After                   time.Duration
}

// CancelTimer says that a Timer event with this epoch is not wanted any more.
type CancelTimer struct{ Slot, Generation, Epoch int }

// Emit tells whoever watches.
type Emit struct {
	Type             string
	Slot, Generation int
	Exit             *Exit         // worker.exited, worker.start-failed, app.failed
	Delay            time.Duration // worker.backoff: until the next start; worker.draining: until the stop signal; worker.stopping: until SIGKILL; job.timeout: what it had
	Dependency       string        // app.held
	Detail           string        // worker.recycled, .unready, .unhealthy, .pause-failed, job.skipped: why
	Hook             Hook          // hook.started, hook.failed
	Failures         int           // worker.crash-loop, .backoff: failures in a row; .exited, .start-failed: those before
	Again            bool          // worker.ready: it was before
	Action           string        // worker.unhealthy: what it leads to
	Done, Of         int           // reload.*: workers that are replaced, of how many
	Failure          *Failure      // reload.failed
	Asked            bool          // reload.started, .finished: somebody asked for it; else the app's own recycle, watch or liveness
}

func (Start) effect()       {}
func (Signal) effect()      {}
func (Drain) effect()       {}
func (Confirm) effect()     {}
func (AwaitTree) effect()   {}
func (KillTree) effect()    {}
func (EndAll) effect()      {}
func (Freeze) effect()      {}
func (Thaw) effect()        {}
func (ArmTimer) effect()    {}
func (CancelTimer) effect() {}
func (Emit) effect()        {}

// TimerKind is what a slot's timer is armed for.
type TimerKind uint8

// The timers.
const (
	NoTimer      TimerKind = iota
	RestartTimer           // back-off is over
	StopTimer              // the time to stop is over
	StartTimer             // the time to become ready is over
	HookTimer              // the time of a hook is over
	RunTimer               // the time of a job's run is over
	DrainTimer             // the time to finish is over
	SteadyTimer            // a new process that says nothing of itself has lived for long enough
)
