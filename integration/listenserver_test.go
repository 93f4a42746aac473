package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

// listenServer, in the environment, makes of the tests' executable a server on what LISTEN_FDS gives it: how a program in Go
// does that.
const listenServer = "TEST_LISTEN_SERVER"

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
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, os.Getpid()) })}
	for fd := 3; fd < 3+n; fd++ {
		f := os.NewFile(uintptr(fd), "listen")
		l, err := net.FileListener(f)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		f.Close()
		go func() { _ = s.Serve(l) }()
	}
	fmt.Println("names", os.Getenv("LISTEN_FDNAMES"), "slot", os.Getenv("GOINIT_SLOT"))
	<-ended
	if err := s.Shutdown(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
