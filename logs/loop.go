package logs

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"goinit/logs/store"

	"golang.org/x/sys/unix"
)

// stream is one pipe. But for what is set when it is made, it is the loop's.
type stream struct {
	worker   Worker
	name     string
	which    Stream
	ring     *ring
	app      *store.App // nil: there is no store
	fd       int
	id       uint32
	tail     []byte        // the line that is not finished
	size     int           // of the pipe, as far as we know: how much may be read at a time
	much     int           // how often much was read
	empty    bool          // found so by the last read
	finished bool          // and closed
	done     chan struct{} // closed when the pipe is
	asked    bool          // by Drain, which has so much left to read
	left     int

	heardEach bool // whoever hears the worker wants each of its lines
}

// moment is what the lines of one read have in common.
type moment struct {
	stream  *stream
	time    time.Time
	mode    Mode
	urgency urgency
	record  []byte // to write a line in
	fields  []byte // what JSON says of them all; empty: not made yet
	told    func(b []byte, partial bool)
	line    func(b []byte, partial bool)
	heard   func(b []byte, partial bool)
}

// round is how much was read since the loop last waited.
type round struct {
	fullest  float64 // of one pipe, as a share of what it takes
	deferred bool    // somebody waits for the store
	shown    bool    // there is something for the console
}

const (
	// The loop leaves small writes alone for a while, to read more at a time, when there are many: 20 apps that write 500
	// lines a second each cost a third of the CPU time then. How long depends on how full the fullest pipe was found: nobody
	// who writes fast is to wait for us.
	longestRest  = 20 * time.Millisecond
	shortestRest = 50 * time.Microsecond // what a timer costs is more than what is gained by less
	fullEnough   = 0.4
	// storeTick is how long those that never wait for the store are left alone while others do.
	storeTick = 5 * time.Millisecond
)

// A pipe in which so many bytes were found so often grows.
const (
	muchRead  = readSize / 4
	muchOften = 16
)

// loudRead is how much there is to read at a time from a worker that writes faster than we read.
const loudRead = 4 << 10

func (c *Console) add(s *stream, fd int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.New("goinit is ending")
	}
	for c.streams[c.nextID] != nil || c.nextID == wakeID {
		c.nextID++
	}
	if err := c.pipes.Watch(fd, c.nextID, pipeEvents); err != nil {
		return err
	}
	s.fd, s.id = fd, c.nextID
	c.streams[s.id] = s
	c.nextID++
	return nil
}

// loop reads whatever can be read, in turns of one pipe each, and has the store write it after each round. A pipe that was
// found ready is not watched until that is asked for again (EPOLLONESHOT): one that is written to all the time is read after
// each rest without asking, and what is written meanwhile wakes nobody.
func (c *Console) loop() {
	for !c.over && c.look() {
		if c.submit() {
			return // another goroutine is the loop now, and c is its
		}
		c.pause()
	}
	close(c.ended)
}

// takeOver goes on where the goroutine that was the loop is stuck in a disk.
func (c *Console) takeOver() {
	c.pause()
	c.loop()
}

// look waits until there is something to do, and does it, as far as the store has room; false: the poller was closed.
func (c *Console) look() bool {
	if c.next == len(c.active) {
		var n int
		var err error
		if len(c.active) > 0 {
			n = c.pipes.Now(c.events)
		} else if n, err = c.pipes.Wait(c.events, c.soon()); err != nil {
			return false
		}
		c.busy = time.Since(c.paused) < longestRest
		c.round = round{}
		c.next = 0
		c.activate(c.events[:n])
	}
	if c.readAll(); c.next < len(c.active) {
		return true
	}
	for done := false; !done; {
		done = c.drainAll()
	}
	return true
}

// soon is how long a thread may wait for what comes next.
func (c *Console) soon() time.Duration {
	if c.busy {
		return patient
	}
	return 0
}

// pause ends a round.
func (c *Console) pause() {
	c.release()
	if c.next < len(c.active) {
		return // it goes on
	}
	if c.round.deferred {
		c.options.Store.Await(storeTick)
	}
	gathered := !c.over && c.busy && c.gather()
	c.watchAgain(gathered)
	c.paused = time.Now()
	// Those who write the console have their turn. This wakes a thread, so it is done when there is somebody, and now and
	// then: the runtime becomes uneasy about who does not for 10 ms.
	if c.round.shown || c.paused.Sub(c.yielded) > patient {
		c.yielded = c.paused
		runtime.Gosched()
	}
}

// activate adds to the active pipes those that are ready now.
func (c *Console) activate(events []unix.EpollEvent) {
	for _, e := range events {
		if e.Fd == wakeID {
			c.pipes.interrupted()
		} else if s := c.stream(uint32(e.Fd)); s != nil {
			c.active = append(c.active, s)
		}
	}
}

// watchAgain watches what was read empty; unless we have gathered, all that was active.
func (c *Console) watchAgain(gathered bool) {
	still := c.active[:0]
	for _, s := range c.active {
		switch {
		case s.finished:
		case gathered && !s.empty:
			still = append(still, s)
		default:
			s.empty = false
			if c.pipes.Rearm(s.fd, s.id, pipeEvents) != nil {
				still = append(still, s) // no memory for it now
			}
		}
	}
	clear(c.active[len(still):])
	c.active = still
	c.next = len(still)
}

// submit has the store write what was read, and reports whether another goroutine has taken over meanwhile.
func (c *Console) submit() bool {
	switch s := c.options.Store; {
	case s == nil:
	case c.over:
		s.Finish()
	default:
		return s.Submit(c.relief)
	}
	return false
}

// release tells those who wait for the end of a stream, now that its last lines are the store's.
func (c *Console) release() {
	for _, s := range c.finished {
		close(s.done)
	}
	clear(c.finished)
	c.finished = c.finished[:0]
}

// gather lets small writes gather, until somebody is in a hurry; false: they come too fast for that.
func (c *Console) gather() bool {
	if c.round.fullest > 0 {
		c.rest = max(c.rest, shortestRest/2) * time.Duration(100*min(2, fullEnough/c.round.fullest)) / 100
	}
	if c.rest = min(c.rest, longestRest); c.rest < shortestRest {
		return false
	}
	c.pipes.rest(c.rest)
	return true
}

// readAll reads what is active, until the store has no room for more. What it was at when it panicked is not tried again:
// those bytes are read.
func (c *Console) readAll() {
	defer c.survive()
	for c.next < len(c.active) {
		s := c.active[c.next]
		if s.app != nil && !c.options.Store.Room(len(s.tail)+s.size) {
			return
		}
		c.next++
		if !s.finished {
			s.empty = c.read(s, s.size) == -1
		}
	}
}

// survive is deferred where a panic would end PID 1, and with it the container.
func (c *Console) survive() {
	p := recover()
	if p == nil {
		return
	}
	err := fmt.Errorf("a defect of goinit's logs, some lines are lost: %v", p)
	if c.options.Broken != nil {
		c.options.Broken(err)
	} else {
		c.Messages().Write([]byte("goinit: " + err.Error() + "\n"))
	}
}

func (c *Console) stream(id uint32) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// deferred is read's answer where the store has no room now.
const deferred = -2

// read reads once; 0 is the end, after which the pipe is closed.
func (c *Console) read(s *stream, limit int) int {
	b := c.space(s, len(s.tail)+limit)
	if b == nil {
		c.round.deferred = true
		return deferred
	}
	n, err := readNow(s.fd, b[len(s.tail):])
	switch {
	case err == unix.EAGAIN:
		return -1
	case err != nil || n == 0:
		c.finish(s)
		return 0
	}
	c.round.fullest = max(c.round.fullest, float64(n)/float64(s.size))
	if n >= muchRead && s.size == readSize {
		s.much++
	}
	if n == readSize && s.size == readSize || s.much == muchOften {
		// Found full, or as good as that again and again. What all pipes of a user may take is bounded and shared by all
		// containers of a machine (pipe(7), pipe-user-pages-soft), so only those that need it have more than the default.
		s.much = 0
		if size, err := unix.FcntlInt(uintptr(s.fd), unix.F_SETPIPE_SZ, grownPipe); err == nil {
			s.size = min(size, grownPipe)
		}
	}
	copy(b, s.tail)
	s.ring.tally.read(b[len(s.tail):len(s.tail)+n], c.counting.Load())
	c.consume(s, b[:len(s.tail)+n], n)
	return n
}

// space is where to read to: the store's own, so that nothing is copied on its way to a file.
func (c *Console) space(s *stream, n int) []byte {
	if s.app != nil {
		return c.options.Store.Take(s.app, n)
	}
	if c.buffer == nil {
		c.buffer = make([]byte, store.MaxTake)
	}
	return c.buffer[:n]
}
