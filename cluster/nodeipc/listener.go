package nodeipc

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// listener is a socket that goinit accepts from (mode RoundRobin).
type listener struct {
	hub        *Hub
	id         uint32
	fd         int
	key        string
	nativeKind string // Deno's word for its connections

	members []*Worker     // who listen there
	turn    int           // whose it is among equals
	waiting []int         // connections that somebody has not taken; at most what is in flight
	given   int           // connections, since the loop has last looked
	last    time.Time     // when the last was given
	gap     time.Duration // between that one and the one before
	armed   bool          // epoll tells of new ones
	rest    time.Time     // out of descriptors until then; zero: not so
}

const (
	acceptTurn = 64                     // connections, until others have their turn
	acceptRest = 100 * time.Millisecond // after EMFILE and its kin
)

func (h *Hub) listen(fd int, key, nativeKind string) (*listener, error) {
	l := &listener{hub: h, id: h.id(), fd: fd, key: key, nativeKind: nativeKind}
	if err := h.set.Watch(fd, l.id, 0); err != nil {
		return nil, err
	}
	h.listeners[l.id] = l
	return l, nil
}

func (l *listener) close() {
	_ = l.hub.set.Remove(l.fd)
	delete(l.hub.listeners, l.id)
	for _, fd := range l.waiting {
		unix.Close(fd)
	}
	l.waiting = nil
}

func (l *listener) join(w *Worker) {
	l.members = append(l.members, w)
	w.pump()
}

func (l *listener) leave(w *Worker) {
	l.members = slices.DeleteFunc(l.members, func(m *Worker) bool { return m == w })
}

// accept is what epoll calls.
func (l *listener) accept() { l.pump() }

// again has a connection given to somebody else.
func (l *listener) again(fd int) { l.waiting = append(l.waiting, fd) }

// starving says that connections may wait for somebody to take them, which epoll will not tell.
func (l *listener) starving() bool { return !l.armed || len(l.waiting) > 0 }

// pump gives connections to workers as long as there are both. The worker comes first: without one, connections stay where
// they are, in the kernel's queue.
func (l *listener) pump() {
	for range acceptTurn {
		w := l.pick()
		if w == nil {
			l.arm(false)
			return
		}
		fd, ok := l.take()
		if !ok {
			break
		}
		l.turn = slices.Index(l.members, w) + 1
		now := time.Now()
		l.given, l.last, l.gap = l.given+1, now, now.Sub(l.last)
		w.give(l, fd, now)
	}
	l.arm(l.rest.IsZero())
}

// pick is who has the fewest connections in flight; among equals it goes round.
func (l *listener) pick() *Worker {
	var best *Worker
	for i := range l.members {
		w := l.members[(l.turn+i)%len(l.members)]
		if w.credit() && (best == nil || len(w.flights) < len(best.flights)) {
			best = w
		}
	}
	return best
}

// crowded says, of the time since it was last asked, that connections were given away, close upon one another, and that all
// members have some that they have not taken yet. With two workers it is never so for a client that comes alone.
func (l *listener) crowded() bool {
	near := l.given > 1 || l.given == 1 && l.gap < gather
	l.given = 0
	return near && !slices.ContainsFunc(l.members, func(w *Worker) bool { return len(w.flights) == 0 && w.credit() })
}

// take is the next connection: what somebody has had before, else a new one. It is O_NONBLOCK: that is the connection's and
// not the descriptor's, and Node does not set it.
func (l *listener) take() (fd int, ok bool) {
	if n := len(l.waiting); n > 0 {
		fd = l.waiting[0]
		l.waiting = slices.Delete(l.waiting, 0, 1)
		return fd, true
	}
	for {
		n, _, err := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0) // the peer's address is not wanted
		switch err {
		case 0:
			return int(n), true
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			l.rest = time.Now().Add(acceptRest)
			l.hub.wakeBy(l.rest)
			return -1, false
		default: // EAGAIN; and what went wrong with that connection alone (accept(2))
			return -1, false
		}
	}
}

func (l *listener) arm(on bool) {
	if on == l.armed {
		return
	}
	var events uint32
	if on {
		events = unix.EPOLLIN
	}
	if l.hub.set.Rearm(l.fd, l.id, events) == nil {
		l.armed = on
	} else { // no memory for it now
		l.rest = time.Now().Add(acceptRest)
		l.hub.wakeBy(l.rest)
	}
}

func (l *listener) tick(now time.Time) {
	switch {
	case l.rest.IsZero():
	case now.Before(l.rest):
		l.hub.wakeBy(l.rest)
	default:
		l.rest = time.Time{}
		l.pump()
	}
}
