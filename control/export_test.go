package control

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the tests, which are outside of the package for the sake of the fake, see of its inside.

// ClientCount is how many are connected.
func (s *Server) ClientCount() int {
	n, _ := s.clients.count()
	return n
}

// Dropped is how many were, for others or for being slow.
func (s *Server) Dropped() uint64 {
	_, n := s.clients.count()
	return n
}

// RawConn is a connection that knows nothing of the protocol.
func RawConn(t testing.TB, path string) *net.UnixConn {
	t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
	for errors.Is(err, unix.EAGAIN) { // the queue is full
		runtime.Gosched()
		c, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// Raw sends bytes and returns the first answer.
func Raw(t testing.TB, path, s string) string {
	t.Helper()
	c := RawConn(t, path)
	defer c.Close()
	c.Write([]byte(s))
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		b.Write(buf[:n])
		if i := strings.IndexByte(b.String(), 0); i >= 0 {
			return b.String()[:i]
		}
		if err != nil {
			t.Fatalf("no answer to %.60q: %q, %v", s, b.String(), err)
		}
	}
}

// Eventually waits for something that happens by itself.
func Eventually(t testing.TB, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it does not happen")
		}
	}
}

// MethodNames are those of all routes.
func MethodNames() (all []string) {
	for _, r := range routes() {
		all = append(all, r.method)
	}
	return all
}
