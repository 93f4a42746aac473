package pid1

import (
	"time"
	"unsafe"

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

// setDefault undoes what a careless parent has handed on, for us and for the child. An ignored SIGCHLD makes the kernel
// reap, and wait finds nothing. An ignored 32 is nobody's wish: the C libraries keep it for themselves (pthreads(7)) and
// refuse to name it, so that what a parent's runtime leaves there no program can mend.
func setDefault(sig unix.Signal) error {
	var act [4]uint64 // struct sigaction of the kernel, all zero: SIG_DFL
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// cLibrarySignal is pthread_cancel(3)'s; Go's runtime leaves it alone.
const cLibrarySignal = unix.Signal(32)
