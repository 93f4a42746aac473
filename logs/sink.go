package logs

import (
	"bytes"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// sink is one console descriptor: a queue of bounded size, and a goroutine that writes it.
//
// Who has a worker's line waits while the queue is full, and with it the worker that writes so fast, as it would if it
// wrote to the console itself: a reader that is merely slower than a burst loses nothing. But it waits for half a second
// at most. By then either the queue has gone down to a quarter, or the reader is stuck, or as good as stuck; from then
// until it has gone down nobody waits, and what does not fit is dropped.
//
// How much of the queue one may use depends on who it is. A worker that writes much at a time fills half of it; then one
// that says a line now and then still has room. goinit's own messages have the last quarter, and are never waited for.
type sink struct {
	device   device
	max      int
	patience time.Duration
	relieved func()       // called without the lock when the queue has gone down to a quarter
	dropped  func(uint64) // called with the lock: so many lines of whomever could not be written

	mu      sync.Mutex
	filled  sync.Cond     // the queue is not empty, or closed
	changed chan struct{} // closed when the queue has gone down to a quarter, or closed; nil: nobody asked
	queue   []byte
	sent    int // how much of queue is written
	stuck   bool
	closed  bool
}

const (
	patience  = 500 * time.Millisecond
	keepQueue = 96 << 10 // how large a queue is kept when it is empty: a read and some more
	// writeSize is PIPE_BUF (pipe(7)): so much is written to a pipe in one piece, whoever else writes to it; and a
	// pipe, a socket or a terminal that is ready for writing takes it at once.
	writeSize = 4096
)

type urgency int

const (
	loud   urgency = iota // much at a time
	quiet                 // a line now and then
	urgent                // goinit's own
)

// share is how much of a queue one may fill.
func (s *sink) share(u urgency) int {
	return [...]int{loud: s.max / 2, quiet: s.max / 4 * 3, urgent: s.max}[u]
}

func newSink(d device, size int, patience time.Duration, relieved func(), dropped func(uint64)) *sink {
	s := &sink{device: d, max: size, patience: patience, relieved: relieved, dropped: dropped}
	s.filled.L = &s.mu
	go s.run()
	return s
}

// put queues b as a whole, or nothing of it.
func (s *sink) put(b []byte, u urgency) bool {
	queued, filled := s.add(b, u)
	if filled {
		runtime.Gosched() // the writer's turn, before the queue has to grow
	}
	return queued
}

// add also reports whether the queue has just become longer than what is kept of it.
func (s *sink) add(b []byte, u urgency) (queued, filled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := s.share(u)
	if u != urgent && !s.stuck && !s.closed && !s.room(len(b), limit) {
		s.stuck = !s.await(func() bool { return s.room(len(b), limit) }, s.patience)
	}
	if s.closed || !s.room(len(b), limit) {
		return false, false
	}
	before := s.held()
	if before == 0 {
		s.filled.Signal()
	}
	if s.sent > len(s.queue)/2 { // what is written makes room before more is asked for
		s.queue = s.queue[:copy(s.queue, s.queue[s.sent:])]
		s.sent = 0
	}
	s.queue = append(s.queue, b...)
	return true, before <= readSize && s.held() > readSize
}

// held is how many bytes are queued.
func (s *sink) held() int { return len(s.queue) - s.sent }

// room reports whether n bytes may be added; a line that is larger than the queue still fits into an empty one.
func (s *sink) room(n, limit int) bool { return s.held() == 0 || s.held()+n <= limit }

// await waits until ok, which is asked whenever the queue has gone down to a quarter, and at most d. It is called with the
// lock held, and unlocks it meanwhile.
func (s *sink) await(ok func() bool, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for !ok() && !s.closed {
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed, expired := s.changed, false
		s.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			expired = true
		}
		s.mu.Lock()
		if expired {
			return ok()
		}
	}
	return ok()
}

// fits reports whether a message of n bytes would be queued.
func (s *sink) fits(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.room(min(n, s.max/8), s.max)
}

func (s *sink) queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held()
}

// flush waits until all is written, but not past the deadline.
func (s *sink) flush(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.await(func() bool { return s.held() == 0 }, time.Until(deadline))
}

// close ends the writer; what is queued is dropped.
func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		s.filled.Signal()
		s.wake()
		s.device.interrupt()
	}
}

func (s *sink) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// run writes the queue. The write itself is without the lock, for where a descriptor leaves no other way it can block.
func (s *sink) run() {
	defer s.device.close()
	var piece [writeSize]byte
	for {
		n := s.next(piece[:])
		if n == 0 {
			return
		}
		written, err := s.device.write(piece[:n])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if err := s.device.wait(); err != nil {
				s.give(0, err)
			}
		default:
			s.give(written, err)
		}
	}
}

// next copies what is to be written in one piece: whole lines, if one ends within it. 0: closed.
func (s *sink) next(piece []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.held() == 0 && !s.closed {
		s.filled.Wait()
	}
	if s.closed {
		return 0
	}
	b := s.queue[s.sent:]
	if len(b) > len(piece) {
		b = b[:len(piece)]
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			b = b[:i+1]
		}
	}
	return copy(piece, b)
}

// give takes note that n bytes are written, or that the descriptor takes nothing more: then what is queued is dropped,
// or it would be tried for ever. What comes later is tried again: a FIFO finds a new reader, a disk has room again.
func (s *sink) give(n int, err error) {
	s.mu.Lock()
	before := s.held()
	s.sent += n
	if err != nil {
		if lost := countLines(s.queue[s.sent:]); lost > 0 {
			s.dropped(lost) // ahead of waking who waits for the queue, who asks what was lost then
		}
		s.sent = len(s.queue)
	}
	low := s.max / 4
	relief := s.held() == 0 || before > low && s.held() <= low
	if relief {
		s.stuck = false
		s.wake()
	}
	if s.held() == 0 {
		s.queue, s.sent = s.queue[:0], 0
		if cap(s.queue) > keepQueue {
			s.queue = nil
		}
	}
	s.mu.Unlock()
	if relief && err == nil {
		s.relieved()
	}
}
