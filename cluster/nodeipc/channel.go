package nodeipc

import (
	"bytes"
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// readSize is how much of one channel is read at a time, in bytes, before another has its turn.
	readSize = 64 << 10
	// maxHandles is SCM_MAX_FD: how many descriptors one message may bring (unix(7)). All are taken in, to be closed in a way
	// that cannot block.
	maxHandles = 253
	// maxQueued is how many bytes may wait for a worker that does not read; beyond that nothing more is read from it, so
	// nothing more is to be answered.
	maxQueued = 64 << 10
)

// channel is goinit's end of the socket pair.
type channel struct {
	fd     int // -1: closed
	lines  lines
	window window
	queue  []outgoing
	queued int  // bytes
	broken bool // nobody reads any more
}

// outgoing is a message, or what is left of it.
type outgoing struct {
	text   []byte
	fd     int  // to go with its first byte; -1: none, or gone
	own    bool // fd is a copy, to be closed when it was sent
	length int  // of the whole
	handle bool // there is or was an fd
	seq    int  // of the connection that fd is
}

// newChannel makes the pair. A stream, which is what Node expects of its descriptor; child is without O_NONBLOCK, which Node
// sets by itself.
func newChannel() (c channel, child int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return channel{}, -1, os.NewSyscallError("socketpair", err)
	}
	if err := unix.SetNonblock(pair[0], true); err != nil {
		unix.Close(pair[0])
		unix.Close(pair[1])
		return channel{}, -1, os.NewSyscallError("fcntl", err)
	}
	return channel{fd: pair[0]}, pair[1], nil
}

// receive is one read, whose descriptors are closed at once: no program of goinit's wants any. n is 0 at the end, errors
// included; again says that there is nothing for now.
func (c *channel) receive(buf, control []byte) (n int, again bool) {
	for {
		n, controls, _, _, err := unix.Recvmsg(c.fd, buf, control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		closeRights(control[:max(controls, 0)])
		switch err {
		case nil:
			return n, false
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, true
		default:
			return 0, false
		}
	}
}

// closeRights closes what came with a message. The last close of a socket with SO_LINGER (socket(7)) waits for its peer, so
// that is taken off first: a worker must not be able to hold us up.
func closeRights(control []byte) {
	if len(control) == 0 {
		return
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
			unix.Close(fd)
		}
	}
}

// send writes a line, or has it wait; the text is the caller's again afterwards.
func (c *channel) send(o outgoing) progress {
	if c.broken || c.fd < 0 {
		o.drop()
		return flowing
	}
	o.length, o.handle = len(o.text), o.fd >= 0
	c.queue = append(c.queue, o)
	c.queued += o.length
	p := c.flush()
	if n := len(c.queue); n > 0 {
		c.queue[n-1].text = bytes.Clone(c.queue[n-1].text)
	}
	return p
}

// progress is what flush has come to.
type progress uint8

const (
	flowing progress = iota // all is written, or an acknowledgement will go on
	full                    // the worker has to read first
	short                   // the kernel is short of something: later
)

func (c *channel) flush() progress {
	for len(c.queue) > 0 {
		o := &c.queue[0]
		if !c.pending() {
			return flowing
		}
		n, err := transmit(c.fd, o.text, o.fd)
		switch {
		case err == unix.EAGAIN:
			return full
		case err == unix.ENOBUFS || err == unix.ENOMEM || err == unix.ETOOMANYREFS:
			return short
		case err != nil:
			c.abandon()
			return flowing
		}
		o.drop()
		o.text = o.text[n:]
		c.queued -= n
		c.window.sent += int64(n)
		if len(o.text) > 0 {
			continue
		}
		if o.handle {
			c.window.handles = append(c.window.handles, carried{c.window.sent, o.seq})
		}
		copy(c.queue, c.queue[1:])
		c.queue[len(c.queue)-1] = outgoing{}
		c.queue = c.queue[:len(c.queue)-1]
	}
	return flowing
}

// pending says whether there is something that could be written.
func (c *channel) pending() bool {
	return len(c.queue) > 0 && (c.queue[0].fd < 0 || c.window.allows(c.queue[0].length))
}

// lent counts the copies of descriptors that wait.
func (c *channel) lent() (n int) {
	for i := range c.queue {
		if c.queue[i].own && c.queue[i].fd >= 0 {
			n++
		}
	}
	return n
}

// drop lets go of the descriptor.
func (o *outgoing) drop() {
	if o.fd >= 0 && o.own {
		unix.Close(o.fd)
	}
	o.fd = -1
}

// transmit is sendmsg(2) with at most one descriptor, which goes with the first byte.
func transmit(fd int, text []byte, passed int) (int, error) {
	var rights []byte
	var space [rightsSpace]byte
	if passed >= 0 {
		rights = space[:]
		h := (*unix.Cmsghdr)(unsafe.Pointer(&space[0]))
		h.Level, h.Type = unix.SOL_SOCKET, unix.SCM_RIGHTS
		h.SetLen(unix.CmsgLen(4))
		binary.NativeEndian.PutUint32(space[unix.CmsgLen(0):], uint32(passed))
	}
	for {
		n, err := unix.SendmsgN(fd, text, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// rightsSpace is CMSG_SPACE(sizeof(int)) on a machine of 64 bits.
const rightsSpace = 24

// abandon drops what waits: nobody reads any more.
func (c *channel) abandon() {
	c.broken = true
	for i := range c.queue {
		c.queue[i].drop()
	}
	c.queue, c.queued = nil, 0
	c.window.handles = nil
}

func (c *channel) close() {
	if c.fd >= 0 {
		c.abandon()
		unix.Close(c.fd)
		c.fd = -1
	}
}
