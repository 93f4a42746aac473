package query

import (
	"bytes"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"sort"

	"goinit/logs/segment"
)

// Lines are those that are asked for, in the order of their times. A Line's Text is valid until the next.
func Lines(q *Query, stores ...*Store) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		var sources []source
		for _, s := range stores {
			for _, a := range s.apps(q) {
				sources = append(sources, forwards(q, a))
			}
		}
		merge(q, sources, false, yield)
	}
}

// Backwards are the same from the last to the first. A Line's Text stays valid. It knows no context.
func Backwards(q *Query, stores ...*Store) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		var sources []source
		for _, s := range stores {
			for _, a := range s.apps(q) {
				sources = append(sources, &backward{q: q, app: a})
			}
		}
		merge(q, sources, true, yield)
	}
}

// Last are the last n, the first of them first. Their Texts stay valid.
func Last(q *Query, n int, stores ...*Store) []Line {
	var lines []Line
	if n <= 0 {
		return nil
	}
	if q.context() { // which is told from the lines before
		for l := range Lines(q, stores...) {
			l.Text = slices.Clone(l.Text)
			if lines = append(lines, l); len(lines)-n >= n { // not 2*n: n may be all there can be
				lines = append(lines[:0], lines[len(lines)-n:]...)
			}
		}
		return lines[max(0, len(lines)-n):]
	}
	for l := range Backwards(q, stores...) {
		if lines = append(lines, l); len(lines) == n {
			break
		}
	}
	slices.Reverse(lines)
	return lines
}

// source is one app's lines, in one direction.
type source interface {
	next(*Line) bool
	close()
}

// merge yields the lines of all by time; those of one time in the order of the sources, or against it.
func merge(q *Query, sources []source, backwards bool, yield func(Line) bool) {
	defer func() {
		for _, s := range sources {
			s.close()
		}
	}()
	if err := Guarded(func() { m := newMerger(sources, backwards); m.run(yield) }); err != nil {
		q.warn(err)
	}
}

type merger struct {
	heads     []head // sorted: the next one is the first
	backwards bool
}

type head struct {
	order int
	line  Line
	from  source
}

func newMerger(sources []source, backwards bool) *merger {
	m := &merger{backwards: backwards}
	for i, s := range sources {
		h := head{order: i, from: s}
		if s.next(&h.line) {
			m.heads = append(m.heads, h)
		}
	}
	slices.SortFunc(m.heads, func(a, b head) int {
		if m.before(&a, &b) {
			return -1
		}
		return 1
	})
	return m
}

func (m *merger) before(a, b *head) bool {
	switch {
	case m.backwards && a.line.At != b.line.At:
		return a.line.At > b.line.At
	case m.backwards:
		return a.order > b.order
	case a.line.At != b.line.At:
		return a.line.At < b.line.At
	}
	return a.order < b.order
}

func (m *merger) run(yield func(Line) bool) {
	for len(m.heads) > 0 {
		h := &m.heads[0]
		if !yield(h.line) {
			return
		}
		if !h.from.next(&h.line) {
			m.heads = m.heads[1:]
			continue
		}
		if len(m.heads) > 1 && !m.before(h, &m.heads[1]) {
			m.sift()
		}
	}
}

// sift moves the first to where it belongs. There are as many as apps: few.
func (m *merger) sift() {
	first := m.heads[0]
	n := sort.Search(len(m.heads)-1, func(i int) bool { return m.before(&first, &m.heads[i+1]) })
	copy(m.heads, m.heads[1:n+1])
	m.heads[n] = first
}

// forward reads an app's segments from the first to the last.
type forward struct {
	q    *Query
	app  app
	d    *data
	scan *scan
}

func forwards(q *Query, a app) source {
	since, _ := q.interval()
	a.from(since)
	f := &forward{q: q, app: a}
	if q.context() {
		return &contexts{q: q, from: f}
	}
	return f
}

func (f *forward) next(l *Line) bool {
	_, ok := f.step(l)
	return ok
}

func (f *forward) step(l *Line) (asked, ok bool) {
	for {
		if f.scan != nil {
			if asked, ok = f.scan.next(l); ok {
				return asked, true
			}
			f.close()
		}
		if len(f.app.list) == 0 {
			return false, false
		}
		f.d = f.q.open(&f.app, f.app.list[0])
		f.app.list = f.app.list[1:]
		if f.d != nil {
			begin, end := f.d.between(f.q.interval())
			f.scan = newScan(f.q, &f.app, f.d, begin, end)
		}
	}
}

// close leaves the segment. Its memory is somebody's own where there is context: lines of it are still to be shown.
func (f *forward) close() {
	if f.d != nil && !f.q.context() {
		f.d.close()
	}
	f.d, f.scan = nil, nil
}

// open opens a segment; nil: it cannot be read, which is told, or has been rotated away.
func (q *Query) open(a *app, s segment.Segment) *data {
	d, err := a.open(s)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			q.warn(err)
		}
		return nil
	}
	q.warn(d.missing)
	return d
}

// backward reads an app's segments from the last to the first, by blocks that are scanned forwards.
type backward struct {
	q       *Query
	app     app
	d       *data
	scan    *scan
	low, hi int64 // what is left of d
	block   int64 // how much to look at at a time, in bytes
	lines   []Line
}

func (b *backward) next(l *Line) bool {
	for len(b.lines) == 0 {
		if b.hi <= b.low && !b.open() {
			return false
		}
		b.read()
	}
	*l = b.lines[len(b.lines)-1]
	b.lines = b.lines[:len(b.lines)-1]
	return true
}

// open goes to the segment before that has something of the time in it.
func (b *backward) open() bool {
	since, until := b.q.interval()
	for len(b.app.list) > 0 {
		last := len(b.app.list) - 1
		b.d = b.q.open(&b.app, b.app.list[last])
		b.app.list = b.app.list[:last]
		if b.d == nil {
			continue
		}
		if b.low, b.hi = b.d.between(since, until); b.low < b.hi {
			b.scan = newScan(b.q, &b.app, b.d, b.low, b.low)
			b.block = 64 << 10
			return true
		}
		if over := b.d.ranges() > 0 && b.d.rangeAt(b.d.ranges()-1).Time < since; over {
			b.app.list = nil
		}
		b.d.close()
	}
	return false
}

// read scans the last block of what is left, from the beginning of a line on.
func (b *backward) read() {
	const most = 4 << 20
	begin := b.low
	if b.hi-b.low > b.block {
		part := b.d.log[b.low : b.hi-b.block]
		begin += int64(bytes.LastIndexByte(part, '\n') + 1)
	}
	b.scan.part(begin, b.hi)
	var l Line
	for {
		if _, ok := b.scan.next(&l); !ok {
			break
		}
		b.lines = append(b.lines, l)
	}
	b.hi = begin
	b.block = min(2*b.block, most)
}

// close keeps the memory: the lines stay valid.
func (b *backward) close() {}
