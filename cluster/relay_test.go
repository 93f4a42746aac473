package cluster

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// serve accepts from a slot's socket as a worker would, from a copy of its descriptor.
func serve(t *testing.T, fd int, handle func(net.Conn)) {
	t.Helper()
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(copied), "listener")
	l, err := net.FileListener(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
}

// double answers with everything that came, twice, once nothing comes any more.
func double(c net.Conn) {
	all, err := io.ReadAll(c)
	if err == nil {
		_, _ = c.Write(append(all, all...))
	}
}

// What waits in the queue of a slot that has nobody is answered by another, whole, however much it is.
func TestQueueOfARetiredSlotIsPassedOn(t *testing.T) {
	for _, a := range []Address{loopback, {Host: "::1"}, {}} {
		t.Run(a.String(), func(t *testing.T) {
			relay := NewRelay(nil)
			p := NewPool(relay)
			defer p.Close()
			fds, to := slots(t, p, 3, a)
			steer(t, p, 2)
			var clients []net.Conn
			for range 5 {
				clients = append(clients, dial(t, to))
			}
			steer(t, p, 0, 1)
			serve(t, fds[0], double)
			serve(t, fds[1], double)
			p.Retire(2)
			for i, c := range clients {
				text := bytes.Repeat([]byte{byte('a' + i)}, i*300_000+1)
				go func() {
					_, _ = c.Write(text)
					_ = c.(*net.TCPConn).CloseWrite()
				}()
				got, err := io.ReadAll(c)
				if err != nil || !bytes.Equal(got, append(text, text...)) {
					t.Errorf("client %d: %d bytes of %d, %v", i, len(got), 2*len(text), err)
				}
				c.Close()
			}
		})
	}
}

// A replacement that comes in time has its queue to itself: the connections are as they came.
func TestReplacementHasItsQueue(t *testing.T) {
	p := NewPool(NewRelay(nil))
	defer p.Close()
	fds, to := slots(t, p, 2, loopback)
	steer(t, p, 1)
	waiting := dial(t, to)
	steer(t, p, 0)
	p.Retire(1)
	again, err := p.Socket(1, loopback, Options{})
	if err != nil || again.FD != fds[1] {
		t.Fatalf("%+v, %v; want descriptor %d", again, err, fds[1])
	}
	if p.groups[loopback].sockets[1].passing != nil {
		t.Error("its queue would still be passed on")
	}
	serve(t, again.FD, func(c net.Conn) { fmt.Fprint(c, c.RemoteAddr()) })
	if got, err := io.ReadAll(waiting); string(got) != waiting.LocalAddr().String() || err != nil {
		t.Errorf("the worker sees %q, %v; it is %v", got, err, waiting.LocalAddr())
	}
}

// Where nobody is active nothing is passed on: it would come back.
func TestNothingIsPassedOnToNobody(t *testing.T) {
	p := NewPool(NewRelay(nil))
	defer p.Close()
	slots(t, p, 2, loopback)
	steer(t, p, 0)
	p.Retire(1)
	if p.groups[loopback].sockets[1].passing == nil {
		t.Fatal("it should be passed on")
	}
	steer(t, p)
	p.Retire(0)
	for _, s := range p.groups[loopback].sockets {
		if s.passing != nil {
			t.Errorf("slot %d is passed on", s.slot)
		}
	}
}

func steer(t *testing.T, p *Pool, active ...int) {
	t.Helper()
	if err := p.Steer(active, nil); err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, to string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// A socket blocks where that is asked for, but while its queue is passed on: that must never block goinit.
func TestBlocking(t *testing.T) {
	p := NewPool(NewRelay(nil))
	defer p.Close()
	o := Options{Mode: ReusePort, Blocking: true}
	blocks := func(fd int) bool {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil {
			t.Fatal(err)
		}
		return flags&unix.O_NONBLOCK == 0
	}
	first, err := p.Socket(0, loopback, o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Socket(1, loopback, o)
	if err != nil {
		t.Fatal(err)
	}
	if !blocks(first.FD) || !blocks(second.FD) {
		t.Error("they do not block")
	}
	steer(t, p, 1)
	c := dial(t, second.Bound.String())
	steer(t, p, 0)
	p.Retire(1)
	serve(t, first.FD, func(c net.Conn) { fmt.Fprint(c, "passed on") })
	if got, err := io.ReadAll(c); string(got) != "passed on" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if blocks(second.FD) {
		t.Error("goinit accepts from it, and could be blocked")
	}
	if _, err := p.Socket(1, loopback, o); err != nil || !blocks(second.FD) {
		t.Errorf("it does not block again, %v", err)
	}
	listening, err := NewPool(nil).Socket(0, loopback, Options{Mode: RoundRobin, Blocking: true})
	if err != nil || blocks(listening.FD) {
		t.Errorf("goinit accepts from it: it may not block, %v", err)
	}
}

// Without a descriptor to be had, who waits goes on waiting, which is told once; when there are some again, they are answered.
func TestPassingOnWithoutDescriptors(t *testing.T) {
	told := make(chan error, 10)
	relay := NewRelay(func(err error) { told <- err })
	p := NewPool(relay)
	defer p.Close()
	fds, to := slots(t, p, 2, loopback)
	steer(t, p, 1)
	var clients []net.Conn
	for range 3 {
		clients = append(clients, dial(t, to))
	}
	steer(t, p, 0)
	relay.begin.Do(relay.start) // it takes descriptors itself
	restore := noDescriptors(t)
	p.Retire(1)
	if err := <-told; err != unix.EMFILE {
		t.Errorf("told of %v, want %v", err, unix.EMFILE)
	}
	restore()
	serve(t, fds[0], double)
	for _, c := range clients {
		fmt.Fprint(c, "ab")
		_ = c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); string(got) != "abab" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if len(told) > 0 {
		t.Errorf("told again, of %v", <-told)
	}
}

// noDescriptors has this process get no more of them until the function that it returns is called. It leaves those alone
// that there are: RLIMIT_NOFILE (getrlimit(2)) is of the numbers.
func noDescriptors(t *testing.T) (restore func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := was
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	restore = func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	return restore
}
