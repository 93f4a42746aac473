//go:build goinit_entry && linux && (amd64 || arm64)

package pid1

import (
	"errors"
	"math/bits"
	"time"
	"unsafe"

	"goinit/init/entry"

	"golang.org/x/sys/unix"
)

// sigwait takes the signals that the entry stub has kept blocked since the first instruction, one by one, as the kernel
// has queued them (sigtimedwait(2)). It needs no descriptor: a limit on open files that leaves none is no reason not to
// be an init.
type sigwait struct {
	self   int32
	faults uint64 // BUS, FPE, SEGV that were sent to us, not yet passed on
	taken  uint64 // since there was last nothing else to take; bit n-1 stands for signal n
}

func openSignals() (source, error) {
	_ = setDefault(cLibrarySignal) // an emulator has reasons to refuse
	if err := setDefault(unix.SIGCHLD); err != nil {
		return nil, err
	}
	if err := entry.CatchFaults(); err != nil {
		return nil, err
	}
	if _, e := sigtimedwait(0, &unix.Timespec{}); e != unix.EAGAIN { // of no signal, at once: is it allowed?
		return nil, errors.New("sigtimedwait: " + e.Error() + "\n  does a seccomp profile forbid rt_sigtimedwait?")
	}
	return &sigwait{self: int32(unix.Getpid())}, nil
}

func (s *sigwait) next(deadline time.Time) (arrival, bool) {
	for {
		if s.faults != 0 {
			sig := bits.TrailingZeros64(s.faults)
			s.faults &^= 1 << sig
			return arrival{sig: unix.Signal(sig + 1)}, true
		}
		info, e := s.wait(deadline)
		switch {
		case e == unix.EAGAIN:
			return arrival{}, false
		case e != 0: // EINTR
			continue
		case unix.Signal(info.signo) == unix.SIGCHLD:
			s.faults |= entry.TakeFaults()
			return arrival{sig: unix.SIGCHLD}, true
		case info.code == siUser && info.pid == s.self:
			continue // what we have sent ourselves is no news: a SIGPIPE of our own write, above all
		}
		return arrival{sig: unix.Signal(info.signo), queued: info.code == siQueue, value: info.value}, true
	}
}

// siginfo is the head of siginfo_t for a signal that a process sent (asm-generic/siginfo.h, 64 bit), of 128 bytes.
type siginfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	value                 uint64
	_                     [96]byte
}

// si_code of sigaction(2).
const (
	siUser  = 0
	siQueue = -1
)

// wait takes one signal; EAGAIN says that the deadline came first. The kernel hands out the lowest number first: those that
// were taken already have their turn when no other is waiting, so that a storm of one starves nobody.
func (s *sigwait) wait(deadline time.Time) (info siginfo, e unix.Errno) {
	if s.taken != 0 {
		if info, e = sigtimedwait(^s.taken, &unix.Timespec{}); e == 0 {
			s.taken |= 1 << (info.signo - 1)
			return info, 0
		}
		s.taken = 0
	}
	var timeout *unix.Timespec
	if !deadline.IsZero() {
		ts := unix.NsecToTimespec(int64(max(0, time.Until(deadline))))
		timeout = &ts
	}
	if info, e = sigtimedwait(^uint64(0), timeout); e == 0 {
		s.taken = 1 << (info.signo - 1)
	}
	return info, e
}

func sigtimedwait(set uint64, timeout *unix.Timespec) (info siginfo, e unix.Errno) {
	_, _, e = unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&info)),
		uintptr(unsafe.Pointer(timeout)), 8, 0, 0)
	return info, e
}

// stopGroup stops our process group as a terminal does, ourselves included, and reports whether we were stopped (and
// continued since): an orphaned process group is not.
func stopGroup(sig unix.Signal) (stopped bool) {
	_ = unix.Kill(0, sig)
	one, old := uint64(1)<<(sig-1), uint64(0)
	const sigUnblock, sigSetmask = 1, 2
	// Ours is blocked in every thread; this one lets it in for a moment.
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, sigUnblock, uintptr(unsafe.Pointer(&one)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, sigSetmask, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	var pending uint64
	unix.RawSyscall(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&pending)), 8, 0)
	return pending>>(unix.SIGCONT-1)&1 != 0
}
