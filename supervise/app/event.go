package app

import (
	"syscall"
	"time"
)

// Kind is what happened, or what is asked for.
type Kind uint8

// Events of a slot.
const (
	DependenciesMet Kind = iota
	Started              // answer to Start: PID
	StartFailed          // the other answer: Exit
	Ready                // said or probed to be ready, for the first time or again; only with Config.AwaitReady, or after Confirm
	Unready              // not any more: Detail
	Unhealthy            // stuck: Detail
	Extended             // it asks for time, to start or to stop: Within, from now
	MainPID              // another process of its tree is the main one: PID
	Said                 // what it does, in its own words: Detail
	SaysStopping         // that it ends by itself
	Exited               // the main process: Exit
	TreeGone             // nothing of the process's tree is left; comes after Exited, and once
	Timer                // an armed timer has fired: Epoch
	Frozen               // answer to Freeze: Epoch
	FreezeFailed         // the other answer: Epoch, Detail
	Undrained            // answer to Drain: nothing but its stop signal tells it to finish. There is none where it was told
	Recycle              // the process is to be replaced when it is its turn, for what Detail says
	Due                  // a run of a job; which slot takes it is decided where it comes to AllSlots
	AskStart
	AskStop
	AskRestart
	AskReload // to be replaced when it is its turn, or sent the signal that it reloads by; Detail says why
	AskSignal // Signal
	AskKill   // a stop that gives no time
	AskRemove
	AskPause
	AskResume
	DependencyRestarted // and what depends on it is to be restarted, if it runs
	Shutdown            // a stop that gives no more than Within, and after which nothing starts
	Hurry               // whoever is stopping is killed
	slotKinds
)

// Events of the app as a whole.
const (
	AskScale         = slotKinds + iota // Workers
	DependencyFailed                    // Dependency
	Redefine                            // Config, Same: from now on; the processes of another are to be replaced as AskReload does
)

func (k Kind) String() string {
	return [...]string{
		"dependencies met", "started", "start failed", "ready", "unready", "unhealthy", "extended", "main pid", "said",
		"says stopping", "exited", "tree gone", "timer", "frozen", "freeze failed", "undrained", "recycle", "due",
		"start", "stop", "restart", "reload", "signal", "kill", "remove", "pause", "resume", "dependency restarted", "shutdown", "hurry", "scale", "dependency failed", "redefine",
	}[k]
}

// AllSlots is an Event.Slot for every slot of the app.
const AllSlots = -1

// Event is one thing that happened. Fields that its Kind does not name mean nothing.
type Event struct {
	Kind       Kind
	Slot       int           // or AllSlots
	Generation int           // of the process that it is about, of all that are about one
	Now        time.Duration // on a clock that never jumps
	Jitter     float64       // random, 0 to 1

	PID        int
	Exit       Exit
	Epoch      int
	Signal     syscall.Signal
	Within     time.Duration
	Workers    int
	Dependency string
	Detail     string // a line for people
	Config     *Config
	Same       []int // revisions that are the same as Config's
}

// Unlimited is a Shutdown's Within that leaves the app its own stop timeout.
const Unlimited = time.Duration(-1)

// Exit is how a process ended.
type Exit struct {
	Code   int            // exit code, meaningless after death by signal
	Signal syscall.Signal // 0: it exited
	Reason Reason         // filled in by the machine
	Error  string         // of a start that failed
	// OOMKilled says that the kernel has killed in the process's cgroup for want of memory. It is the reason of the end
	// only where the end looks like that.
	OOMKilled bool
}

// Status is the status as a shell gives it.
func (e Exit) Status() int {
	if e.Signal != 0 {
		return 128 + int(e.Signal)
	}
	return e.Code
}

// Reason is why a process ended, as last_exit has it.
type Reason string

// The reasons that the machine knows.
const (
	ReasonExited      Reason = "exited"
	ReasonSignaled    Reason = "signaled"
	ReasonOOMKilled   Reason = "oom-killed"
	ReasonStopped     Reason = "stopped"
	ReasonReplaced    Reason = "replaced"
	ReasonStartFailed Reason = "start-failed"

	ReasonStartTimeout Reason = "start-timeout"
	ReasonUnhealthy    Reason = "unhealthy"
	ReasonRunTimeout   Reason = "run-timeout"
)
