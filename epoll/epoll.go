// Package epoll waits for many descriptors in one goroutine: an epoll(7) set that is itself watched by the runtime's.
//
// Two things follow from that. A waiting goroutine holds no thread, as one blocked in epoll_wait(2) would; PID 1 makes
// none after its boot. And a descriptor can be waited for that must not be O_NONBLOCK, for it is shared with others, which
// the runtime's own poller refuses. One thing does not work: EPOLLPRI of what watches by itself (a pressure trigger) is used
// up when the runtime looks at the set; EPOLLIN with EPOLLET is not.
//
// A watched descriptor costs an entry in the kernel and none in the runtime: no os.File, no goroutine, no stack.
//
// Who is busy and has a processor to spare does without the runtime, whose threads take longer to wake than most work
// takes: see Busy.
package epoll

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Set is the descriptors that are waited for. One goroutine waits; everything else may be called from anywhere.
type Set struct {
	Bare
	file *os.File
	conn syscall.RawConn
}

// New makes an empty one.
func New() (*Set, error) {
	bare, err := NewBare()
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(bare.fd, true); err != nil { // what os.NewFile asks for before it watches a descriptor
		bare.Close()
		return nil, os.NewSyscallError("fcntl", err)
	}
	s := &Set{Bare: *bare, file: os.NewFile(uintptr(bare.fd), "epoll")}
	if s.conn, err = s.file.SyscallConn(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Wait returns how many are ready, at least one, and writes them to events; an error means that the set was closed.
func (s *Set) Wait(events []unix.EpollEvent) (n int, err error) {
	err = s.conn.Read(func(uintptr) bool {
		n = s.Now(events)
		return n > 0
	})
	return n, err
}

// Close ends a Wait. What is watched is not closed.
func (s *Set) Close() { s.file.Close() }

// Bare is a Set that the runtime does not know of: it is waited for by a thread, or as a member of a Set.
type Bare struct{ fd int }

// NewBare makes an empty one.
func NewBare() (*Bare, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &Bare{fd}, nil
}

// FD is its descriptor, readable while something is ready; it remains the Bare's.
func (s *Bare) FD() int { return s.fd }

// Watch adds fd; Wait then returns id for it, in the event's Fd. Events are those of epoll_ctl(2). Closing fd ends that, if
// nobody else has its file description.
func (s *Bare) Watch(fd int, id uint32, events uint32) error {
	return s.control(unix.EPOLL_CTL_ADD, fd, id, events)
}

// Rearm makes an EPOLLONESHOT descriptor be waited for once more.
func (s *Bare) Rearm(fd int, id uint32, events uint32) error {
	return s.control(unix.EPOLL_CTL_MOD, fd, id, events)
}

// Remove ends that while fd stays open. An fd that is watched for nothing still tells of hang-ups.
func (s *Bare) Remove(fd int) error {
	return s.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

func (s *Bare) control(op, fd int, id uint32, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(id)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(s.fd, op, fd, &e))
}

// Now is Wait that does not wait: 0 where nothing is ready. It never sleeps, so the scheduler is not told of the system
// call: it would, under load, hand our processor to another thread.
func (s *Bare) Now(events []unix.EpollEvent) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	runtime.KeepAlive(events)
	if e != 0 {
		return 0
	}
	return int(n)
}

// WaitFor waits no longer than d, to the millisecond, and holds its thread and its processor meanwhile: what comes soon wakes
// one thread, and none of the runtime's. The scheduler is not told of it, whose monitor would look after us 50 times a
// millisecond: so d is to be less than the 10 ms after which it wants the processor for others, and no longer than everybody may
// stand still, for a garbage collection waits until we are back. 0: nothing has come.
func (s *Bare) WaitFor(events []unix.EpollEvent, d time.Duration) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(d/time.Millisecond), 0, 0)
	runtime.KeepAlive(events)
	if e != 0 {
		return 0
	}
	return int(n)
}

// Close is of the set alone; what is watched is not closed.
func (s *Bare) Close() { unix.Close(s.fd) }
