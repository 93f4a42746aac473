package integration

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// listenServer, in the environment, makes of the tests' executable a server on what LISTEN_FDS gives it: how a program in Go
// does that.
const listenServer = "TEST_LISTEN_SERVER"

// serveListened ends without an error for anybody: SIGTERM closes the listeners and answers every request that comes on a
// connection that there is, with Connection: close. http.Server's Shutdown alone does not: a request that it reads after it was
// called is dropped with its connection, and so is an idle connection on which one is on its way.
func serveListened() int {
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		fmt.Fprintln(os.Stderr, "LISTEN_PID is", pid, "and we are", os.Getpid())
		return 1
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "LISTEN_FDS:", err)
		return 1
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	var draining atomic.Bool
	var serving, connections sync.WaitGroup
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if draining.Load() {
				w.Header().Set("Connection", "close")
			}
			fmt.Fprintln(w, os.Getpid())
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				connections.Add(1)
			case http.StateClosed:
				connections.Done()
			}
		},
	}
	var listeners []net.Listener
	for fd := 3; fd < 3+n; fd++ {
		f := os.NewFile(uintptr(fd), "listen")
		l, err := net.FileListener(f)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		f.Close()
		listeners = append(listeners, l)
		serving.Go(func() { _ = s.Serve(l) })
	}
	fmt.Println("names", os.Getenv("LISTEN_FDNAMES"), "slot", os.Getenv("GOINIT_SLOT"))
	<-ended
	draining.Store(true)
	for _, l := range listeners {
		l.Close()
	}
	serving.Wait()     // nothing is accepted any more
	connections.Wait() // who never asks again is cut off by stop.drain
	return 0
}
