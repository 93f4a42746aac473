package epoll

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func pipe(t *testing.T) (read, write int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(p[0])
		unix.Close(p[1])
	})
	return p[0], p[1]
}

func write(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte{'x'}); err != nil {
		t.Fatal(err)
	}
}

// A Set waits for a descriptor that is not O_NONBLOCK, and its Close ends that.
func TestSet(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	read, out := pipe(t)
	if err := s.Watch(read, 7, unix.EPOLLIN); err != nil {
		t.Fatal(err)
	}
	events := make([]unix.EpollEvent, 4)
	if n := s.Now(events); n != 0 {
		t.Errorf("%d are ready before anything is written", n)
	}
	go func() { _, _ = unix.Write(out, []byte{'x'}) }()
	if n, err := s.Wait(events); n != 1 || err != nil || events[0].Fd != 7 {
		t.Fatalf("%d, %v, %+v", n, err, events[0])
	}
	if flags, err := unix.FcntlInt(uintptr(read), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("flags %o, %v", flags, err)
	}
	if err := s.Remove(read); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := s.Wait(events)
		ended <- err
	}()
	s.Close()
	if err := <-ended; err == nil {
		t.Error("a closed set says that something is ready")
	}
}

// A Bare in a Set makes that ready, and what is watched once only is not told of again, a hang-up included, until it is asked for.
func TestBareInASet(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := NewBare()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := s.Watch(b.FD(), 1, unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
		t.Fatal(err)
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	if err := b.Watch(p[0], 2, unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
		t.Fatal(err)
	}
	events := make([]unix.EpollEvent, 4)
	for range 3 {
		write(t, p[1])
		if n, err := s.Wait(events); n != 1 || err != nil || events[0].Fd != 1 {
			t.Fatalf("%d, %v, %+v", n, err, events[0])
		}
		if n := b.WaitFor(events, time.Hour); n != 1 || events[0].Fd != 2 {
			t.Fatalf("%d, %+v", n, events[0])
		}
		if n := b.WaitFor(events, 0) + b.Now(events) + s.Now(events); n != 0 {
			t.Errorf("%d are told of again", n)
		}
		if err := s.Rearm(b.FD(), 1, unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
			t.Fatal(err)
		}
		var one [1]byte
		if _, err := unix.Read(p[0], one[:]); err != nil {
			t.Fatal(err)
		}
		if err := b.Rearm(p[0], 2, unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
			t.Fatal(err)
		}
	}
	write(t, p[1])
	if n := b.WaitFor(events, time.Hour); n != 1 {
		t.Fatalf("%d", n)
	}
	unix.Close(p[1])
	if n := b.Now(events); n != 0 {
		t.Error("the hang-up is told unasked")
	}
	if err := b.Rearm(p[0], 2, unix.EPOLLIN|unix.EPOLLONESHOT); err != nil {
		t.Fatal(err)
	}
	if n := b.WaitFor(events, time.Hour); n != 1 || events[0].Events&unix.EPOLLHUP == 0 {
		t.Errorf("%d, %+v", n, events[0])
	}
}
