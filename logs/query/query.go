// Package query answers questions about logs: which lines a worker wrote since a time, in which stream, matching what. It
// reads the segments that package logs writes (their format is package logs/segment's) from the files themselves, so PID 1
// has no part in an answer and is not slowed by one. It is linked into goinitctl alone.
//
// A Store is a directory of apps. Lines of several apps, and of several stores, are merged in the order of their times;
// within an app they are in the order in which they are kept, which is that in which they were read. A segment is mapped
// into memory (a compressed one is unpacked), its index finds where a time begins, and a Pattern is looked for in all of it at
// once: the bounds of a line matter only around a hit.
//
// No byte of a file is believed. An index that is torn, a segment that is cut off or gone while it is read and one that
// unpacks to more than it should be cost what they hold, are told to Warn, and do not keep the rest from being read.
package query

import (
	"math"
	"time"
)

// Query says which lines.
type Query struct {
	Stream Stream
	Since  time.Time // zero: from the first on
	Until  time.Time // included; zero: no end

	Match  *Pattern // nil: all
	Invert bool     // those that do not match
	Before int      // how many lines of the same app to show before one that is asked for,
	After  int      // and after it. What the rest of the Query leaves out is not shown either

	Warn func(error) // told what could not be read, and is missing in the answer; nil: nobody is
}

// Target is a worker, or with WholeApp all of an app's.
type Target struct {
	App  string
	Slot int
}

// WholeApp is a Target's Slot.
const WholeApp = -1

// Stream is a worker's output.
type Stream int

const (
	Both Stream = iota
	Stdout
	Stderr
)

// Line is a line, or a piece of one that was too long. Text is valid until the next line is asked for, unless the answer
// says otherwise.
type Line struct {
	Store   string // the name of the Store
	App     string
	Slot    int    // of its worker; Unknown if nobody knows
	At      int64  // when it was read, in nanoseconds since 1970. Lines that were read at once have one time
	Text    []byte // without its newline
	Stderr  bool
	Partial bool // its newline is not the worker's: the line goes on in the next piece, or its worker ended without one
	Note    bool // goinit's own words about a gap
	Skipped bool // with Before or After: there are lines of this app between the one before and this
}

// Unknown is the slot of a Line whose index was lost.
const Unknown = -1

func (q *Query) context() bool { return q.Before > 0 || q.After > 0 }

func (q *Query) warn(err error) {
	if q.Warn != nil && err != nil {
		q.Warn(err)
	}
}

// interval is Since and Until as an index has them; math.MinInt64 and MaxInt64 where there are none.
func (q *Query) interval() (since, until int64) {
	since, until = math.MinInt64, math.MaxInt64
	if !q.Since.IsZero() {
		since = nanoseconds(q.Since)
	}
	if !q.Until.IsZero() {
		until = nanoseconds(q.Until)
	}
	return since, until
}

// nanoseconds since 1970, or the end of what can be told so (the years 1678 and 2262).
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}
