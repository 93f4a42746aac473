package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Server answers on one socket.
type Server struct {
	supervisor Supervisor
	socket     *Socket
	limits     Limits
	say        func(string)
	routes     map[string]route
	clients    clients
	big        chan struct{} // held by whoever receives a request beyond Limits.Frame

	ctx     context.Context // of all calls
	cancel  context.CancelFunc
	running sync.WaitGroup
	refused atomic.Uint64
	once    sync.Once
}

// Serve answers on the socket until Close; without one (nil) only those whom it is given by Adopt. say is told, in one line,
// of what somebody should know of; it must not block.
func Serve(s Supervisor, socket *Socket, l Limits, say func(string)) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	srv := &Server{
		supervisor: s, socket: socket, limits: l, say: say,
		routes: make(map[string]route), big: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
	}
	for _, r := range routes() {
		srv.routes[r.method] = r
	}
	if socket != nil {
		srv.running.Go(srv.accept)
	}
	return srv
}

// Close removes the socket, drops all clients and returns when nothing of the server runs any more.
func (s *Server) Close() {
	s.once.Do(func() {
		s.cancel()
		if s.socket != nil {
			s.socket.Close()
		}
		s.clients.closeAll()
	})
	s.running.Wait()
}

// accept takes clients, one after the other. Where the table of descriptors is full it makes room by dropping an idle
// client, and waits, longer each time, instead of asking again and again.
func (s *Server) accept() {
	const shortest, longest = 10 * time.Millisecond, time.Second
	pause := shortest
	for {
		fd, err := s.socket.accept()
		switch {
		case err == nil:
			pause = shortest
			s.welcome(fd)
			continue
		case errors.Is(err, os.ErrClosed):
			return
		case err == unix.ECONNABORTED:
			continue
		}
		if pause == shortest {
			s.say(fmt.Sprintf("cannot accept a client on %s: %v; trying again", s.socket.Path, err))
		}
		s.clients.dropIdle()
		select {
		case <-time.After(pause):
			pause = min(2*pause, longest)
		case <-s.ctx.Done():
			return
		}
	}
}

// welcome finds out who it is. Who may do nothing costs neither a place nor a goroutine.
func (s *Server) welcome(fd int) {
	p, err := identify(fd, s.socket.readGroup)
	if err == nil && p.access == none {
		err = Errorf(NotAllowed, "uid %d may not use %s: root, goinit's own user and the read_group may", p.uid, s.socket.Path)
	}
	c, e := newConn(fd)
	if e != nil {
		return
	}
	cl := &client{conn: c, peer: p, server: s}
	if err == nil && !s.clients.admit(cl, s.limits) {
		err = Errorf(Busy, "all %d clients are at work", s.limits.Clients)
	}
	if err != nil {
		s.refused.Add(1)
		c.offer(encodeError(err))
		c.close()
		return
	}
	c.take = p.access == write
	s.running.Go(cl.serve)
}

// Adopt serves one who came by no socket: the other end of a pair was given to a process of goinit's own, which is nobody
// and may ask how everything is. It has a place of its own. fd is the server's from then on.
func (s *Server) Adopt(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return err
	}
	c, err := newConn(fd)
	if err != nil {
		return err
	}
	cl := &client{conn: c, peer: peer{access: observe}, server: s}
	if !s.clients.adopt(cl) {
		c.close()
		return errors.New("no place for it: its predecessors have not gone")
	}
	s.running.Go(cl.serve)
	return nil
}

// guard keeps a panic from leaving a goroutine of PID 1.
func (s *Server) guard(what string, failed func(error)) {
	if r := recover(); r != nil {
		s.say(fmt.Sprintf("bug in goinit: %s: %v\n%s", what, r, debug.Stack()))
		failed(Errorf(Failure, "bug in goinit: %s: %v", what, r))
	}
}

func encodeError(err error) []byte {
	var r struct {
		Error      string `json:"error"`
		Parameters any    `json:"parameters"`
	}
	var ours *Error
	var service *serviceError
	switch {
	case errors.As(err, &ours):
		r.Error, r.Parameters = errorPrefix+ours.Name, ours
	case errors.As(err, &service):
		r.Error, r.Parameters = service.name, service
	case errors.Is(err, context.DeadlineExceeded):
		r.Error, r.Parameters = errorPrefix+TimedOut, Errorf(TimedOut, "not done in time; what was asked for goes on")
	default:
		r.Error, r.Parameters = errorPrefix+Failure, Errorf(Failure, "%v", err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		b = []byte(`{"error":"io.goinit.Failed","parameters":{"message":"cannot encode the error"}}`)
	}
	return append(b, 0)
}
