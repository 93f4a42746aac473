package nodeipc

import (
	"net"
	"strconv"
	"testing"
	"time"

	"goinit/cluster"

	"golang.org/x/sys/unix"
)

// Connections are let gather where they come several at a time, or close upon one another, and every worker has one to go on
// with; not where one client comes again and again.
func TestCrowded(t *testing.T) {
	for _, c := range []struct {
		workers, clients int
		want             bool
	}{{1, 1, false}, {1, 2, true}, {2, 1, false}, {2, 2, true}, {3, 2, false}, {3, 3, true}} {
		a := newApp(t, "", cluster.RoundRobin)
		var workers []*stranger
		port := freePort(t)
		for slot := range c.workers {
			s := a.stranger(slot)
			s.listens(port)
			s.Leave()
			workers = append(workers, s)
		}
		for range c.clients {
			conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		awaitQueue(t, a, c.clients)
		a.hub.mu.Lock()
		for _, w := range workers {
			w.entered = true
		}
		for _, l := range a.hub.listeners {
			l.pump()
			if got := l.crowded(); got != c.want {
				t.Errorf("%d workers, %d connections: %v", c.workers, c.clients, got)
			}
			if l.crowded() {
				t.Errorf("%d workers, %d connections: for ever", c.workers, c.clients)
			}
			for _, gap := range []time.Duration{gather - 1, gather} {
				l.given, l.gap = 1, gap
				if got, want := l.crowded(), gap < gather && c.clients >= c.workers; got != want {
					t.Errorf("%d workers with %d connections, one more after %v: %v", c.workers, c.clients, gap, got)
				}
			}
		}
		if n := len(a.hub.listeners); n != 1 {
			t.Errorf("%d listeners", n)
		}
		a.hub.mu.Unlock()
	}
}

// awaitQueue waits until so many connections can be accepted: who connects is told of it ahead of the kernel's last step.
func awaitQueue(t *testing.T, a *app, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; <-tick.C {
		waiting := 0
		a.hub.mu.Lock()
		for _, l := range a.hub.listeners {
			if info, err := unix.GetsockoptTCPInfo(l.fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
				waiting += int(info.Unacked) // of a socket that listens that is what waits (tcp_get_info() of the kernel)
			}
		}
		a.hub.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d connections wait, want %d", waiting, n)
		}
	}
}
