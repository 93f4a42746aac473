package query

import (
	"bytes"
	"slices"

	"goinit/logs/segment"
)

// scan finds lines in a part of a segment.
type scan struct {
	q        *Query
	app      *app
	d        *data
	pos, end int64 // what is left to look at
	i        int   // the range that pos is in, or was
	r        segment.Range
	hit      int64 // where the next line that matches has been found, from pos on; end: nowhere
}

func newScan(q *Query, a *app, d *data, begin, end int64) *scan {
	s := &scan{q: q, app: a, d: d, hit: -1}
	s.part(begin, end)
	return s
}

// part goes to another part of the same segment.
func (s *scan) part(begin, end int64) {
	s.pos, s.end, s.hit = begin, end, -1
	s.i = s.d.records.Find(begin)
	if s.i < s.d.ranges() {
		s.r = s.d.rangeAt(s.i)
	}
}

// next finds a line that is asked for; with context, one that may have to be shown: asked says which it is.
func (s *scan) next(l *Line) (asked, ok bool) {
	for s.pos < s.end {
		if s.q.Match != nil && !s.q.Invert && !s.q.context() && !s.jump() {
			return false, false
		}
		if s.seek(); !s.q.wants(s.app, s.r.Record) {
			s.pos = min(s.r.End, s.end)
			continue
		}
		matches := s.q.Match == nil || s.look() && s.hit < s.lineEnd()
		asked = s.q.Match == nil || matches != s.q.Invert
		if asked || s.q.context() {
			s.line(l)
			return asked, true
		}
		s.pos = s.lineEnd()
	}
	return false, false
}

// jump goes to the beginning of the next line that matches; false: there is none.
func (s *scan) jump() bool {
	if !s.look() {
		s.pos = s.end
		return false
	}
	s.pos += int64(bytes.LastIndexByte(s.d.log[s.pos:s.hit], '\n') + 1)
	return true
}

// look finds out where the next line is that matches; false: there is none.
func (s *scan) look() bool {
	if s.hit < s.pos {
		s.hit = s.end
		if i := s.q.Match.find(s.d.log[s.pos:s.end]); i >= 0 {
			s.hit = s.pos + int64(i)
		}
	}
	return s.hit < s.end
}

// seek makes r the range of pos.
func (s *scan) seek() {
	if s.pos < s.r.End {
		return
	}
	if s.i++; s.i < s.d.ranges() {
		if s.r = s.d.rangeAt(s.i); s.pos < s.r.End {
			return
		}
	}
	s.i = s.d.records.Find(s.pos)
	s.r = s.d.rangeAt(s.i)
}

// lineEnd is behind the newline of the line at pos, or where its range ends.
func (s *scan) lineEnd() int64 {
	end := min(s.r.End, s.end)
	if i := bytes.IndexByte(s.d.log[s.pos:end], '\n'); i >= 0 {
		return s.pos + int64(i) + 1
	}
	return end
}

// line takes the line at pos.
func (s *scan) line(l *Line) {
	end := s.lineEnd()
	text := s.d.log[s.pos:end]
	partial := s.r.Partial
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	} else {
		partial = true // the last of a crash
	}
	*l = Line{
		Store: s.app.store, App: s.app.name, Slot: slotOf(s.r.Record), At: s.r.Time, Text: text,
		Stderr: s.r.Stderr, Partial: partial, Note: s.r.Note,
	}
	s.pos = end
}

func slotOf(r segment.Record) int {
	if r.Slot == segment.UnknownSlot {
		return Unknown
	}
	return int(r.Slot)
}

// wants says whether lines of a range may be asked for. What nobody knows the worker of is not any one's.
func (q *Query) wants(a *app, r segment.Record) bool {
	if q.Stream == Stdout && r.Stderr || q.Stream == Stderr && !r.Stderr {
		return false
	}
	return a.slots == nil || r.Slot != segment.UnknownSlot && slices.Contains(a.slots, int(r.Slot))
}
