package pid1

import (
	"time"

	"golang.org/x/sys/unix"
)

// arrival is a signal that somebody sent to goinit.
type arrival struct {
	sig    unix.Signal
	queued bool   // by sigqueue(3), with value
	value  uint64 // sigval
}

// source is where signals come from, one kind of it in each build: signals_sigwait.go behind the entry stub,
// signals_notify.go without.
type source interface {
	// next waits for a signal until the deadline; the zero time is none. false: the deadline has come.
	// SIGCHLD comes like any other, merged as the kernel merges it.
	next(deadline time.Time) (arrival, bool)
}

// lastSignal is SIGRTMAX on Linux (signal(7)).
const lastSignal = 64
