package cluster

import (
	"sync"
	"time"

	"goinit/epoll"

	"golang.org/x/sys/unix"
)

const (
	// passAfter is how long a queue waits for a replacement, which has the connections as they came. A first restart takes a
	// tenth of it.
	passAfter = time.Second
	// maxPassed bounds what is passed on at the same time; what is beyond waits in its queue.
	maxPassed = 256
	// chunk is how much is passed on at a time.
	chunk = 64 << 10
	// shortRest is how long a queue is left alone that could not be accepted from: there are no descriptors, or no memory.
	// Nobody tells when there are again.
	shortRest = 100 * time.Millisecond
)

// Relay passes on what waits in the queues of slots that have nobody. The kernel has no way to move a connection from one
// listening socket to another, but where net.ipv4.tcp_migrate_req is set and the socket is closed. So goinit accepts it,
// connects to the same address, where the balance sends it to a slot that is active, and carries the bytes to and fro. The
// worker then sees a connection from this machine, which is the price; it is paid by the few that were on their way when
// a worker left for good, and by those who come while all of a slot's replacements crash.
//
// One goroutine serves all Pools, and parks on package epoll: nothing is polled. A connection costs four words here and no
// buffer: bytes stay in the receiving socket's until the other side takes them.
type Relay struct {
	short func(error) // may be nil
	begin sync.Once

	mu     sync.Mutex
	set    *epoll.Set // nil: there is none to be had
	next   uint32
	queues map[uint32]int   // sockets that listen and are waited for, by their number in set
	pairs  map[uint32]*pair // both ends of each
	buffer []byte
	full   map[uint32]bool // queues that wait for room, or for descriptors
	rest   *time.Timer     // after which those of full are looked at again; nil: when there is room
	told   bool            // that there was a shortage
}

// pair is a connection that is passed on.
type pair struct {
	ends    [2]end // the client's, and the worker's
	joining bool   // the second is not connected yet
}

type end struct {
	fd     int
	number uint32
	ended  bool // nothing comes from it any more
}

// NewRelay makes one. It costs nothing until there is something to pass on. short, which may be nil, is told once that
// connections wait because there is a shortage of what the error says; it must not block, nor call back.
func NewRelay(short func(error)) *Relay {
	return &Relay{short: short, queues: map[uint32]int{}, pairs: map[uint32]*pair{}, full: map[uint32]bool{}}
}

// Passing is how many connections are being passed on.
func (r *Relay) Passing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pairs) / 2
}

// watch waits for connections of a queue, and returns a number for unwatch; 0: that cannot be done.
func (r *Relay) watch(fd int) uint32 {
	r.begin.Do(r.start)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set == nil {
		return 0
	}
	number := r.number()
	if r.set.Watch(fd, number, unix.EPOLLIN|unix.EPOLLONESHOT) != nil {
		return 0
	}
	r.queues[number] = fd
	return number
}

// unwatch leaves a queue to whoever comes to accept from it. After it nothing is accepted from it here.
func (r *Relay) unwatch(number uint32, fd int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.queues[number]; there {
		_ = r.set.Remove(fd)
		delete(r.queues, number)
		delete(r.full, number)
	}
}

func (r *Relay) start() {
	set, err := epoll.New()
	if err != nil {
		return
	}
	r.set, r.buffer = set, make([]byte, chunk)
	go r.run()
}

// number is one that nobody has.
func (r *Relay) number() uint32 {
	for {
		r.next++
		_, queue := r.queues[r.next]
		_, end := r.pairs[r.next]
		if r.next != 0 && !queue && !end {
			return r.next
		}
	}
}

func (r *Relay) run() {
	events := make([]unix.EpollEvent, 32)
	for {
		n, err := r.set.Wait(events)
		if err != nil {
			return
		}
		r.mu.Lock()
		for _, e := range events[:n] {
			r.happened(uint32(e.Fd))
		}
		r.mu.Unlock()
	}
}

func (r *Relay) happened(number uint32) {
	if fd, ok := r.queues[number]; ok {
		r.accept(number, fd)
	} else if p, ok := r.pairs[number]; ok {
		r.carry(p)
	}
}

// accept takes what waits, as far as there is room. The descriptor for the other end comes first: a connection that is
// accepted without one could only be closed.
func (r *Relay) accept(number uint32, listening int) {
	for len(r.pairs)/2 < maxPassed {
		other, err := r.another(listening)
		if err != nil {
			r.wait(number, err)
			return
		}
		fd, _, err := unix.Accept4(listening, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err == nil {
			r.pass(fd, other)
			continue
		}
		unix.Close(other)
		switch err {
		case unix.ECONNABORTED, unix.EINTR:
		case unix.EAGAIN, unix.EINVAL: // empty, or it does not listen any more
			r.arm(number, listening)
			return
		default:
			r.wait(number, err)
			return
		}
	}
	r.full[number] = true
}

func (r *Relay) arm(number uint32, listening int) {
	if err := r.set.Rearm(listening, number, unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
		r.wait(number, err)
	}
}

// wait leaves a queue alone for a while.
func (r *Relay) wait(number uint32, err error) {
	r.full[number] = true
	if r.rest == nil {
		r.rest = time.AfterFunc(shortRest, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.rest = nil
			r.resume()
		})
	}
	if !r.told && r.short != nil {
		r.told = true
		r.short(err)
	}
}

// resume looks at the queues that wait.
func (r *Relay) resume() {
	waiting := r.full
	r.full = map[uint32]bool{}
	for number := range waiting {
		r.arm(number, r.queues[number])
	}
}

// another makes the socket of a connection to where one listens.
func (r *Relay) another(listening int) (int, error) {
	name, err := unix.Getsockname(listening)
	if err != nil {
		return -1, err
	}
	family := unix.AF_INET
	if _, six := name.(*unix.SockaddrInet6); six {
		family = unix.AF_INET6
	}
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

// pass connects an accepted connection to where it was going: the address that it came to, which is a particular one also
// where the socket listens on all.
func (r *Relay) pass(fd, other int) {
	name, err := unix.Getsockname(fd)
	if err == nil {
		for _, s := range []int{fd, other} {
			_ = unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // small writes are passed on as they come
			_ = unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1) // a client that is gone without a word frees its room one day
		}
		err = unix.Connect(other, name)
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		unix.Close(other)
		return
	}
	p := &pair{joining: true, ends: [2]end{{fd: fd}, {fd: other}}}
	for i := range p.ends {
		p.ends[i].number = r.number()
		r.pairs[p.ends[i].number] = p
	}
	if r.set.Watch(other, p.ends[1].number, unix.EPOLLOUT|unix.EPOLLONESHOT) != nil {
		r.end(p)
	}
}

// carry moves what there is, in both directions, and says what is waited for next.
func (r *Relay) carry(p *pair) {
	if p.joining {
		e, err := unix.GetsockoptInt(p.ends[1].fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || e != 0 || r.set.Watch(p.ends[0].fd, p.ends[0].number, unix.EPOLLIN|unix.EPOLLONESHOT) != nil {
			r.end(p)
			return
		}
		p.joining = false
	}
	var wait [2]uint32
	for from := range p.ends {
		if !r.move(p, from, &wait) {
			r.end(p)
			return
		}
	}
	if p.ends[0].ended && p.ends[1].ended {
		r.end(p)
		return
	}
	for i, e := range p.ends { // one with nothing to wait for stays disarmed: it would tell of a hang-up again and again
		if wait[i] != 0 && r.set.Rearm(e.fd, e.number, wait[i]|unix.EPOLLONESHOT) != nil {
			r.end(p)
			return
		}
	}
}

// move passes bytes on from one end to the other until one of them has to be waited for. They are looked at first and
// taken when they have been sent, so none are ever kept here. False: the connection is broken.
func (r *Relay) move(p *pair, from int, wait *[2]uint32) bool {
	source, target := &p.ends[from], &p.ends[1-from]
	for !source.ended {
		n, _, err := unix.Recvfrom(source.fd, r.buffer, unix.MSG_PEEK)
		switch {
		case err == unix.EAGAIN:
			wait[from] |= unix.EPOLLIN
			return true
		case err == unix.EINTR:
			continue
		case err != nil:
			return false
		case n == 0:
			source.ended = true
			return unix.Shutdown(target.fd, unix.SHUT_WR) == nil
		}
		sent, err := unix.SendmsgN(target.fd, r.buffer[:n], nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			wait[1-from] |= unix.EPOLLOUT
			return true
		case err == unix.EINTR:
			continue
		case err != nil:
			return false
		}
		for taken := 0; taken < sent; {
			n, _, err := unix.Recvfrom(source.fd, r.buffer[:sent-taken], 0)
			if err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return false
			}
			taken += n
		}
	}
	return true
}

// end closes both, and gives the room to a queue that waits for it.
func (r *Relay) end(p *pair) {
	for _, e := range p.ends {
		delete(r.pairs, e.number)
		unix.Close(e.fd)
	}
	if r.rest == nil {
		r.resume()
	}
}
