package cluster

import (
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// DefaultBacklog is Node's, nginx' and Apache's: how many connections may wait. The kernel cuts it to net.core.somaxconn.
const DefaultBacklog = 511

// Options are of one socket, or of those of one address. They are those of the first asking.
type Options struct {
	Mode      Mode
	Backlog   int         // 0: DefaultBacklog
	Perm      os.FileMode // of a unix socket's file; 0: 0660
	UID, GID  int         // who owns that file; 0: goinit
	ByOwner   bool        // it is made, and replaced, with no more rights than UID and GID have: it is their wish
	ReuseAddr bool        // UDP: SO_REUSEADDR
	// Blocking is for programs that know nothing of an event loop and block in accept(2), as they may with what systemd gives
	// them. Who has a loop sets O_NONBLOCK by itself. In mode RoundRobin, where goinit accepts, it has no effect.
	Blocking bool
}

// Socket is one that listens; one of UDP is bound. The descriptor is the Pool's: to be copied or sent, never closed. It is
// O_CLOEXEC, and O_NONBLOCK unless Options say otherwise.
type Socket struct {
	FD    int
	Bound Address // what was asked for with the port that the kernel has chosen, and the host that it has become
}

// Pool is all sockets of one app. It may be used by several goroutines at once.
type Pool struct {
	relay *Relay // nil: what waits for a slot that is retired goes on waiting

	mu      sync.Mutex
	groups  map[Address]*group // by what was asked for
	active  []int              // of the last Steer that named any; nil: there was none
	none    bool               // the last Steer named none
	blind   bool               // the kernel does not do what Steer asks for
	retired map[int]bool
	closed  bool
}

// group are the sockets of one address.
type group struct {
	bound   Address
	options Options
	file    identity // of a unix socket
	// sockets are in the order in which they came to listen, which is the order that the kernel has them in.
	sockets []*slotSocket
}

type slotSocket struct {
	slot    int // anySlot: of all
	fd      int
	passing *passing // nil: its queue is for those who accept from it
}

const anySlot = -1

// NewPool makes an empty one. What waits for a slot that is retired is passed on by relay, which several Pools may share; it
// may be nil.
func NewPool(relay *Relay) *Pool {
	return &Pool{relay: relay, groups: map[Address]*group{}, retired: map[int]bool{}}
}

// Socket is that of a slot, opened at the first asking and kept until Forget or Close. An error unwraps to the errno and
// says what could not be done; nothing is left of the attempt.
func (p *Pool) Socket(slot int, a Address, o Options) (Socket, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return Socket{}, &OpenError{Address: a, Step: "socket", Err: unix.EBADF}
	}
	p.retired[slot] = false
	g, there := p.groups[a]
	if there && g.removed() {
		p.drop(g)
		delete(p.groups, a)
		there = false
	}
	if !there {
		g = &group{bound: a, options: o}
	}
	if !g.perSlot() {
		slot = anySlot
	}
	if i := slices.IndexFunc(g.sockets, func(s *slotSocket) bool { return s.slot == slot }); i >= 0 {
		p.leave(g, g.sockets[i])
		return Socket{g.sockets[i].fd, g.bound}, nil
	}
	fd, bound, file, err := open(g.bound, g.options, there)
	if err != nil {
		return Socket{}, err
	}
	if !there {
		g.bound, g.file = bound, file
		p.groups[a] = g
	}
	g.sockets = append(g.sockets, &slotSocket{slot: slot, fd: fd})
	if p.active != nil && g.perSlot() { // the kernel's choice would be among all of them
		_ = g.steer(p.active)
	}
	return Socket{fd, g.bound}, nil
}

// removed reports that a unix socket's file is no more: programs remove what they take for a leftover before they listen. Nobody
// can connect to it, and whoever asks next opens it anew; who accepts from the old one has what is in its queue. From a
// socket of RoundRobin goinit itself accepts, by its number.
func (g *group) removed() bool {
	return g.file != (identity{}) && g.options.Mode != RoundRobin && identify(g.bound.Path) == identity{}
}

func (g *group) perSlot() bool { return g.options.Mode == ReusePort && g.bound.Network == TCP }

// Steer has new connections go to these slots only. Where there are none, those of before go on getting them, or all if
// there were never any: they wait. An error says that this kernel does not do it; the balance is then over all sockets.
func (p *Pool) Steer(active []int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.none = len(active) == 0
	defer p.pass()
	if p.none {
		return nil
	}
	p.active = slices.Clone(active)
	var first error
	for _, g := range p.groups {
		if g.perSlot() {
			if err := g.steer(p.active); first == nil {
				first = err
			}
		}
	}
	p.blind = first != nil
	return first
}

// Retire says that a slot has nobody who accepts from its sockets, after Steer has left it out: it waits for a
// replacement, or there will not be one. What is still in its queues, and what was on its way there, is passed on to the
// slots that are active, if nobody asks for the slot's Socket within a second.
func (p *Pool) Retire(slot int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired[slot] = true
	p.pass()
}

// Forget closes the sockets of an address, and removes a unix socket's file. What waits in them is reset.
func (p *Pool) Forget(a Address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.groups[a]; g != nil {
		p.drop(g)
		delete(p.groups, a)
	}
}

// Close is Forget for all of them. Nothing can be opened any more.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.none = true, true
	for a, g := range p.groups {
		p.drop(g)
		delete(p.groups, a)
	}
}

func (p *Pool) drop(g *group) {
	g.file.remove(g.bound.Path, g.options)
	for _, s := range g.sockets {
		p.leave(g, s)
		// A worker's copy keeps a socket alive that nobody is to connect to any more: shutdown ends its listening in all of
		// them.
		if g.bound.Network == TCP {
			_ = unix.Shutdown(s.fd, unix.SHUT_RD)
		}
		unix.Close(s.fd)
	}
}
