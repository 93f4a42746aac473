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
