package logs

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// fake is a device with room for so many bytes.
type fake struct {
	mu     sync.Mutex
	change sync.Cond
	room   int
	fail   error
	got    []byte
	pieces []int
	broken bool
}

func newFake(room int) *fake {
	f := &fake{room: room}
	f.change.L = &f.mu
	return f
}

func (f *fake) write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return 0, f.fail
	}
	n := min(len(b), f.room)
	if n == 0 {
		return 0, unix.EAGAIN
	}
	f.room -= n
	f.got = append(f.got, b[:n]...)
	f.pieces = append(f.pieces, n)
	return n, nil
}

func (f *fake) wait() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.room == 0 && !f.broken {
		f.change.Wait()
	}
	return nil
}

func (f *fake) take(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room += n
	f.change.Broadcast()
}

func (f *fake) interrupt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = true
	f.change.Broadcast()
}

func (f *fake) close() {}

func line(n int) []byte { return []byte(strings.Repeat("x", n-1) + "\n") }

func TestSinkWaitsForAMovingReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		s := newSink(f, 8192, 500*time.Millisecond, func() {}, func(uint64) {})
		defer s.close()
		ended := make(chan struct{})
		defer func() { <-ended }()
		go func() {
			defer close(ended)
			for range 100 { // 4,000 bytes in 100 ms: a quarter of the queue is gone in time, always
				time.Sleep(100 * time.Millisecond)
				f.take(4000)
			}
		}()
		for i := range 100 {
			if !s.put(line(1000), loud) {
				t.Fatalf("line %d is dropped", i)
			}
		}
		s.flush(time.Now().Add(time.Minute))
		if len(f.got) != 100_000 {
			t.Errorf("%d bytes are written", len(f.got))
		}
	})
}

func TestSinkDropsForAStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relieved := 0
		f := newFake(0)
		s := newSink(f, 8192, 500*time.Millisecond, func() { relieved++ }, func(uint64) {})
		defer s.close()
		began := time.Now()
		kept, dropped := 0, 0
		for range 1000 {
			if s.put(line(1000), loud) {
				kept++
			} else {
				dropped++
			}
		}
		if d := time.Since(began); d != 500*time.Millisecond {
			t.Errorf("a worker waited %v, want 500ms once", d)
		}
		if kept != 4 || dropped != 996 { // half of the queue
			t.Errorf("%d kept, %d dropped", kept, dropped)
		}
		for range 2 { // a quarter is for those that say little
			if began := time.Now(); !s.put(line(1000), quiet) || time.Since(began) != 0 {
				t.Error("no room for a quiet one")
			}
		}
		if s.put(line(1000), quiet) {
			t.Error("a quiet one may use all")
		}
		for range 2 { // the last quarter is for messages, which never wait
			if began := time.Now(); !s.put(line(1000), urgent) || time.Since(began) != 0 {
				t.Error("no room for a message")
			}
		}
		if s.put(line(1000), urgent) {
			t.Error("the queue has no bound")
		}
		if relieved != 0 {
			t.Error("relieved too early")
		}
		f.take(5951)
		synctest.Wait()
		if relieved != 0 {
			t.Error("relieved too early")
		}
		f.take(1) // 2,048 bytes are left: a quarter
		synctest.Wait()
		if relieved != 1 {
			t.Errorf("relieved %d times, want once", relieved)
		}
		if !s.put(line(1000), loud) {
			t.Error("dropped though there is room")
		}
	})
}

func TestSinkFlushEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink(newFake(10), 8192, time.Second, func() {}, func(uint64) {})
		defer s.close()
		s.put(line(100), loud)
		began := time.Now()
		s.flush(began.Add(200 * time.Millisecond))
		if d := time.Since(began); d != 200*time.Millisecond {
			t.Errorf("flush took %v", d)
		}
	})
}

func TestSinkCloseReleasesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink(newFake(0), 1000, time.Hour, func() {}, func(uint64) {})
		s.put(line(700), loud)
		answered := make(chan bool)
		go func() { answered <- s.put(line(700), loud) }()
		synctest.Wait()
		s.close()
		if <-answered {
			t.Error("put after close")
		}
	})
}

func TestSinkDiscardsWhatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := uint64(0)
		f := newFake(1 << 20)
		f.fail = unix.ENOSPC
		s := newSink(f, 8192, time.Second, func() {}, func(n uint64) { lost += n })
		defer s.close()
		s.put([]byte("a\nb\nc\n"), loud)
		synctest.Wait() // a sink that tried for ever would never be idle
		if lost != 3 || s.queued() != 0 {
			t.Errorf("lost %d, queued %d", lost, s.queued())
		}
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		s.put([]byte("d\n"), loud)
		synctest.Wait()
		if string(f.got) != "d\n" {
			t.Errorf("got %q", f.got)
		}
	})
}

func TestSinkWritesWholeLinesInPiecesOfPipeBuf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(0)
		s := newSink(f, 1<<20, time.Second, func() {}, func(uint64) {})
		defer s.close()
		for range 100 {
			s.put(line(1000), loud)
		}
		s.put(line(10_000), loud)
		s.put([]byte("end\n"), loud)
		f.take(1 << 20)
		synctest.Wait()
		for i, n := range f.pieces[:25] {
			if n != 4000 {
				t.Errorf("piece %d has %d bytes, want 4 lines of 1000", i, n)
			}
		}
		if n := f.pieces[25]; n != 4096 {
			t.Errorf("a long line begins with a piece of %d", n)
		}
		if len(f.got) != 110_004 {
			t.Errorf("%d bytes", len(f.got))
		}
	})
}

func TestALineLargerThanTheQueueFitsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1 << 20)
		s := newSink(f, 1000, time.Second, func() {}, func(uint64) {})
		defer s.close()
		for range 3 {
			if !s.put(line(5000), loud) {
				t.Error("dropped")
			}
		}
	})
}
