package supervise

import (
	"syscall"

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
	Given            Given // what its Watch wants it to have
}

// Beside is what a Starter may do besides, asked for by type assertion: to run a program in a worker's place, that is as
// its app's user, in its directory, environment and cgroup, with more environment (NAME=value) after it. Hooks are run so,
// and exec probes. The worker need not have a process. told.Exited comes once; KillTree kills it and all that it has
// started, whereupon told.TreeGone comes.
type Beside interface {
	Beside(w Work, argv, environment []string, told Told) (Process, error)
}

// Told is what a Process that was started has to tell. Both are called once, in this order, and never block; TreeGone
// only after AwaitTree or KillTree was called.
type Told struct {
	Exited   func(Exit)
	TreeGone func()
}

// Exit is how a process ended.
type Exit struct {
	Code   int
	Signal syscall.Signal // 0: it exited, with Code
}

// Process is a worker's main process and all that it has started. No method blocks.
type Process interface {
	PID() int
	Signal(syscall.Signal) error
	SignalGroup(syscall.Signal) error
	AwaitTree(syscall.Signal) // which is sent to what is left, once each
	KillTree()                // all of it, the main process too
}

// notFound is what a start's error may say of itself: that there was nothing to execute.
type notFound interface{ NotFound() bool }
