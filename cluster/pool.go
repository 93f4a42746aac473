package cluster

import (
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// DefaultBacklog is Node's, nginx' and Apache's: how many connections may wait. The kernel cuts it to net.core.somaxconn.
const DefaultBacklog = 511

// Options are of one socket, or of those of one address. They are those of the first asking; Adjust and SetMode change them.
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
	Mode  Mode    // how connections come to it, whatever was asked for: it may be older
}

// Pool is all sockets of one app. It may be used by several goroutines at once.
type Pool struct {
	relay *Relay // nil: what waits for a slot that is retired goes on waiting

	mu      sync.Mutex
	groups  map[Address]*group // by what was asked for
	blind   bool               // the kernel does not do what Steer asks for
	retired map[int]bool
	closed  bool
}

// group are the sockets of one address.
type group struct {
	bound   Address
	options Options
	file    identity // of a unix socket
	// sockets are in the order in which they came to listen, which is the order that the kernel has them in. Where there is
	// one for all it is the first; the others are then of slots that had their own before SetMode.
	sockets []*slotSocket
	late    bool // SO_REUSEPORT came after the first listened: alone it is no group to the kernel
	moved   bool // another Pool has them by now (Take)

	active []int // of the last Steer that named any; nil: there was none
	none   bool  // the last Steer named none
}

type slotSocket struct {
	slot    int // AnySlot: of all
	fd      int
	passing *passing // nil: its queue is for those who accept from it
}

// AnySlot stands for all slots whose workers accept from one socket.
const AnySlot = -1

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
	g, there := p.groups[a]
	switch {
	case there && g.moved:
		return Socket{}, &OpenError{Address: a, Step: "bind", Err: unix.EADDRINUSE}
	case there && g.removed():
		p.drop(g)
		delete(p.groups, a)
		there = false
	}
	if !there {
		g = &group{bound: a, options: o}
	}
	if !g.perSlot() {
		slot = AnySlot
	} else {
		p.retired[slot] = false
	}
	if s := g.socketOf(slot); s != nil {
		p.leave(g, s)
		return Socket{s.fd, g.bound, g.mode()}, nil
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
	if g.active != nil { // the kernel's choice would be among all of them
		_ = g.steer()
	}
	return Socket{fd, g.bound, g.mode()}, nil
}

// socketOf is that of a slot, or nil. One that was for all becomes the first slot's that asks for its own.
func (g *group) socketOf(slot int) *slotSocket {
	if len(g.sockets) == 0 {
		return nil
	}
	if slot == AnySlot {
		return g.sockets[0]
	}
	if i := slices.IndexFunc(g.sockets, func(s *slotSocket) bool { return s.slot == slot }); i >= 0 {
		return g.sockets[i]
	}
	if first := g.sockets[0]; first.slot == AnySlot {
		first.slot = slot
		return first
	}
	return nil
}

// removed reports that a unix socket's file is no more: programs remove what they take for a leftover before they listen. Nobody
// can connect to it, and whoever asks next opens it anew; who accepts from the old one has what is in its queue. From a
// socket of RoundRobin goinit itself accepts, by its number.
func (g *group) removed() bool {
	return g.file != (identity{}) && g.options.Mode != RoundRobin && identify(g.bound.Path) == identity{}
}

// perSlot says that a worker is given its slot's socket.
func (g *group) perSlot() bool { return g.options.Mode == ReusePort && g.bound.Network == TCP }

// steered says that there is something to choose from.
func (g *group) steered() bool {
	return g.bound.Network == TCP && !g.moved && (len(g.sockets) > 1 || g.perSlot() && !g.late)
}

// mode is what connections come by.
func (g *group) mode() Mode {
	switch {
	case g.perSlot():
		return ReusePort
	case g.options.Mode == RoundRobin && g.bound.Network != UDP:
		return RoundRobin
	}
	return Shared
}

// Steer has new connections go to these slots only, AnySlot among them where workers accept from the socket that is for all.
// Where there are none, those of before go on getting them, or all if there were never any: they wait. Addresses that not
// all workers have, have slots of their own in except. An error says that this kernel does not do it; the balance is then
// over all sockets.
func (p *Pool) Steer(active []int, except map[Address][]int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.pass()
	var first error
	tried := false
	for a, g := range p.groups {
		slots, own := except[a]
		if !own {
			slots = active
		}
		if g.none = len(slots) == 0; g.none || g.moved {
			continue
		}
		g.active = slices.Clone(slots)
		if !g.steered() {
			continue
		}
		tried = true
		if err := g.steer(); first == nil {
			first = err
		}
	}
	if tried {
		p.blind = first != nil
	}
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
	p.closed = true
	for a, g := range p.groups {
		p.drop(g)
		delete(p.groups, a)
	}
}

func (p *Pool) drop(g *group) {
	if !g.moved {
		g.file.remove(g.bound.Path, g.options)
	}
	for _, s := range g.sockets {
		p.leave(g, s)
		// A worker's copy keeps a socket alive that nobody is to connect to any more: shutdown ends its listening in all of
		// them.
		if g.bound.Network == TCP && !g.moved {
			_ = unix.Shutdown(s.fd, unix.SHUT_RD)
		}
		unix.Close(s.fd)
	}
}
