package query

import (
	"bytes"
	"slices"
	"time"
)

// Count is how many lines there are; goinit's own notes are none.
func Count(q *Query, stores ...*Store) int64 {
	var n int64
	tally(q, func(_, lines int64) { n += lines }, stores...)
	return n
}

// Bar is how many lines came in a part of time.
type Bar struct {
	At    time.Time // when it begins
	Lines int64
}

// Histogram counts the lines in parts of time of one width, which begin at multiples of it since 1970, shifted by the zone's
// offset from UTC: so a day is a day. It tells the parts from the first to the last that has lines, except those that are
// empty.
func Histogram(q *Query, width time.Duration, zone *time.Location, stores ...*Store) []Bar {
	w := int64(width)
	parts := make(map[int64]int64)
	var first, lines int64 // of the part that is being counted
	add := func() {
		if lines > 0 {
			parts[first] += lines
		}
		lines = 0
	}
	tally(q, func(t, n int64) {
		if lines == 0 || t < first || t >= first+w {
			add()
			first = beginning(t, w, zone)
		}
		lines += n
	}, stores...)
	add()
	return bars(parts)
}

func beginning(at, width int64, zone *time.Location) int64 {
	_, seconds := time.Unix(0, at).In(zone).Zone()
	offset := int64(seconds) * int64(time.Second)
	into := (at + offset) % width
	if into < 0 {
		into += width
	}
	return at - into
}

func bars(parts map[int64]int64) []Bar {
	all := make([]Bar, 0, len(parts))
	for at, lines := range parts {
		all = append(all, Bar{time.Unix(0, at), lines})
	}
	slices.SortFunc(all, func(a, b Bar) int { return a.At.Compare(b.At) })
	return all
}

// tally tells how many lines there are at a time. Without a pattern only newlines are counted.
func tally(q *Query, add func(at, lines int64), stores ...*Store) {
	plain := *q
	plain.Before, plain.After = 0, 0 // neighbours are not counted
	since, until := q.interval()
	for _, s := range stores {
		for _, a := range s.apps(&plain) {
			a.from(since)
			if err := Guarded(func() { a.tally(&plain, since, until, add) }); err != nil {
				q.warn(err)
			}
		}
	}
}

func (a *app) tally(q *Query, since, until int64, add func(at, lines int64)) {
	for _, s := range a.list {
		d := q.open(a, s)
		if d == nil {
			continue
		}
		begin, end := d.between(since, until)
		if q.Match == nil {
			a.tallyRanges(q, d, begin, end, add)
		} else {
			var l Line
			for scan := newScan(q, a, d, begin, end); ; {
				if _, ok := scan.next(&l); !ok {
					break
				}
				if !l.Note {
					add(l.At, 1)
				}
			}
		}
		d.close()
	}
}

func (a *app) tallyRanges(q *Query, d *data, begin, end int64, add func(at, lines int64)) {
	for i := d.records.Find(begin); i < d.ranges() && begin < end; i++ {
		r := d.rangeAt(i)
		stop := min(r.End, end)
		part := d.log[begin:stop]
		begin = stop
		if r.Note || len(part) == 0 || !q.wants(a, r.Record) {
			continue
		}
		n := int64(bytes.Count(part, []byte{'\n'}))
		if part[len(part)-1] != '\n' {
			n++
		}
		add(r.Time, n)
	}
}
