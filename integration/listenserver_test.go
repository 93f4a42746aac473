package integration

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"goinit/integration/serve"
)

// listenServer, in the environment, makes of the tests' executable a server on what LISTEN_FDS gives it: how a program in Go
// does that.
const listenServer = "TEST_LISTEN_SERVER"

// brokenListenServer, besides, is a FIFO: the server does not accept before somebody has opened that to write; or, with
// "elsewhere:" ahead of it, it serves on a port of its own until then, and fails.
const brokenListenServer = "TEST_BROKEN_LISTEN_SERVER"

func serveListened() int {
	if word := os.Getenv(brokenListenServer); word != "" {
		path, elsewhere := strings.CutPrefix(word, "elsewhere:")
		if elsewhere {
			own, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			serve.Start(func(*http.Request) string { return "elsewhere" }, own)
		}
		_, _ = os.ReadFile(path)
		if elsewhere {
			return 3
		}
	}
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		fmt.Fprintln(os.Stderr, "LISTEN_PID is", pid, "and we are", os.Getpid())
		return 1
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "LISTEN_FDS:", err)
		return 1
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
	}
	s := serve.Start(func(*http.Request) string { return fmt.Sprintln(os.Getpid()) }, listeners...)
	fmt.Println("names", os.Getenv("LISTEN_FDNAMES"), "slot", os.Getenv("GOINIT_SLOT"))
	s.Wait()
	return 0
}
