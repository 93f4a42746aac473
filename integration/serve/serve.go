// Package serve is a server in Go as one is to be whose workers come and go: it ends without an error for anybody. The tests and
// the bench have it for a program; package load asks it.
package serve

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
)

// Server answers on listeners until SIGTERM. Then it closes them, and answers every request that comes on a connection that there
// is, with Connection: close. http.Server's Shutdown alone does not: a request that it reads after it was called is dropped with
// its connection, and so is an idle connection on which one is on its way.
type Server struct {
	listeners            []net.Listener
	ended                chan os.Signal
	draining             atomic.Bool
	serving, connections sync.WaitGroup
}

// Start begins to answer, with what answer returns. From now on SIGTERM ends the process by way of Wait only.
func Start(answer func(*http.Request) string, listeners ...net.Listener) *Server {
	s := &Server{listeners: listeners, ended: make(chan os.Signal, 1)}
	signal.Notify(s.ended, syscall.SIGTERM)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := answer(r) // may take its time, in which SIGTERM comes
			if s.draining.Load() {
				w.Header().Set("Connection", "close")
			}
			_, _ = io.WriteString(w, text)
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				s.connections.Add(1)
			case http.StateClosed:
				s.connections.Done()
			}
		},
	}
	for _, l := range listeners {
		s.serving.Go(func() { _ = server.Serve(l) })
	}
	return s
}

// Wait returns after SIGTERM, when all connections are closed: who never asks again is cut off by stop.drain.
func (s *Server) Wait() {
	<-s.ended
	s.draining.Store(true)
	for _, l := range s.listeners {
		l.Close()
	}
	s.serving.Wait() // nothing is accepted any more
	s.connections.Wait()
}
