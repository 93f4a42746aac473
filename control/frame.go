package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// request and reply are Varlink's two messages. Each ends with a NUL, which JSON cannot contain.
type request struct {
	Method     string          `json:"method"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	OneWay     bool            `json:"oneway,omitempty"`
	More       bool            `json:"more,omitempty"`
	Upgrade    bool            `json:"upgrade,omitempty"`
}

type reply struct {
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Continues  bool            `json:"continues,omitempty"`
	Error      string          `json:"error,omitempty"`
}

// maxFiles is how many descriptors may come with a request: a program's standard ones.
const maxFiles = 3

var errTooLong = errors.New("message too long")

// conn is a connected socket, on the runtime's poller: whoever waits in it holds no thread.
type conn struct {
	file  *os.File
	raw   syscall.RawConn
	buf   []byte // received, and not yet a whole frame
	seen  int    // how much of buf has no NUL in it
	files []int  // descriptors received with it; not os.Files, which would put them on our poller
	take  bool   // whether descriptors are taken at all; else the kernel closes them
}

func newConn(fd int) (*conn, error) {
	f := os.NewFile(uintptr(fd), "control socket") // nonblocking, hence pollable
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &conn{file: f, raw: raw}, nil
}

// close may be called from another goroutine than the one that reads: whoever waits is woken. Descriptors that were
// received and belong to no frame yet are closed by release.
func (c *conn) close() { c.file.Close() }

// release is for the goroutine that reads, when it reads no more.
func (c *conn) release() {
	c.close()
	closeFiles(c.files)
	c.files, c.buf = nil, nil
}

// frame takes one whole frame from what was received. The slice and the descriptors are the caller's.
func (c *conn) frame() (frame []byte, files []int, ok bool) {
	i := bytes.IndexByte(c.buf[c.seen:], 0)
	if i < 0 {
		c.seen = len(c.buf)
		return nil, nil, false
	}
	i += c.seen
	frame, files = c.buf[:i:i], c.files
	c.buf, c.files, c.seen = c.buf[i+1:], nil, 0
	if len(c.buf) == 0 {
		c.buf = nil // a big request's memory goes with it; who is idle has none
	}
	return frame, files, true
}

// fill receives once. Its error is io.EOF when the peer will send no more.
func (c *conn) fill(limit int) error {
	if len(c.buf) >= limit {
		return errTooLong
	}
	if cap(c.buf)-len(c.buf) < 512 {
		grown := make([]byte, len(c.buf), min(max(2*cap(c.buf), 2048), limit+512))
		copy(grown, c.buf)
		c.buf = grown
	}
	var oob []byte
	if c.take {
		oob = make([]byte, unix.CmsgSpace(maxFiles*4))
	}
	var n, oobn int
	var err error
	space := c.buf[len(c.buf):cap(c.buf)]
	if e := c.raw.Read(func(fd uintptr) bool {
		err = again(func() (err error) {
			n, oobn, _, _, err = unix.Recvmsg(int(fd), space, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			return err
		})
		return err != unix.EAGAIN
	}); e != nil {
		return e
	}
	c.keepFiles(oob[:oobn])
	switch {
	case err != nil:
		return err
	case n == 0:
		return io.EOF
	}
	c.buf = c.buf[:len(c.buf)+n]
	return nil
}

// keepFiles takes the descriptors out of a control message. More than a request may have are closed.
func (c *conn) keepFiles(oob []byte) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if len(c.files) < maxFiles {
				c.files = append(c.files, fd)
			} else {
				unix.Close(fd)
			}
		}
	}
}

// send writes all of b, with files on its first byte, by the deadline. MSG_NOSIGNAL: a SIGPIPE to goinit would be
// taken for somebody's.
func (c *conn) send(b []byte, files []int, deadline time.Time) error {
	if err := c.file.SetWriteDeadline(deadline); err != nil {
		return err
	}
	var oob []byte
	if len(files) > 0 {
		oob = unix.UnixRights(files...)
	}
	for len(b) > 0 {
		var n int
		var err error
		if e := c.raw.Write(func(fd uintptr) bool {
			err = again(func() (err error) {
				n, err = unix.SendmsgN(int(fd), b, oob, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
				return err
			})
			return err != unix.EAGAIN
		}); e != nil {
			return e
		}
		if err != nil {
			return err
		}
		b, oob = b[n:], nil
	}
	return nil
}

// offer writes what the socket takes at once.
func (c *conn) offer(b []byte) {
	_ = c.raw.Control(func(fd uintptr) {
		_, _ = unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	})
}

func closeFiles(files []int) {
	for _, fd := range files {
		unix.Close(fd)
	}
}

// again repeats a system call that a signal has interrupted.
func again(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// gone says whether the peer has closed its socket, not only its sending half.
func (c *conn) gone() bool {
	gone := true
	_ = c.raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone
}
