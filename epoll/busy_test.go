package epoll

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Busy tells of what comes while a thread waits, and of what comes when it waits no longer; each time anew.
func TestBusy(t *testing.T) {
	for _, processors := range []int{1, 2} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		b, err := NewBusy()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		read, out := pipe(t)
		if err := b.Watch(read, 7, unix.EPOLLIN); err != nil {
			t.Fatal(err)
		}
		events := make([]unix.EpollEvent, 4)
		for _, soon := range []time.Duration{0, time.Millisecond, 0, 5 * time.Millisecond} {
			for _, late := range []time.Duration{0, 20 * time.Millisecond} {
				timer := time.AfterFunc(late, func() { _, _ = unix.Write(out, []byte{'x'}) })
				n, err := b.Wait(events, soon)
				if n != 1 || err != nil || events[0].Fd != 7 {
					t.Fatalf("%d processors, %v: %d, %v, %+v", processors, soon, n, err, events[0])
				}
				timer.Stop()
				var one [1]byte
				if _, err := unix.Read(read, one[:]); err != nil {
					t.Fatal(err)
				}
				if n := b.Now(events); n != 0 {
					t.Errorf("%d are ready", n)
				}
			}
		}
	}
}

// Close ends a Wait, in each of the ways in which it waits, and the one after it, and leaves no descriptor.
func TestBusyClose(t *testing.T) {
	before := descriptors(t)
	defer func() {
		if after := descriptors(t); after != before {
			t.Errorf("%d descriptors, %d before", after, before)
		}
	}()
	for range 20 {
		for _, soon := range []time.Duration{0, 5 * time.Millisecond} {
			b, err := NewBusy()
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() {
				_, err := b.Wait(make([]unix.EpollEvent, 1), soon)
				ended <- err
			}()
			time.AfterFunc(2*time.Millisecond, b.Close)
			if err := <-ended; err == nil {
				t.Error("a closed set says that something is ready")
			}
			b.Close()
			if _, err := b.Wait(make([]unix.EpollEvent, 1), soon); err == nil {
				t.Error("a closed set can be waited for")
			}
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// One processor is left for others, whoever holds.
func TestHold(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, processors := range []int{1, 2, 3} {
		runtime.GOMAXPROCS(processors)
		held := 0
		for held < 10 && Hold() {
			held++
		}
		if held != processors-1 {
			t.Errorf("%d of %d processors are held", held, processors)
		}
		for range held {
			Release()
		}
	}
	if n := holders.Load(); n != 0 {
		t.Errorf("%d hold one at the end", n)
	}
}
