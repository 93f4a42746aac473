package cluster

import (
	"time"

	"golang.org/x/sys/unix"
)

// passing is a queue that is passed on, or will be.
type passing struct {
	timer  *time.Timer
	number uint32 // of the Relay; 0: not yet
}

// pass has the Relay look after the queues of the slots that are retired, while there is somebody to pass them on to:
// without one, and without a kernel that steers, what is passed on would come back.
func (p *Pool) pass() {
	for _, g := range p.groups {
		if !g.steered() {
			continue
		}
		for i, s := range g.sockets {
			nobody := p.retired[s.slot] && !g.isActive(i, s) && (i > 0 || g.perSlot())
			switch wanted := nobody && !g.none && g.active != nil && !p.blind && !p.closed && p.relay != nil; {
			case !wanted:
				p.leave(g, s)
			case s.passing == nil:
				soon := &passing{}
				s.passing = soon
				soon.timer = time.AfterFunc(passAfter, func() {
					p.mu.Lock()
					defer p.mu.Unlock()
					if s.passing == soon {
						_ = unix.SetNonblock(s.fd, true)
						soon.number = p.relay.watch(s.fd)
					}
				})
			}
		}
	}
}

// leave leaves a queue to those who accept from it.
func (p *Pool) leave(g *group, s *slotSocket) {
	if s.passing == nil {
		return
	}
	s.passing.timer.Stop()
	if s.passing.number != 0 {
		p.relay.unwatch(s.passing.number, s.fd)
		_ = unix.SetNonblock(s.fd, !g.options.blocking())
	}
	s.passing = nil
}
