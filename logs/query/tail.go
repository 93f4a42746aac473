package query

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// LostError says that segments were removed before a Follower came to them.
type LostError struct {
	App         string
	First, Last int
}

func (e *LostError) Error() string {
	what := fmt.Sprintf("segment %d", e.First)
	if e.Last > e.First {
		what = fmt.Sprintf("segments %d to %d", e.First, e.Last)
	}
	return fmt.Sprintf("%s of %s went before this reader came to it: it is slower than the app writes\n  keep more: logs: {max_size: ..., max_files: ...}", what, e.App)
}

// tail is the end of an app's logs. It is a source that runs dry and goes on later: in each pass it looks once at what is
// new in its segment, and at each newer one that was listed.
type tail struct {
	q      *Query
	app    app
	source source // itself, or with context around it

	inode  uint64 // of the directory
	number int    // of the segment; 0: none yet
	newer  []segment.Segment

	log, idx *os.File
	pos      int64 // what is behind it is still to be shown
	index    []byte
	records  segment.Records
	size     int64 // of the log, when it was looked at
	age      int   // for how many ticks it has been so

	looked  bool // in this pass
	closed  bool // there is a newer one, and this has been read to its end
	orphans bool // data without a record counts: none is to be expected any more

	d    *data // what scan is in
	scan *scan
}

// lines is the source that a query asks for.
func (t *tail) lines() source {
	if t.q.context() {
		return &contexts{q: t.q, from: t, copies: true}
	}
	return t
}

func (t *tail) next(l *Line) bool {
	_, ok := t.step(l)
	return ok
}

func (t *tail) step(l *Line) (asked, ok bool) {
	for {
		if t.scan != nil {
			if asked, ok = t.scan.next(l); ok {
				return asked, true
			}
			t.pos = t.scan.end
			t.close()
		}
		switch {
		case !t.looked:
			t.looked = true
			t.look(false)
		case len(t.newer) == 0:
			return false, false
		case t.number > 0 && !t.closed:
			t.closed = true
			t.look(true)
		default:
			t.enter(t.newer[0])
		}
	}
}

// close leaves what was looked at; not the segment.
func (t *tail) close() {
	if t.d != nil {
		t.d.close()
	}
	t.d, t.scan = nil, nil
}

// skip goes to where the app ends now.
func (t *tail) skip() {
	t.list()
	if len(t.newer) == 0 {
		return
	}
	t.newer = t.newer[len(t.newer)-1:]
	t.enter(t.newer[0])
	switch {
	case t.log != nil:
		t.measure()
		t.pos = t.records.End()
	case t.d != nil:
		t.pos = int64(len(t.d.log))
		t.close()
	}
}

// list looks for newer segments. A directory that is another one, or has begun again, is read from its beginning.
func (t *tail) list() {
	var st unix.Stat_t
	if t.app.handed == nil && unix.Stat(t.app.dir, &st) != nil {
		return
	}
	all, err := t.app.segments()
	if err != nil {
		t.q.warn(err)
		return
	}
	if last := len(all) - 1; t.inode != 0 && t.inode != st.Ino || last >= 0 && all[last].Number < t.number {
		t.leave()
		t.number = 0
	}
	t.inode = st.Ino
	t.newer = t.newer[:0]
	for _, s := range all {
		if s.Number > t.number {
			t.newer = append(t.newer, s)
		}
	}
}

// enter goes to the next segment. That it has gone already, or those before it, is told.
func (t *tail) enter(s segment.Segment) {
	t.leave()
	if t.number > 0 && s.Number > t.number+1 {
		t.q.warn(&LostError{t.app.name, t.number + 1, s.Number - 1})
	}
	t.newer = t.newer[1:]
	t.number = s.Number
	if t.app.handed != nil {
		t.app.handed.forget(t.app.name, t.number)
	}
	log, err := t.app.file(s.Number, segment.Log)
	switch {
	case err == nil:
		t.log = log
		return
	case errors.Is(err, fs.ErrNotExist): // compressed by now
		if t.d, err = t.app.open(s); err == nil {
			t.q.warn(t.d.missing)
			t.looked, t.closed = true, true
			t.look(true)
			return
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = &LostError{t.app.name, s.Number, s.Number}
	}
	t.q.warn(err)
}

// leave closes the segment.
func (t *tail) leave() {
	t.close()
	for _, f := range []*os.File{t.log, t.idx} {
		if f != nil {
			f.Close()
		}
	}
	t.log, t.idx, t.pos, t.size, t.age = nil, nil, 0, 0, 0
	t.index, t.records = nil, segment.Records{}
	t.looked, t.closed = false, false
}

// look begins a scan of what is new, if anything is; with all, of data without a record as well.
func (t *tail) look(all bool) {
	if t.d == nil && (t.log == nil || !t.load(all)) {
		return
	}
	begin, end := t.d.between(t.q.interval())
	begin = max(begin, t.pos)
	t.scan = newScan(t.q, &t.app, t.d, begin, max(begin, end))
}

// load maps the log as far as it is to be shown; false: there is nothing new.
func (t *tail) load(all bool) bool {
	st := t.measure()
	if st == nil {
		return false
	}
	end := t.records.End()
	if all || t.orphans {
		end = max(end, t.size)
	}
	if end <= t.pos {
		return false
	}
	b, err := unix.Mmap(int(t.log.Fd()), 0, int(end), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.q.warn(fmt.Errorf("cannot map %s: %w", t.log.Name(), err))
		return false
	}
	if end > t.records.End() && !all { // a line may be in the middle of being written
		end = t.pos + int64(bytes.LastIndexByte(b[t.pos:], '\n')) + 1
	}
	t.d = &data{number: t.number, log: b[:end], unmap: b}
	t.d.index(t.records, st.ModTime().UnixNano())
	return true
}

// measure reads what has come to the index, and then how long the log is: data is written before its record.
func (t *tail) measure() os.FileInfo {
	if t.idx == nil {
		t.idx, _ = t.app.file(t.number, segment.Index)
	}
	if t.idx != nil {
		var err error
		if t.index, err = appendRest(t.index, t.idx); err != nil {
			t.q.warn(err)
		}
	}
	st, err := t.log.Stat()
	if err != nil {
		t.q.warn(err)
		return nil
	}
	if size := min(st.Size(), segment.MaxEnd); size != t.size {
		t.size, t.age = size, 0
	}
	t.records = t.records.More(t.index, t.size)
	return st
}

// appendRest appends what a file has behind the first len(b) bytes.
func appendRest(b []byte, f *os.File) ([]byte, error) {
	for {
		if cap(b)-len(b) < 4096 {
			b = append(make([]byte, 0, 2*cap(b)+16<<10), b...)
		}
		n, err := f.ReadAt(b[len(b):cap(b)], int64(len(b)))
		b = b[:len(b)+n]
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return b, err
		}
	}
}
