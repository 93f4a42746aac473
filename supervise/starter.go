package supervise

import (
	"syscall"
	"time"

	"goinit/spec"
)

// Starter starts workers' processes.
type Starter interface {
	// Start returns when the worker has executed its program, or an error that says why it has not. It may take its
	// time: only the app that asked waits.
	Start(w Work, told Told) (Process, error)
}

// Work is the worker that is to be.
type Work struct {
	App              *spec.App // not to be changed
	Slot, Generation int
	Argv             []string // a hook that runs in the worker's place; nil: the app's command
	Given            Given    // what it finds besides
	// Probed, if not nil, is to be told of each probe that was answered: whether it failed, and how long it took.
	Probed func(liveness, failed bool, took time.Duration)
}

// Beside is what a Starter may do besides, asked for by type assertion: to run a program beside a living worker, as its
// user, in its directory, environment and cgroup. It has w.Given besides; a descriptor 0, 1 or 2 that is not in it is
// /dev/null. It is not of the worker's tree: KillTree kills it and what it has started, and nothing else, whereupon
// told.TreeGone comes.
type Beside interface {
	Beside(w Work, argv, environment []string, told Told) (Process, error)
}

// Told is what a Process that was started has to tell. Exited and TreeGone are called once, in this order; TreeGone only
// after AwaitTree or KillTree was called. Alarm is called before, as often as the kernel has something to say, but at most
// a few times a second. None of them blocks.
type Told struct {
	Exited   func(Exit)
	TreeGone func()
	Alarm    func(Alarm)
}

// Exit is how a process ended.
type Exit struct {
	Code   int
	Signal syscall.Signal // 0: it exited, with Code
	// OOMKilled says that it was the kernel, for want of memory: read from the group's memory.events before anything else
	// is done to it. Without a group nobody knows, and it is false.
	OOMKilled bool
}

// Alarm is something that the kernel says of a worker's group.
type Alarm struct {
	Kind   AlarmKind
	Detail string // in words, for an event: "240MiB of 256MiB"
}

// AlarmKind is what an Alarm is about.
type AlarmKind string

// The alarms. What recycle: asks for are AlarmMemory and AlarmPressure, and nothing else sets them off.
const (
	AlarmMemory      AlarmKind = "memory"       // it uses as much as recycle.memory
	AlarmPressure    AlarmKind = "pressure"     // it waits for memory as long as recycle.pressure
	AlarmPidsRefused AlarmKind = "pids-refused" // a fork was refused by the limit of pids
	AlarmOOMKilled   AlarmKind = "oom-killed"   // a process was killed for want of memory; maybe not the main one
)

// Process is a worker's main process and all that it has started. But for those that say so, no method blocks.
type Process interface {
	PID() int
	Signal(syscall.Signal) error
	SignalGroup(syscall.Signal) error
	AwaitTree(syscall.Signal) // which is sent to what is left, once each
	KillTree()                // all of it, the main process too

	// Freeze suspends all of it, and returns when that is so or with the reason why it is not: then it is as it was. It may
	// block for seconds, and so may not be called by an app's owner; it ends early when Thaw or KillTree is called.
	Freeze() error
	// Thaw lets all of it go on. Of what is not frozen it is harmless.
	Thaw() error
	// Usage is what all of it uses. It reads files: not to be called by an app's owner. After TreeGone it is an error.
	Usage() (Usage, error)
	// Brief is of Usage what costs least to read, for all workers at once: CPU, Memory and MemoryPeak.
	Brief() (Usage, error)
}

// notFound is what a start's error may say of itself: that there was nothing to execute.
type notFound interface{ NotFound() bool }
