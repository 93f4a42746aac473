package logs

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for many descriptors in one goroutine: an epoll set that is itself watched by the runtime's. Two things
// follow from that. A waiting goroutine holds no thread, as one blocked in epoll_wait would. And a descriptor can be
// waited for that must not be O_NONBLOCK, for it is shared with others: the runtime's own poller refuses those.
//
// A watched descriptor costs an entry in the kernel and none in the runtime: no os.File, no goroutine, no stack.
type poller struct {
	fd   int
	file *os.File
	conn syscall.RawConn
	wake int // an eventfd
}

// wakeID is the id of the poller's own eventfd.
const wakeID = 0

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &poller{fd: fd, wake: -1}
	if err := unix.SetNonblock(fd, true); err != nil { // what os.NewFile asks for before it watches a descriptor
		p.close()
		return nil, os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(fd), "epoll")
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.close()
		return nil, err
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		p.close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := p.watch(p.wake, wakeID, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// watch adds fd: wait then returns id for it. Closing fd ends that, for nobody else has its file description.
func (p *poller) watch(fd int, id uint32, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(id)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e))
}

// rearm makes a EPOLLONESHOT descriptor be waited for once more.
func (p *poller) rearm(fd int, id uint32, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(id)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &e))
}

// wait returns what is ready, at least one event; an error means that the poller was closed.
func (p *poller) wait(events []unix.EpollEvent) (n int, err error) {
	err = p.conn.Read(func(uintptr) bool {
		n = epollNow(p.fd, events)
		return n > 0
	})
	return n, err
}

// epollNow is epoll_wait(2) that does not wait. It never sleeps, so the scheduler is not told of it: it would, under
// load, hand our processor to another thread.
func epollNow(fd int, events []unix.EpollEvent) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	runtime.KeepAlive(events)
	if e != 0 {
		return 0
	}
	return int(n)
}

// interrupt makes wait return wakeID.
func (p *poller) interrupt() {
	one := [8]byte{1}
	unix.Write(p.wake, one[:])
}

// interrupted takes note of it.
func (p *poller) interrupted() {
	var count [8]byte
	readNow(p.wake, count[:])
}

func (p *poller) close() {
	if p.wake >= 0 {
		unix.Close(p.wake)
	}
	if p.file != nil {
		p.file.Close()
	} else {
		unix.Close(p.fd)
	}
}

// readNow is read(2) of an O_NONBLOCK descriptor; without news it is EAGAIN.
func readNow(fd int, b []byte) (int, error) {
	for {
		n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}
