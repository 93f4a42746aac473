package health

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// conn is a connection that waits on the runtime's poller.
type conn struct {
	file   *os.File
	raw    syscall.RawConn
	forget func() bool
}

// dial connects to the first address that does not refuse.
func (a *aim) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	var first error
	for _, at := range a.at {
		c, err := connect(ctx, at, deadline)
		if !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.EAFNOSUPPORT) {
			return c, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func connect(ctx context.Context, to unix.Sockaddr, deadline time.Time) (*conn, error) {
	family := unix.AF_INET
	if _, six := to.(*unix.SockaddrInet6); six {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, &ownError{err}
	}
	// Before the poller has it: an unconnected TCP socket is hung up, which is an event.
	first := unix.Connect(fd, to)
	if first != nil && first != unix.EINPROGRESS && first != unix.EINTR {
		unix.Close(fd)
		return nil, first
	}
	c, err := newConn(ctx, fd, deadline)
	if err != nil {
		return nil, err
	}
	if first != nil {
		err = c.connected(to)
	}
	if err == nil && toItself(fd) {
		err = unix.ECONNREFUSED
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// ownError is one that says nothing of the peer.
type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }

func isOwn(err error) bool { return errors.As(err, new(*ownError)) && ours(err) }

// newConn takes a descriptor that does not block.
func newConn(ctx context.Context, fd int, deadline time.Time) (*conn, error) {
	f := os.NewFile(uintptr(fd), "probe")
	raw, err := f.SyscallConn()
	if err == nil {
		err = f.SetDeadline(deadline)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	c := &conn{file: f, raw: raw}
	c.forget = context.AfterFunc(ctx, func() { _ = f.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

// connected waits for the end of a connect(2): to ask for it again is to ask how it went.
func (c *conn) connected(to unix.Sockaddr) error {
	var err error
	if e := c.raw.Write(func(fd uintptr) bool {
		err = unix.Connect(int(fd), to)
		for err == unix.EINTR {
			err = unix.Connect(int(fd), to)
		}
		return err != unix.EALREADY && err != unix.EINPROGRESS
	}); e != nil {
		return e
	}
	if err == unix.EISCONN {
		return nil
	}
	return err
}

// toItself: a connection to a port that nobody listens on may have that very port for its own, and then TCP connects it
// with itself (RFC 9293, simultaneous open).
func toItself(fd int) bool {
	own, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	peer, err := unix.Getpeername(fd)
	if err != nil {
		return false
	}
	switch own := own.(type) {
	case *unix.SockaddrInet4:
		peer, ok := peer.(*unix.SockaddrInet4)
		return ok && own.Port == peer.Port && own.Addr == peer.Addr
	case *unix.SockaddrInet6:
		peer, ok := peer.(*unix.SockaddrInet6)
		return ok && own.Port == peer.Port && own.Addr == peer.Addr
	}
	return false
}

func (c *conn) close() {
	c.forget()
	c.file.Close()
}

// Write does not use write(2): a peer that has hung up would have us sent a SIGPIPE, and PID 1 forwards signals.
func (c *conn) Write(b []byte) (int, error) {
	all := len(b)
	for len(b) > 0 {
		var n int
		var err error
		if e := c.raw.Write(func(fd uintptr) bool {
			n, err = unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			for err == unix.EINTR {
				n, err = unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
			}
			return err != unix.EAGAIN
		}); e != nil {
			err = e
		}
		if err != nil {
			return all - len(b), err
		}
		b = b[n:]
	}
	return all, nil
}

func (c *conn) Read(b []byte) (int, error) { return c.file.Read(b) }

// timedOut says whether an error is the deadline's.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// reason is an error in few words: an errno's, without what surrounds it.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}
