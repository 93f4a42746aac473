package logs

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"goinit/epoll"
)

// poller is an epoll set that can be interrupted.
type poller struct {
	*epoll.Set
	wake int // an eventfd
}

// wakeID is the id of the poller's own eventfd.
const wakeID = 0

func newPoller() (*poller, error) {
	set, err := epoll.New()
	if err != nil {
		return nil, err
	}
	p := &poller{Set: set}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		set.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := p.Watch(p.wake, wakeID, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// interrupt makes Wait return wakeID.
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
	unix.Close(p.wake)
	p.Close()
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
