package store

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"goinit/logs/segment"

	"golang.org/x/sys/unix"
)

// appLog is an app's segments, and the open one of them. It is the writer's.
type appLog struct {
	store *Store
	app   string
	owner *App // nil: nobody has written since the start; what is there is from before

	closed []closed // the oldest first
	last   int64    // the time of the last record
	next   int      // the number of the next segment

	open    bool
	number  int
	data    int // descriptors
	index   int
	size    int64 // of the .log, pieces of entries included
	ended   int64 // where the last record ends
	begun   int64 // the time of the first record
	indexed int64 // bytes of the .idx in the file
	pending []byte
	checked int64 // the .log was in its directory when it had this size; what comes behind has its record in pending
	flushed time.Time

	unsaid  entry
	vectors []unix.Iovec
}

// closed is a segment that does not change any more.
type closed struct {
	number     int
	bytes      int64
	last       int64 // the time of its last record
	compressed bool
}

func (s *Store) log(a *App) *appLog {
	l := s.logs[a.name]
	if l == nil {
		l = &appLog{store: s, app: a.name, next: 1}
		s.logs[a.name] = l
	}
	l.owner = a
	return l
}

func (a *appLog) limits() Limits {
	if a.owner == nil {
		return Limits{MaxSize: 8 << 20, MaxFiles: 4}
	}
	return *a.owner.limits.Load()
}

// maxSize is how large a .log may become: what all may have leaves room for two of each app that writes now.
func (a *appLog) maxSize() int64 {
	size := a.limits().MaxSize
	if fair := a.store.maxTotal() / 8; size > fair {
		size = fair
	}
	return size
}

const (
	mostVectors = 256 // of the 1024 that writev(2) takes
	mostPending = 16 * flushBytes
)

var newline = []byte{'\n'}

// append writes entry i of a batch and what follows it in its chain, as far as one write reaches, and returns the first
// entry that is not written, or not whole.
func (a *appLog) append(b *Batch, i int) (next int, err error) {
	if err := a.say(); err != nil {
		return i, err
	}
	room, err := a.room(b.entries[i])
	if err != nil {
		return i, err
	}
	if e := &b.entries[i]; room < int64(len(e.text)) && !e.record.Partial {
		// What fits, up to the end of a line, goes to this segment and the rest to the next.
		if end := int64(bytes.LastIndexByte(e.text[:room], '\n') + 1); end > 0 {
			head := entry{text: e.text[:end], record: e.record, next: -1}
			err = a.one(&head)
			e.text = e.text[end-int64(len(head.text)):]
			return i, err
		}
		if a.size > 0 {
			return i, a.rotate()
		}
		// A line that is longer than a segment may be has one of its own.
		if end := bytes.IndexByte(e.text, '\n') + 1; end < len(e.text) {
			head := entry{text: e.text[:end], record: e.record, next: -1}
			err = a.one(&head)
			e.text = e.text[end-len(head.text):]
			return i, err
		}
		room = int64(len(e.text))
	}
	a.vectors = a.vectors[:0]
	total := 0
	for k := i; k >= 0 && len(a.vectors) < mostVectors-2; k = b.entries[k].next {
		e := &b.entries[k]
		if k != i && (int64(total+len(e.text)+1) > room || e.dropped > 0 || e.limited > 0) {
			break
		}
		total += a.vector(e)
	}
	n, err := a.writev()
	for k := i; ; k = b.entries[k].next {
		e := &b.entries[k]
		if n = a.took(e, n); len(e.text) > 0 || e.newline {
			return k, err
		}
		if n == 0 || e.next < 0 {
			return e.next, err
		}
	}
}

// one writes what it can of one entry.
func (a *appLog) one(e *entry) error {
	a.vectors = a.vectors[:0]
	a.vector(e)
	n, err := a.writev()
	a.took(e, n)
	return err
}

// vector adds an entry to what is to be written, and returns its length.
func (a *appLog) vector(e *entry) int {
	n := len(e.text)
	if n > 0 {
		a.vectors = append(a.vectors, vectorOf(e.text))
	}
	if e.newline {
		a.vectors = append(a.vectors, vectorOf(newline))
		n++
	}
	return n
}

func vectorOf(b []byte) unix.Iovec {
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	return v
}

// took notes that so many bytes of an entry, and of what follows it, are written, and returns how many of those are not its.
func (a *appLog) took(e *entry, n int) (rest int) {
	k := min(n, len(e.text))
	e.text, n, a.size = e.text[k:], n-k, a.size+int64(k)
	if len(e.text) > 0 {
		return n
	}
	if e.newline {
		if n == 0 {
			return 0
		}
		e.newline = false
		n--
		a.size++
	}
	a.record(e.record)
	return n
}

// record adds the record of what was written since the last.
func (a *appLog) record(r segment.Record) {
	if a.size <= a.ended {
		return
	}
	a.last = max(a.last, r.Time)
	r.Time, r.End = a.last, a.size
	if a.begun == 0 {
		a.begun = r.Time
	}
	a.ended = a.size
	a.pending = r.Append(a.pending)
	a.store.total += segment.RecordSize
	if len(a.pending) >= flushBytes {
		_ = a.flush() // tried again with the next
		return
	}
	if len(a.store.dirty) == 0 {
		a.store.due = a.flushed.Add(flushDelay) // at once, after a while of quiet
	}
	a.store.dirty[a] = struct{}{}
}

// writev writes the vectors at the end of the file. A signal does not interrupt a write to a file.
func (a *appLog) writev() (int, error) {
	n, err := writevFile(a.data, a.vectors, a.size)
	clear(a.vectors)
	if a.owner != nil {
		a.owner.ends.Store(a.size + int64(n))
	}
	if n == 0 && err == nil {
		err = unix.ENOSPC
	}
	a.store.queue.progress()
	a.store.total += int64(n)
	a.store.stats.written.Add(uint64(n))
	return n, err
}

// room is how much may be added to the open segment, of which there is one afterwards.
func (a *appLog) room(e entry) (int64, error) {
	if a.open && a.size > a.ended { // in the middle of an entry
		return math.MaxInt64, nil
	}
	if len(a.pending) >= mostPending {
		if err := a.flush(); err != nil {
			return 0, err
		}
	}
	most := a.maxSize()
	if a.open && (a.size >= most || a.indexed+int64(len(a.pending)) >= max(most/4, flushBytes) || e.record.Partial && a.size > 0 && a.size+int64(len(e.text)) >= most) {
		if err := a.rotate(); err != nil {
			return 0, err
		}
	}
	if !a.open {
		if err := a.begin(); err != nil {
			return 0, err
		}
	}
	return most - a.size, nil
}

// begin opens a new segment.
func (a *appLog) begin() error {
	data, index, err := a.create()
	if err != nil {
		return err
	}
	a.open, a.number, a.data, a.index = true, a.next, data, index
	a.next++
	a.size, a.ended, a.begun, a.indexed, a.checked = 0, 0, 0, 0, 0
	a.pending = a.pending[:0]
	a.store.bound(a)
	a.store.began(a)
	return nil
}

// create makes the files of segment next. Names that somebody else has taken are left to him.
func (a *appLog) create() (data, index int, err error) {
	for range 16 {
		if a.next > segment.MaxNumber {
			return -1, -1, unix.EOVERFLOW
		}
		if data, index, err = a.store.place.create(a.app, a.next); err != unix.EEXIST {
			break
		}
		a.next++
	}
	return data, index, err
}

// rotate closes the open segment, at the end of a record.
func (a *appLog) rotate() error {
	if err := a.flush(); err != nil {
		return err
	}
	if !a.open {
		return nil
	}
	a.shut()
	if a.size == 0 {
		a.store.drop(a, a.number, a.indexed)
		return nil
	}
	a.closed = append(a.closed, closed{number: a.number, bytes: a.size + a.indexed, last: a.last})
	a.store.compress(a, a.number)
	a.store.age(a)
	return nil
}

func (a *appLog) shut() {
	a.open = false
	a.store.place.closed(a.data, a.index)
}

// close is for the end.
func (a *appLog) close() {
	if a.open {
		a.shut()
	}
}

// flush writes the records that are in memory, and sees to it that the segment is still where its readers look for it.
func (a *appLog) flush() error {
	if !a.open {
		return nil
	}
	a.flushed = time.Now()
	if !a.store.place.there(a.app, a.number, a.data) {
		if err := a.again(); err != nil {
			return err
		}
	}
	for len(a.pending) > 0 {
		n, err := writeFile(a.index, a.pending, a.indexed)
		a.indexed += int64(n)
		a.pending = a.pending[:copy(a.pending, a.pending[n:])]
		if err != nil {
			return err
		}
	}
	a.checked = a.ended
	return nil
}

// again begins a new segment because somebody has removed the open one, or mounted something over it, with what was written
// to it since it was last seen: that is still there, behind our descriptor.
func (a *appLog) again() error {
	data, index, err := a.create()
	if err != nil {
		return err
	}
	if a.store.place.there(a.app, a.number, a.data) { // something was mounted over it, and is not any more
		a.store.place.closed(data, index)
		a.store.place.remove(a.app, a.next)
		return nil
	}
	said := []byte("goinit: lines lost here: the log up to this line was removed or moved away\n")
	if _, err = writeFile(data, said, 0); err == nil {
		err = copyFile(data, int64(len(said)), a.data, a.checked, a.size)
	}
	if err != nil {
		a.store.place.closed(data, index)
		a.store.place.remove(a.app, a.next)
		return err
	}
	moved := int64(len(said)) - a.checked
	records := segment.Record{Time: a.begun, End: int64(len(said)), Slot: segment.UnknownSlot, Note: true}.Append(nil)
	all := segment.Good(a.pending, -1)
	for i := range all.Len() {
		r := all.At(i).Record
		r.End += moved
		records = r.Append(records)
	}
	a.store.place.closed(a.data, a.index)
	a.store.total += moved + segment.RecordSize - a.indexed
	a.store.dropClosed(a) // what else there was is not there either, or not where we write
	a.data, a.index, a.number = data, index, a.next
	a.next++
	a.size, a.ended, a.checked, a.indexed, a.pending = a.size+moved, a.ended+moved, 0, 0, records
	a.store.began(a)
	return nil
}

// note adds a line of goinit's own.
func (a *appLog) note(text string) error {
	if err := a.say(); err != nil {
		return err
	}
	a.unsaid = entry{text: []byte(text + "\n"), next: -1, record: segment.Record{Time: time.Now().UnixNano(), Slot: segment.UnknownSlot, Note: true}}
	return a.say()
}

// say writes what is not written yet of goinit's own.
func (a *appLog) say() error {
	for len(a.unsaid.text) > 0 {
		if _, err := a.room(a.unsaid); err != nil {
			return err
		}
		if err := a.one(&a.unsaid); err != nil {
			return err
		}
	}
	return nil
}

// thousands writes n as 1,234,567.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
