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

// signalfd reads what the entry stub has kept blocked since the first instruction (signalfd(2)).
type signalfd struct {
	fd     int
	self   uint32
	buf    [8]unix.SignalfdSiginfo
	unread []unix.SignalfdSiginfo // of buf
	faults uint64                 // BUS, FPE, SEGV that were sent to us, not yet passed on
}

func openSignals() (source, error) {
	// A parent that ignores SIGCHLD hands that on, and then the kernel reaps and wait finds nothing.
	var act [4]uint64 // struct sigaction of the kernel, all zero: SIG_DFL
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0); e != 0 {
		return nil, e
	}
	if err := entry.CatchFaults(); err != nil {
		return nil, err
	}
	var every unix.Sigset_t
	for i := range every.Val {
		every.Val[i] = ^every.Val[i]
	}
	fd, err := unix.Signalfd(-1, &every, unix.SFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &signalfd{fd: fd, self: uint32(unix.Getpid())}, nil
}

func (s *signalfd) next(deadline time.Time) (arrival, bool) {
	for {
		if s.faults != 0 {
			sig := bits.TrailingZeros64(s.faults)
			s.faults &^= 1 << sig
			return arrival{sig: unix.Signal(sig + 1)}, true
		}
		for len(s.unread) > 0 {
			i := &s.unread[0]
			s.unread = s.unread[1:]
			if unix.Signal(i.Signo) == unix.SIGCHLD {
				s.faults |= entry.TakeFaults()
				return arrival{sig: unix.SIGCHLD}, true
			}
			// What we have sent ourselves is no news: a SIGPIPE of our own write, above all.
			if i.Code == siUser && i.Pid == s.self {
				continue
			}
			return arrival{sig: unix.Signal(i.Signo), queued: i.Code == siQueue, value: i.Ptr}, true
		}
		if !s.read(deadline) {
			return arrival{}, false
		}
	}
}

// si_code of sigaction(2).
const (
	siUser  = 0
	siQueue = -1
)

// read fills unread; false if nothing came in time.
func (s *signalfd) read(deadline time.Time) bool {
	if !deadline.IsZero() {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		ts := unix.NsecToTimespec(int64(left))
		n, err := unix.Ppoll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, &ts, nil)
		if n == 0 && err == nil {
			return false
		}
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&s.buf)), unsafe.Sizeof(s.buf))
	n, err := unix.Read(s.fd, bytes)
	if errors.Is(err, unix.EINTR) {
		return true
	}
	if err != nil {
		panic("goinit: read signalfd: " + err.Error()) // EBADF or EFAULT: our own mistake
	}
	s.unread = s.buf[:n/int(unsafe.Sizeof(s.buf[0]))]
	return true
}
