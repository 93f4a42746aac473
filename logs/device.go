package logs

import (
	"errors"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// device is what a sink writes to. write takes what it can without blocking, or says EAGAIN; wait returns when another
// try is worth it, or after interrupt, which is all that anybody but the sink's goroutine may call.
type device interface {
	write([]byte) (int, error)
	wait() error
	interrupt()
	close()
}

// descriptor is a device that is a file descriptor of somebody else's. O_NONBLOCK is a property of the open file, which
// is shared with whoever has it, here with the shell or the container engine and with workers; so it is never set. What
// is done instead depends on what the descriptor is:
//
//   - a pipe or a terminal is opened again through /proc/self/fd: that makes an open file of our own;
//   - where that is refused (it belongs to another user), poll says whether the descriptor takes something, and the
//     write is told not to wait (RWF_NOWAIT, which pipes know since Linux 6.4). On an older kernel, and on a terminal,
//     it can still block if somebody else was faster: it holds up this sink's goroutine then, and nobody else;
//   - a socket has MSG_DONTWAIT;
//   - a file does not block in this sense.
//
// Waiting is done by a poller, which needs no O_NONBLOCK and no thread.
type descriptor struct {
	fd     int // what is written to
	kind   uint32
	own    bool // fd is open for us alone, O_NONBLOCK
	noWait bool // RWF_NOWAIT may work
	poller *poller
	armed  bool
}

// openDevice makes a device of a descriptor, or of -1 one that takes everything and shows nothing.
func openDevice(fd int) (device, error) {
	var st unix.Stat_t
	if fd < 0 || unix.Fstat(fd, &st) != nil {
		return nowhere{}, nil
	}
	d := &descriptor{fd: fd, kind: st.Mode & unix.S_IFMT, noWait: true}
	if d.kind == unix.S_IFREG {
		return d, nil
	}
	if d.kind != unix.S_IFSOCK {
		again, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err == nil {
			d.fd, d.own = again, true
		}
	}
	var err error
	if d.poller, err = newPoller(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *descriptor) write(b []byte) (int, error) {
	switch d.kind {
	case unix.S_IFREG:
		return unix.Write(d.fd, b)
	case unix.S_IFSOCK:
		return raw(unix.SYS_SENDTO, d.fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0)
	case unix.S_IFIFO:
		// A pipe without a reader is not written to: that would raise a SIGPIPE, for an init to wonder about.
		if pollNow(d.fd, unix.POLLOUT)&unix.POLLERR != 0 {
			return 0, unix.EPIPE
		}
	}
	if d.own {
		return raw(unix.SYS_WRITE, d.fd, b, 0, 0)
	}
	if pollNow(d.fd, unix.POLLOUT)&(unix.POLLOUT|unix.POLLERR|unix.POLLHUP) == 0 {
		return 0, unix.EAGAIN
	}
	if d.noWait {
		n, err := writeNoWait(d.fd, b)
		if err != unix.EOPNOTSUPP && err != unix.ENOSYS {
			return n, err
		}
		d.noWait = false
	}
	return unix.Write(d.fd, b)
}

// raw is a system call on a buffer that does not sleep, so that the scheduler need not know of it.
func raw(call uintptr, fd int, b []byte, flags, flags2 uintptr) (int, error) {
	n, _, e := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, flags2, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// writeNoWait is pwritev2(2) with RWF_NOWAIT, at the current position.
func writeNoWait(fd int, b []byte) (int, error) {
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	n, _, e := unix.RawSyscall6(unix.SYS_PWRITEV2, uintptr(fd), uintptr(unsafe.Pointer(&v)), 1, ^uintptr(0), ^uintptr(0), unix.RWF_NOWAIT)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

const deviceID = 1

func (d *descriptor) wait() error {
	if d.poller == nil {
		return errors.New("a file has nothing to wait for")
	}
	arm := d.poller.Rearm
	if !d.armed {
		arm = d.poller.Watch
	}
	if err := arm(d.fd, deviceID, unix.EPOLLOUT|unix.EPOLLONESHOT); err != nil {
		return err
	}
	d.armed = true
	var events [1]unix.EpollEvent
	_, err := d.poller.Wait(events[:])
	return err
}

func (d *descriptor) interrupt() {
	if d.poller != nil {
		d.poller.interrupt()
	}
}

func (d *descriptor) close() {
	if d.poller != nil {
		d.poller.close()
	}
	if d.own {
		unix.Close(d.fd)
	}
}

// nowhere is a closed descriptor.
type nowhere struct{}

func (nowhere) write(b []byte) (int, error) { return len(b), nil }
func (nowhere) wait() error                 { return nil }
func (nowhere) interrupt()                  {}
func (nowhere) close()                      {}

// pollNow is poll(2) of one descriptor that does not wait.
func pollNow(fd int, events int16) int16 {
	p := unix.PollFd{Fd: int32(fd), Events: events}
	var now unix.Timespec
	n, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	if e != 0 || n == 0 {
		return 0
	}
	return p.Revents
}
