package cgroup

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for many descriptors in one goroutine: an epoll set that is itself watched by the runtime's. A waiting
// goroutine then holds no thread; and EPOLLPRI, by which pressure is told, is not among what the runtime waits for.
type poller struct {
	fd   int
	file *os.File
	conn syscall.RawConn
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // what os.NewFile asks for before it watches a descriptor
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "cgroup events")}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// watch adds fd: wait then returns it. Closing fd ends that, for nobody else has its file description.
func (p *poller) watch(fd int, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e))
}

// wait returns what is ready, at least one event; an error means that the poller was closed.
func (p *poller) wait(events []unix.EpollEvent) (n int, err error) {
	err = p.conn.Read(func(uintptr) bool {
		n = epollNow(p.fd, events)
		return n > 0
	})
	return n, err
}

// epollNow is epoll_wait(2) that does not wait. It never sleeps, so the scheduler is not told of it.
func epollNow(fd int, events []unix.EpollEvent) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	runtime.KeepAlive(events)
	if e != 0 {
		return 0
	}
	return int(n)
}

func (p *poller) close() { p.file.Close() }
