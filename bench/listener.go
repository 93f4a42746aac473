package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// listenerWord, as the first argument, makes the bench a server in Go on descriptor 3.
const listenerWord = "listener"

// listener ends without an error for anybody; integration/listenserver_test.go says why http.Server.Shutdown does not do.
func listener() error {
	l, err := net.FileListener(os.NewFile(3, "listen"))
	if err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	var draining atomic.Bool
	var serving, connections sync.WaitGroup
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(200 * time.Millisecond)
			}
			if draining.Load() {
				w.Header().Set("Connection", "close")
			}
			fmt.Fprint(w, os.Getpid())
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
	serving.Go(func() { _ = s.Serve(l) })
	<-ended
	draining.Store(true)
	l.Close()
	serving.Wait()
	connections.Wait()
	return nil
}
