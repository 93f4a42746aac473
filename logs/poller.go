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
	wake bell
}

// wakeID is the id of a set's own bell.
const wakeID = 0

func newPoller() (*poller, error) {
	set, err := epoll.New()
	if err != nil {
		return nil, err
	}
	p := &poller{Set: set}
	if p.wake, err = newBell(); err != nil {
		set.Close()
		return nil, err
	}
	if err := p.Watch(int(p.wake), wakeID, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// interrupt makes Wait return wakeID.
func (p *poller) interrupt() { p.wake.ring() }

func (p *poller) close() {
	p.wake.close()
	p.Close()
}

// bell is an eventfd, readable from when it is rung until it is stilled.
type bell int

func newBell() (bell, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return bell(fd), os.NewSyscallError("eventfd", err)
}

func (b bell) ring() {
	one := [8]byte{1}
	unix.Write(int(b), one[:])
}

func (b bell) still() {
	var count [8]byte
	readNow(int(b), count[:])
}

func (b bell) close() { unix.Close(int(b)) }

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
