package logs

import "golang.org/x/sys/unix"

// drain asks the loop to bring pipes to their end.
func (c *Console) drain(streams []*stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed { // Close drains all
		c.draining = append(c.draining, streams...)
		c.pipes.interrupt()
	}
}

// drainAll is drainAsked; done is false if there may be more to do, after a panic.
func (c *Console) drainAll() (done bool) {
	defer c.survive()
	c.over = c.drainAsked()
	return true
}

// drainAsked finishes what Drain and Close asked for, and reports whether that was all there will ever be. Nobody is held up by a
// stream for which the store has no room now: it has another turn soon.
func (c *Console) drainAsked() (ended bool) {
	for {
		c.mu.Lock()
		if len(c.draining) == 0 {
			c.draining, c.delayed = c.delayed, nil
			again := len(c.draining) > 0
			ended = c.closed && !again
			c.mu.Unlock()
			if again {
				c.pipes.interrupt()
			}
			return ended
		}
		s := c.draining[0]
		c.draining = c.draining[1:]
		open := c.streams[s.id] == s
		c.mu.Unlock()
		if open && !c.drainOne(s) {
			c.delayed = append(c.delayed, s)
		}
	}
}

// drainOne reads as much as there was when it was first asked, and not until the pipe is empty: somebody may be writing still. Then
// the pipe is closed. False: the store has no room now.
func (c *Console) drainOne(s *stream) bool {
	if !s.asked {
		s.asked, s.left = true, available(s.fd)
	}
	for s.left > 0 && !s.finished {
		n := c.read(s, min(s.left, s.size))
		if n == deferred {
			return false
		}
		if n < 0 {
			break
		}
		s.left -= n
	}
	return s.finished || c.finish(s)
}

// available is how much can be read from a pipe now (FIONREAD, which is TIOCINQ).
func available(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// finish closes a pipe. False: its last line has no end, and the store has no room for it now.
func (c *Console) finish(s *stream) bool {
	var b []byte
	if len(s.tail) > 0 {
		if b = c.space(s, len(s.tail)); b == nil {
			c.round.deferred = true
			return false
		}
	}
	c.mu.Lock()
	delete(c.streams, s.id)
	c.mu.Unlock()
	c.finished = append(c.finished, s)
	s.finished = true
	unix.Close(s.fd)
	if len(b) == 0 {
		return true
	}
	copy(b, s.tail)
	s.tail = nil
	c.begin(s)
	c.last(b)
	c.kept.announce()
	return true
}
