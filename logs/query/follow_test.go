package query

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// following is a Follower that runs.
type following struct {
	t      *testing.T
	f      *Follower
	before []string // what Stores had
	lines  chan string
	stop   context.CancelFunc
	done   chan error

	mu     sync.Mutex
	warned []error
}

func follow(t *testing.T, q *Query, set func(*Follower), stores ...*Store) *following {
	r := &following{t: t, lines: make(chan string, 1<<20), done: make(chan error, 1)}
	q.Warn = func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.warned = append(r.warned, err)
	}
	r.f = NewFollower(q, stores...)
	if set != nil {
		set(r.f)
	}
	r.before = texts(Lines(q, r.f.Stores()...))
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() {
		defer close(r.done)
		r.done <- r.f.Run(ctx, func(l Line) error { r.lines <- show(l); return nil }, func() error { return nil })
	}()
	t.Cleanup(func() {
		cancel()
		for range r.done { // it has ended
		}
		r.f.Close()
	})
	return r
}

// expect waits for lines, which are the next ones.
func (r *following) expect(want ...string) {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for _, w := range want {
		select {
		case got := <-r.lines:
			if got != w {
				r.t.Fatalf("%q, wanted %q", got, w)
			}
		case <-deadline:
			r.t.Fatalf("%q did not come", w)
		}
	}
}

// rest ends it and returns what came last.
func (r *following) rest() (lines []string) {
	r.t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		r.t.Fatal(err)
	}
	close(r.lines)
	for l := range r.lines {
		lines = append(lines, l)
	}
	return lines
}

func (r *following) warnings() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.warned)
}

func TestFollow(t *testing.T) {
	b := newBed(t)
	web := b.app("web")
	web.write(1, 0, "one\n")
	r := follow(t, &Query{}, nil, b.store())
	wantLines(t, r.before, "1 web/0 one")

	web.write(2, 0, "two\nthree\n")
	r.expect("2 web/0 two", "2 web/0 three")
	web.rotate()
	web.write(3, 1, "four\n")
	r.expect("3 web/1 four")

	db := b.app("db") // an app that appears later
	db.write(4, 0, "five\n")
	r.expect("4 db/0 five")

	web.rotate()
	web.write(5, 0, "six\n")
	web.rotate()
	web.write(6, 0, "seven\n")
	r.expect("5 web/0 six", "6 web/0 seven")

	web.data("eight\n") // without a record, when all ends
	if got := r.rest(); len(got) != 1 || !strings.HasSuffix(got[0], "web/-1 eight") {
		t.Errorf("at the end: %q", got)
	}
	if r.warned != nil {
		t.Error("warned:", r.warnings())
	}
}

// Data waits for its record; when none comes, it is shown without.
func TestFollowWithoutRecord(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	w.data("found\n")
	r := follow(t, &Query{}, func(f *Follower) { f.tick = time.Millisecond; f.patient = 1 << 30 }, b.store())
	if len(r.before) != 0 {
		t.Errorf("before it had a record: %q", r.before)
	}
	w.record(segment.Record{Time: at(1).UnixNano(), Slot: 3})
	r.expect("1 web/3 found")
	w.data("closed\n") // its goinit has died, and the next one begins a new segment
	w.rotate()
	w.write(1<<31, 0, "next\n")
	for _, want := range []string{"web/-1 closed", "web/0 next"} {
		if got := <-r.lines; !strings.HasSuffix(got, want) {
			t.Errorf("%q, wanted %q", got, want)
		}
	}
	r.rest()

	r = follow(t, &Query{}, func(f *Follower) { f.tick = time.Millisecond; f.patient = 2 }, b.store())
	w.data("alone\nin the midd")
	if got := <-r.lines; !strings.HasSuffix(got, "web/-1 alone") {
		t.Errorf("%q", got)
	}
	w.data("le\n")
	if got := <-r.lines; !strings.HasSuffix(got, "in the middle") {
		t.Errorf("%q", got)
	}
	w.end += int64(len("with one\n")) // its record first, or two ticks may pass between them
	w.record(segment.Record{Time: at(1 << 31).UnixNano(), Slot: 0})
	w.end -= int64(len("with one\n"))
	w.data("with one\n")
	r.expect(fmt.Sprintf("%d web/0 with one", 1<<31))
}

func TestFollowFilters(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	s := b.store()
	s.Targets = []Target{{"web", 0}}
	r := follow(t, &Query{Match: mustCompile(t, "x", false), Before: 1}, nil, s)
	for i := range 6 {
		w.write(i, 0, fmt.Sprintf("line %d\n", i))
		w.write(i, 1, "x of another\n")
	}
	w.write(7, 0, "x\n")
	r.expect("5 web/0 line 5", "7 web/0 x")
}

// Segments that are compressed before the follower comes to them are read; those that are gone are told.
func TestFollowSlowly(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	w.write(0, 0, "zero\n")
	q := &Query{}
	var warned []error
	q.Warn = func(err error) { warned = append(warned, err) }
	f := NewFollower(q, b.store())
	defer f.Close()
	for i := 1; i <= 4; i++ {
		w.rotate()
		w.write(i, 0, fmt.Sprintf("line %d\n", i))
	}
	w.compress(3)
	if err := os.Remove(w.path(2, segment.Log)); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := f.pass(everything, false, func(l Line) error { got = append(got, show(l)); return nil }); err != nil {
		t.Fatal(err)
	}
	wantLines(t, got, "2 web/0 line 2", "3 web/0 line 3", "4 web/0 line 4")
	if !strings.Contains(fmt.Sprint(warned), "segment 2 of web went before") {
		t.Error("warned:", warned)
	}
}

// A directory that is removed and made anew is followed from its beginning.
func TestFollowRemoved(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	w.write(0, 0, "zero\n")
	w.rotate()
	r := follow(t, &Query{}, func(f *Follower) { f.tick = time.Millisecond }, b.store())
	if err := os.RemoveAll(b.dir); err != nil {
		t.Fatal(err)
	}
	w = b.app("web")
	w.write(5, 0, "again\n")
	r.expect("5 web/0 again")
	w.write(6, 0, "and more\n")
	r.expect("6 web/0 and more")
}

// Descriptors that are handed over are followed as files are.
func TestFollowHanded(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	s, handed := NewHanded("", "goinit's memory")
	defer handed.Close()
	hand := func(number int) {
		log, err1 := os.Open(w.path(number, segment.Log))
		idx, err2 := os.Open(w.path(number, segment.Index))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		handed.Add("web", number, false, dup(t, log), dup(t, idx))
	}
	hand(1)
	w.write(1, 0, "one\n")
	r := follow(t, &Query{}, nil, s)
	wantLines(t, r.before, "1 web/0 one")
	w.write(2, 0, "two\n")
	r.expect("2 web/0 two")
	w.rotate()
	hand(2)
	w.write(3, 0, "three\n")
	r.expect("3 web/0 three")
	wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), s)), "3 web/0 three") // the first was forgotten
}

// A million lines of a writer that rotates and of readers: each is seen exactly once, in order.
func TestExactlyOnce(t *testing.T) {
	const apps, workers, lines = 2, 5, 100_000 // of each worker
	b := newBed(t)
	writers := make([]*writer, apps)
	for i := range writers {
		writers[i] = b.app(fmt.Sprintf("app-%d", i))
	}
	q := &Query{Warn: func(err error) { t.Error("warned:", err) }}
	f := NewFollower(q, b.store())
	defer f.Close()
	f.patient = 1 << 30
	var wg sync.WaitGroup
	for a, w := range writers {
		wg.Go(func() {
			for i := 0; i < lines; {
				n := min(1+i*7%97, lines-i)
				for slot := range workers {
					var text []byte
					for j := range n {
						text = append(numbered(text, a, slot, i+j), '\n')
					}
					w.write(i, slot, string(text))
				}
				if i += n; w.end > 1<<20 {
					w.rotate()
				}
			}
		})
	}
	var next [apps][workers]int
	var want []byte
	check := func(l Line) error {
		a := int(l.App[len(l.App)-1] - '0')
		want = numbered(want[:0], a, l.Slot, next[a][l.Slot])
		if !bytes.Equal(l.Text, want) {
			return fmt.Errorf("%s: wanted %q", show(l), want)
		}
		next[a][l.Slot]++
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	total := 0
	err := f.Run(ctx, func(l Line) error {
		if total++; total == apps*workers*lines {
			stop()
		}
		return check(l)
	}, func() error { return nil })
	wg.Wait()
	if err != nil || total != apps*workers*lines {
		t.Fatalf("followed %d lines: %v", total, err)
	}
	next = [apps][workers]int{}
	last := int64(0)
	for l := range Lines(q, b.store()) {
		if err := check(l); err != nil || l.At < last {
			t.Fatal("read:", err, l.At, last)
		}
		last = l.At
	}
	if n := Count(q, b.store()); next[0][0] != lines || next[apps-1][workers-1] != lines || n != apps*workers*lines {
		t.Errorf("read %v, counted %d", next, n)
	}
}

func numbered(b []byte, numbers ...int) []byte {
	for _, n := range numbers {
		b = append(strconv.AppendInt(b, int64(n), 10), ' ')
	}
	return b
}

// FuzzQuery reads what may be in files: nothing makes it fail, and it shows no more than there is.
func FuzzQuery(f *testing.F) {
	r := segment.Record{Time: 1, End: 4, Slot: 1}
	good := r.Append(nil)
	r.Time, r.End, r.Partial, r.Stderr = 2, 9, true, true
	good = r.Append(good)
	f.Add([]byte("one\ntwo!\nrest"), good, []byte("zst"), "t", int64(0), int64(5))
	f.Add([]byte("\n\n\n"), good[:20], []byte{0x28, 0xb5, 0x2f, 0xfd}, ".", int64(1), int64(1))
	f.Add([]byte{}, []byte{}, []byte{}, "", int64(-1), int64(1<<62))
	f.Fuzz(func(t *testing.T, log, idx, packed []byte, expression string, since, until int64) {
		dir := t.TempDir()
		app := filepath.Join(dir, "web")
		if err := os.Mkdir(app, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{
			segment.Name(1, segment.Compressed): packed, segment.Name(1, segment.Index): idx,
			segment.Name(2, segment.Log): log, segment.Name(2, segment.Index): idx,
		} {
			if err := os.WriteFile(filepath.Join(app, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		all := 0
		for l := range Lines(&Query{}, s) {
			all += len(l.Text) + 1
		}
		if all < len(log) { // what is in the packed one comes to it
			t.Errorf("%d of %d bytes", all, len(log))
		}
		q := &Query{Since: time.Unix(0, since), Until: time.Unix(0, until), Before: int(since & 3)}
		if len(expression) < 20 {
			q.Match, _ = Compile(expression, since&4 != 0)
		}
		n := 0
		for range Lines(q, s) {
			n++
		}
		if q.Before = 0; q.Match == nil {
			back := 0
			for range Backwards(q, s) {
				back++
			}
			if back != n {
				t.Errorf("%d lines, %d backwards", n, back)
			}
		}
		_ = Last(q, 3, s)
		_ = Count(q, s)
		follower := NewFollower(q, s)
		defer follower.Close()
		if err := follower.pass(everything, true, func(Line) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}
func dup(t *testing.T, f *os.File) int {
	t.Helper()
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
