package cluster

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// What is open can become another without a connection lost: in another mode, with other options, or another Pool's. Whoever
// has a socket by then goes on accepting from it until it is gone.

// ErrNotSteered says that the kernel would go on sending connections to sockets from which nobody accepts any more.
var ErrNotSteered = errors.New("this kernel does not let connections be steered")

// SetMode changes how connections come to the workers. From then on the Socket of a slot is another where it has to be:
// its own in ReusePort, of which one is the one that was for all; and the first of them for all in the other modes. Who has
// the old one is to be named to Steer and Retire as before.
func (p *Pool) SetMode(m Mode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.groups {
		if g.options.Mode == ReusePort && m != ReusePort && g.bound.Network == TCP && len(g.sockets) > 1 && p.blind {
			return ErrNotSteered
		}
	}
	for _, g := range p.groups {
		if err := g.setMode(m); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) setMode(m Mode) error {
	if g.options.Mode == m || g.moved {
		return nil
	}
	if g.bound.Network == TCP && m == ReusePort {
		// It is in time for those that come: bind(2) and listen(2) of the next ask what the option is by now, and the first
		// becomes the first of a group then.
		on, err := unix.GetsockoptInt(g.sockets[0].fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
		if err == nil && on == 0 {
			g.late = true
			err = unix.SetsockoptInt(g.sockets[0].fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
		if err != nil {
			return step(g.bound, "setsockopt", err)
		}
	}
	if g.options.Mode == RoundRobin { // goinit may go on accepting for those who are still there
		g.options.Blocking = false
	}
	g.options.Mode = m
	return nil
}

// Adjust changes what can be changed of an address: how many connections may wait, and whose a unix socket's file is. It
// returns what was.
func (p *Pool) Adjust(a Address, o Options) (was Options, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[a]
	if g == nil || g.moved {
		return o, nil
	}
	was = g.options
	if backlog(o) != backlog(was) && a.Network != UDP {
		g.options.Backlog = o.Backlog
		err = g.listen()
	}
	if g.options.Perm != o.Perm || was.UID != o.UID || was.GID != o.GID || was.ByOwner != o.ByOwner {
		g.options.Perm, g.options.UID, g.options.GID, g.options.ByOwner = o.Perm, o.UID, o.GID, o.ByOwner
		if err == nil && g.file != (identity{}) && identify(a.Path) == g.file {
			_, err = dress(a, g.options)
		}
	}
	return was, err
}

// Deepen has as many connections wait as Options say, where somebody who shares the socket has said less: Node's workers call
// listen(2) with a number of their own.
func (p *Pool) Deepen(a Address, said int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.groups[a]; g != nil && a.Network != UDP && backlog(g.options) > backlog(Options{Backlog: said}) {
		_ = g.listen()
	}
}

// listen sets how many may wait: of a socket that listens already, listen(2) does nothing else.
func (g *group) listen() error {
	for _, s := range g.sockets {
		if err := unix.Listen(s.fd, backlog(g.options)); err != nil {
			return step(g.bound, "listen", err)
		}
	}
	return nil
}

// Has reports whether an address is this Pool's.
func (p *Pool) Has(a Address) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[a]
	return g != nil && !g.moved
}

// Take makes an address this Pool's that was another's, with what waits there. Until this one is told to steer,
// connections go where they went. The other keeps copies for those of its workers who accept there, until it is told to
// forget the address; those are to be named to Retire of this one.
func (p *Pool) Take(from *Pool, a Address) error {
	from.mu.Lock()
	defer from.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	theirs, ours := from.groups[a], p.groups[a]
	if theirs == nil || theirs.moved {
		return step(a, "bind", unix.EADDRNOTAVAIL)
	}
	if ours == nil {
		ours = &group{}
	}
	// What was ours once, and was taken from us, is the beginning of theirs.
	sockets := slices.Clone(ours.sockets)
	for i, s := range theirs.sockets {
		if i < len(sockets) {
			sockets[i].slot = s.slot
			continue
		}
		fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			for _, s := range sockets[len(ours.sockets):] {
				unix.Close(s.fd)
			}
			return step(a, "fcntl", err)
		}
		sockets = append(sockets, &slotSocket{slot: s.slot, fd: fd})
	}
	for _, s := range theirs.sockets {
		from.leave(theirs, s)
	}
	ours.bound, ours.options, ours.file, ours.late, ours.sockets = theirs.bound, theirs.options, theirs.file, theirs.late, sockets
	ours.moved, theirs.moved = false, true
	p.blind = p.blind || from.blind
	p.groups[a] = ours
	if ours.active != nil {
		_ = ours.steer()
	}
	return nil
}
