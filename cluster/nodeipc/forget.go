package nodeipc

import (
	"slices"
	"time"

	"goinit/cluster"
)

// A socket outlives those who listen on it, for who comes next. When nobody will, it is forgotten: who connects to a server that
// was closed is to be refused, and not to wait for ever.

const (
	// closeRest is how long a socket is kept whose last server was closed, by a worker that lives on. Who closes its server to
	// die, or to be replaced, does so in less.
	closeRest = 10 * time.Second
	// succeedRest is how long a socket is kept that a new worker does not listen on, where the one before it did: a program may
	// be ready before it listens everywhere.
	succeedRest = time.Minute
	// shortStay is how soon a worker ends that cannot use the socket that was kept for it.
	shortStay = 10 * time.Second
)

// left: the worker is no more, or not reachable.
func (s *server) left(w *Worker) {
	s.users = slices.DeleteFunc(s.users, func(u *Worker) bool { return u == w })
	s.slot = w.o.Slot
	if s.listener != nil {
		s.listener.leave(w)
	}
	w.reconsider()
	if len(s.users) == 0 {
		if s.inTheWay() {
			s.forget()
			return
		}
		s.kept = true
	}
	for _, after := range w.hub.workers {
		s.outlived(after)
	}
}

// inTheWay says that a socket that nobody has any more seems to be no good to who comes next: one of UDP keeps what it was told,
// such as which groups it has joined, and refuses to be told again. That is known when it was kept for somebody who did not stay.
// What the spec names is kept all the same: it is of the spec.
func (s *server) inTheWay() bool {
	if s.address.Network != cluster.UDP || !s.kept || time.Since(s.taken) >= shortStay {
		return false
	}
	for _, w := range s.balance.hub.workers {
		if w.o.Balance == s.balance && slices.Contains(w.o.Listening, s.address) {
			return false
		}
	}
	return true
}

// outlived: nobody listens there any more. If who came after the last one is ready without, nobody will again: the program
// has another address now, and who connects to the old one is to be refused, not to wait for ever.
func (s *server) outlived(w *Worker) {
	if len(s.users) == 0 && w.o.Balance == s.balance && w.o.Slot == s.slot && w.isReady && !w.ended && !w.draining && !w.stopping &&
		!slices.Contains(w.o.Listening, s.address) {
		s.closer, s.idle = w, time.Now().Add(succeedRest)
		w.hub.wakeBy(s.idle)
	}
}

// closed: its program has closed its server.
func (s *server) closed(w *Worker) {
	s.left(w)
	switch {
	case s.balance.servers[s.key] != s: // it is forgotten already
	case len(s.users) > 0 || w.draining || w.stopping || slices.Contains(w.o.Listening, s.address):
	case s.address.Network != cluster.Unix && s.address.Port == 0: // who looks for a free port wants it now (npm's get-port)
		s.forget()
	default:
		s.closer, s.idle = w, time.Now().Add(closeRest)
		w.hub.wakeBy(s.idle)
	}
}

// forget closes the socket.
func (s *server) forget() {
	s.close()
	s.balance.pool.Forget(s.address)
}

// tick forgets sockets that nobody wants: who connects to a server that was closed is to be refused.
func (b *Balance) tick(now time.Time) {
	for _, s := range b.servers {
		switch w := s.closer; {
		case w == nil:
		case w.ended || w.draining || w.stopping:
			s.closer = nil // it closed it to end; its successor listens there again
		case now.Before(s.idle):
			b.hub.wakeBy(s.idle)
		default:
			s.forget()
		}
	}
}

func (s *server) close() {
	delete(s.balance.servers, s.key)
	if s.listener != nil {
		s.listener.close()
	}
}
