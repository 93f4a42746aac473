package cluster

import (
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// loopback is an address of which the kernel chooses the port.
var loopback = Address{Host: "127.0.0.1"}

// slots opens the sockets of slots 0 to n-1 and returns their descriptors and what to connect to.
func slots(t *testing.T, p *Pool, n int, a Address) (fds []int, to string) {
	t.Helper()
	for slot := range n {
		s, err := p.Socket(slot, a, Options{Mode: ReusePort})
		if a.Host == "::1" && err != nil && noIPv6(err) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, s.FD)
		to = s.Bound.String()
		if s.Bound.Host == "::" {
			to = strings.TrimPrefix(to, "[::]")
		}
	}
	return fds, to
}

// spread makes connections and counts in whose queue they are.
func spread(t *testing.T, fds []int, to string, connections int) []int {
	t.Helper()
	for range connections {
		c, err := net.Dial("tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	return acceptAll(t, fds, connections)
}

// acceptAll waits for so many connections in all queues together, and counts how many were in each.
func acceptAll(t *testing.T, fds []int, connections int) []int {
	t.Helper()
	counts := make([]int, len(fds))
	polled := make([]unix.PollFd, len(fds))
	for i, fd := range fds {
		polled[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	for accepted := 0; accepted < connections; {
		if _, err := unix.Poll(polled, -1); err != nil && err != unix.EINTR { // a client knows of its connection before the queue does
			t.Fatal(err)
		}
		for i, fd := range fds {
			conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err == unix.EAGAIN {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(conn)
			counts[i]++
			accepted++
		}
	}
	return counts
}

// The sockets of a slot that is left out get nothing, the others everything, whatever the order is in which they were opened.
func TestSteer(t *testing.T) {
	p := NewPool(nil)
	defer p.Close()
	fds, to := slots(t, p, 5, loopback)
	const connections = 200
	for _, step := range []struct{ active, want []int }{
		{nil, []int{0, 1, 2, 3, 4}},
		{[]int{0, 1, 2, 3, 4}, []int{0, 1, 2, 3, 4}},
		{[]int{3}, []int{3}},
		{[]int{1, 4}, []int{1, 4}},
		{nil, []int{1, 4}}, // nobody is there: as before
		{[]int{4, 0, 2}, []int{0, 2, 4}},
		{[]int{0, 1}, []int{0, 1}},
	} {
		if err := p.Steer(step.active, nil); err != nil {
			t.Fatal(err)
		}
		counts := spread(t, fds, to, connections)
		for slot, n := range counts {
			if slices.Contains(step.want, slot) != (n > 0) {
				t.Errorf("active %v: slot %d got %d of %d", step.active, slot, n, connections)
			}
		}
	}
}
