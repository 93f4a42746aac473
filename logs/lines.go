package logs

import (
	"time"

	"goinit/logs/segment"
)

// begin sets what the lines to come have in common.
func (c *Console) begin(s *stream) {
	c.at.urgency = quiet
	c.at.stream, c.at.time, c.at.fields = s, time.Now(), c.at.fields[:0]
	c.at.mode = s.worker.Console
	if c.at.mode == Auto {
		c.at.mode = Raw
		if c.many.Load() {
			c.at.mode = Prefix
		}
	}
}

// consume is given a line that was not finished with what one read, of fresh bytes, has added to it.
func (c *Console) consume(s *stream, b []byte, fresh int) {
	c.begin(s)
	if fresh > loudRead {
		c.at.urgency = loud
	}
	rest := split(b, c.at.told)
	if len(rest) == 0 && cap(s.tail) > keepTail {
		s.tail = nil
	}
	s.tail = append(s.tail[:0], rest...)
	c.kept.announce()
	if c.at.mode == Raw {
		for b = b[len(b)-fresh:]; len(b) > 0; {
			n := min(len(b), readSize) // what a queue has room for
			c.show(b[:n])
			b = b[n:]
		}
	}
}

// told keeps whole lines, or a piece of one, and shows them.
func (c *Console) told(b []byte, partial bool) { c.keep(b, partial, partial) }

// last is told for the line that a stream has ended in.
func (c *Console) last(b []byte) { c.keep(b, true, false) }

// keep puts them into the store. Without a newline at the end they are a piece of a line for the store, and, unless
// partial, a line for everybody else.
func (c *Console) keep(b []byte, piece, partial bool) {
	s := c.at.stream
	if s.heardEach { // also of what is over the rate, and not in memory
		each(b, partial, c.at.heard)
	}
	if s.app != nil {
		b = c.options.Store.Put(s.app, segment.Record{Time: c.at.time.UnixNano(), Slot: uint16(s.worker.Slot), Stderr: s.which == Stderr, Partial: piece}, b)
		if c.at.mode != Prefix && c.at.mode != JSON && len(b) > thinFrom { // what is in files need not be in memory
			b = lastLines(b[1+lastNewline(b[:len(b)-thinTo]):], thinLines)
		}
	}
	if len(b) > 0 { // else all of it was over the rate
		each(b, partial, c.at.line)
	}
}

// heard is for who wants each line.
func (c *Console) heard(b []byte, _ bool) {
	if s := c.at.stream; s.heardEach {
		s.heardEach = s.worker.Heard(b)
	}
}

// line keeps a line and shows it.
func (c *Console) line(b []byte, partial bool) {
	at := &c.at
	s := at.stream
	rec := record{at: at.time.UnixNano(), generation: uint32(s.worker.Generation), slot: uint16(s.worker.Slot)}
	if s.which == Stderr {
		rec.flags |= flagStderr
	}
	if partial {
		rec.flags |= flagPart
	}
	c.kept.put(s.ring, rec, b)
	if s.worker.Heard != nil && !s.heardEach {
		s.worker.Heard(b)
	}
	switch at.mode {
	case Prefix:
		at.record = c.appendPrefixed(at.record[:0], s, b)
	case JSON:
		l := Line{At: at.time, App: s.worker.App, Slot: s.worker.Slot, Worker: s.name, Stream: s.which, Line: b, Partial: partial}
		if len(at.fields) == 0 {
			at.fields = appendFields(at.fields, &l, 0)
		}
		at.record = appendJSON(at.record[:0], at.fields, &l)
	default:
		return
	}
	c.show(at.record)
	if cap(at.record) > readSize {
		at.record = nil
	}
}

// show gives the console what it is to show of the current stream.
func (c *Console) show(b []byte) {
	to := c.stdout
	if c.at.stream.which == Stderr {
		to = c.stderr
	}
	c.round.shown = true
	if !to.put(b, c.at.urgency) {
		n := countLines(b)
		c.at.stream.ring.tally.hidden.Add(n)
		c.losses.add(c.at.stream.worker.App, n)
		if to.queued() == 0 { // it has moved meanwhile, and will not do so again
			c.tellLosses()
		}
	}
}
