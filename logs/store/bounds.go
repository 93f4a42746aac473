package store

import (
	"time"

	"goinit/logs/segment"
)

// bound keeps to the number of segments that an app may have.
func (s *Store) bound(a *appLog) {
	for len(a.closed) > 0 && len(a.closed)+1 > a.limits().MaxFiles {
		s.dropFirst(a)
	}
}

// shrink keeps to what all may have together. What goes is the oldest segment of the app that has most: one that says much
// does not take another's place.
func (s *Store) shrink() {
	for s.total > s.maxTotal() {
		var most *appLog
		for _, a := range s.logs {
			if a.bytes() > 0 && (most == nil || a.bytes() > most.bytes()) {
				most = a
			}
		}
		if most == nil {
			s.total = 0
			return
		}
		if len(most.closed) == 0 && (most.size > most.ended || most.rotate() != nil) {
			return // in the middle of an entry: the next time
		}
		if len(most.closed) > 0 {
			s.dropFirst(most)
		}
	}
}

// bytes is what an app has.
func (a *appLog) bytes() (n int64) {
	for _, c := range a.closed {
		n += c.bytes
	}
	if a.open {
		n += a.size + a.indexed + int64(len(a.pending))
	}
	return n
}

func (s *Store) dropFirst(a *appLog) {
	c := a.closed[0]
	a.closed = a.closed[:copy(a.closed, a.closed[1:])]
	s.drop(a, c.number, c.bytes)
}

// drop removes a segment.
func (s *Store) drop(a *appLog, number int, bytes int64) {
	s.place.remove(a.app, number)
	s.total -= bytes
	if !a.open && len(a.closed) == 0 && a.owner == nil {
		delete(s.logs, a.app)
	}
}

// dropClosed looks again which of the closed segments there are.
func (s *Store) dropClosed(a *appLog) {
	kept := a.closed[:0]
	for _, c := range a.closed {
		data, index, err := s.place.reader(a.app, c.number, c.compressed)
		if err != nil {
			s.total -= c.bytes
			continue
		}
		closeBoth(data, index)
		kept = append(kept, c)
	}
	a.closed = kept
}

// age sets when an app's oldest segment has to go.
func (s *Store) age(a *appLog) {
	most := a.limits().MaxAge
	if most <= 0 {
		return
	}
	due := int64(0)
	if len(a.closed) > 0 {
		due = a.closed[0].last + int64(most)
	} else if a.open {
		due = a.begun + int64(most)
		if a.begun == 0 {
			due = time.Now().UnixNano() + int64(most)
		}
	}
	if t := time.Unix(0, due); due != 0 && (s.aged.IsZero() || t.Before(s.aged)) {
		s.aged = t
	}
}

// expire removes what is too old. An open segment that began so long ago is closed, and goes when its last line is too old.
func (s *Store) expire(now time.Time) {
	s.aged = time.Time{}
	for _, a := range s.logs {
		most := a.limits().MaxAge
		if most <= 0 {
			continue
		}
		old := now.UnixNano() - int64(most)
		if a.open && a.begun != 0 && a.begun <= old && a.size == a.ended {
			_ = a.rotate()
		}
		for len(a.closed) > 0 && a.closed[0].last <= old {
			s.dropFirst(a)
		}
		s.age(a)
	}
	if soonest := now.Add(time.Minute); !s.aged.IsZero() && s.aged.Before(soonest) {
		s.aged = soonest // many at a time
	}
}

// compress has a closed segment compressed, one after the other.
func (s *Store) compress(a *appLog, number int) {
	d, is := s.place.(*disk)
	if !is || s.options.Compress == nil {
		return
	}
	s.options.Compress(d.path(a.app, number, segment.Log), func(err error) {
		if err != nil {
			return
		}
		select {
		case s.jobs <- func() { s.compressed(d, a, number) }:
		case <-s.ended:
		}
	})
}

func (s *Store) compressed(d *disk, a *appLog, number int) {
	for i := range a.closed {
		c := &a.closed[i]
		if c.number != number {
			continue
		}
		s.total -= c.bytes
		c.bytes, c.compressed = sizeOf(d.path(a.app, number, segment.Compressed))+sizeOf(d.path(a.app, number, segment.Index)), true
		s.total += c.bytes
		return
	}
	d.remove(a.app, number) // it was dropped meanwhile
}
