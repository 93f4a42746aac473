package query

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// bed writes a store as package logs does.
type bed struct {
	t   testing.TB
	dir string
}

func newBed(t testing.TB) *bed { return &bed{t, t.TempDir()} }

// writer writes one app's segments.
type writer struct {
	t        testing.TB
	dir      string
	number   int
	log, idx *os.File
	end      int64
}

func (b *bed) app(name string) *writer {
	w := &writer{t: b.t, dir: filepath.Join(b.dir, name)}
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		b.t.Fatal(err)
	}
	w.rotate()
	b.t.Cleanup(w.close)
	return w
}

func (w *writer) close() {
	if w.log != nil {
		w.log.Close()
		w.idx.Close()
	}
}

func (w *writer) path(number int, k segment.Kind) string {
	return filepath.Join(w.dir, segment.Name(number, k))
}

func (w *writer) rotate() {
	w.close()
	w.number++
	w.end = 0
	var err error
	if w.log, err = os.OpenFile(w.path(w.number, segment.Log), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if w.idx, err = os.OpenFile(w.path(w.number, segment.Index), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// data writes bytes without a record.
func (w *writer) data(text string) {
	if _, err := w.log.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
	w.end += int64(len(text))
}

// record writes the record of all data so far.
func (w *writer) record(r segment.Record) {
	r.End = w.end
	if _, err := w.idx.Write(r.Append(nil)); err != nil {
		w.t.Fatal(err)
	}
}

// write writes text of a worker at a time, in seconds.
func (w *writer) write(at int, slot int, text string) {
	w.data(text)
	w.record(segment.Record{Time: epoch.Add(time.Duration(at) * time.Second).UnixNano(), Slot: uint16(slot)})
}

var epoch = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func at(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }

func (b *bed) store() *Store {
	s, err := Open(b.dir)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func show(l Line) string {
	flags := ""
	for _, f := range []struct {
		on   bool
		flag string
	}{{l.Stderr, "E"}, {l.Partial, "P"}, {l.Note, "N"}, {l.Skipped, "S"}} {
		if f.on {
			flags += f.flag
		}
	}
	return fmt.Sprintf("%d %s/%d%s %s", (l.At-epoch.UnixNano())/1e9, l.App, l.Slot, flags, l.Text)
}

func texts(lines func(func(Line) bool)) (all []string) {
	lines(func(l Line) bool { all = append(all, show(l)); return true })
	return all
}

func mustWarnNot(t testing.TB, q *Query) *Query {
	q.Warn = func(err error) { t.Error("warned:", err) }
	return q
}

func mustCompile(t testing.TB, expression string, fold bool) *Pattern {
	p, err := Compile(expression, fold)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got\n%s\nwanted\n%s", bytes.Join(each(got), []byte("\n")), bytes.Join(each(want), []byte("\n")))
	}
}

func each(s []string) (b [][]byte) {
	for _, s := range s {
		b = append(b, []byte(s))
	}
	return b
}

// twoApps is what most tests ask about.
func twoApps(t testing.TB) *bed {
	b := newBed(t)
	web, db := b.app("web"), b.app("db")
	web.write(1, 0, "GET /1\nGET /2\n")
	db.write(2, 0, "start\n")
	web.write(2, 1, "GET /3\n")
	web.data("oops\n")
	web.record(segment.Record{Time: at(3).UnixNano(), Slot: 1, Stderr: true})
	web.rotate()
	web.write(3, 0, "GET /4\n")
	db.write(4, 0, "stop\n")
	web.write(5, 0, "GET /5\nPOST /6\n")
	return b
}

func TestLines(t *testing.T) {
	b := twoApps(t)
	all := []string{"1 web/0 GET /1", "1 web/0 GET /2", "2 db/0 start", "2 web/1 GET /3", "3 web/1E oops", "3 web/0 GET /4", "4 db/0 stop", "5 web/0 GET /5", "5 web/0 POST /6"}
	for _, c := range []struct {
		name    string
		q       Query
		targets []Target
		want    []string
	}{
		{"all", Query{}, nil, all},
		{"an app", Query{}, []Target{{"db", WholeApp}}, []string{all[2], all[6]}},
		{"a worker", Query{}, []Target{{"web", 1}}, []string{all[3], all[4]}},
		{"both", Query{}, []Target{{"web", 1}, {"db", 0}}, []string{all[2], all[3], all[4], all[6]}},
		{"stderr", Query{Stream: Stderr}, nil, all[4:5]},
		{"stdout", Query{Stream: Stdout}, []Target{{"web", 1}}, all[3:4]},
		{"since", Query{Since: at(3)}, nil, all[4:]},
		{"until", Query{Until: at(2)}, nil, all[:4]},
		{"between", Query{Since: at(2), Until: at(3)}, nil, all[2:6]},
		{"before all", Query{Until: at(0)}, nil, nil},
		{"after all", Query{Since: at(9)}, nil, nil},
		{"literal", Query{Match: mustCompile(t, "GET", false)}, nil, []string{all[0], all[1], all[3], all[5], all[7]}},
		{"expression", Query{Match: mustCompile(t, "^get /[23]$", true)}, nil, []string{all[1], all[3]}},
		{"invert", Query{Match: mustCompile(t, "GET", false), Invert: true}, nil, []string{all[2], all[4], all[6], all[8]}},
		{"literal of a worker", Query{Match: mustCompile(t, "GET", false)}, []Target{{"web", 1}}, all[3:4]},
		{"literal since", Query{Match: mustCompile(t, "GET", false), Since: at(3)}, nil, []string{all[5], all[7]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := b.store()
			s.Targets = c.targets
			q := mustWarnNot(t, &c.q)
			wantLines(t, texts(Lines(q, s)), c.want...)
			got := texts(Backwards(q, s))
			for i := range len(got) / 2 {
				got[i], got[len(got)-1-i] = got[len(got)-1-i], got[i]
			}
			wantLines(t, got, c.want...)
			if n := Count(q, s); n != int64(len(c.want)) {
				t.Errorf("counted %d, wanted %d", n, len(c.want))
			}
			for _, n := range []int{0, 1, 3, 100} {
				var last []string
				for _, l := range Last(q, n, s) {
					last = append(last, show(l))
				}
				wantLines(t, last, c.want[max(0, len(c.want)-n):]...)
			}
		})
	}
}

func TestContext(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	for i := range 10 {
		w.write(i, 0, fmt.Sprintf("line %d\n", i))
		if i%3 == 2 {
			w.rotate()
		}
	}
	for _, c := range []struct {
		before, after int
		match         string
		want          []string
	}{
		{1, 0, "[36]", []string{"2 web/0 line 2", "3 web/0 line 3", "5 web/0S line 5", "6 web/0 line 6"}},
		{0, 1, "[36]", []string{"3 web/0 line 3", "4 web/0 line 4", "6 web/0S line 6", "7 web/0 line 7"}},
		{1, 1, "[36]", []string{"2 web/0 line 2", "3 web/0 line 3", "4 web/0 line 4", "5 web/0 line 5", "6 web/0 line 6", "7 web/0 line 7"}},
		{5, 0, "[28]", []string{"0 web/0 line 0", "1 web/0 line 1", "2 web/0 line 2", "3 web/0 line 3", "4 web/0 line 4", "5 web/0 line 5", "6 web/0 line 6", "7 web/0 line 7", "8 web/0 line 8"}},
		{0, 9, "8", []string{"8 web/0 line 8", "9 web/0 line 9"}},
	} {
		q := mustWarnNot(t, &Query{Match: mustCompile(t, c.match, false), Before: c.before, After: c.after})
		wantLines(t, texts(Lines(q, b.store())), c.want...)
		filter := NewFilter(q)
		var filtered []string
		for l := range Lines(&Query{}, b.store()) {
			for _, l := range filter.Add(l) {
				filtered = append(filtered, show(l))
			}
		}
		wantLines(t, filtered, c.want...)
		var last []string
		for _, l := range Last(q, 2, b.store()) {
			last = append(last, show(l))
		}
		wantLines(t, last, c.want[len(c.want)-2:]...)
	}
}

// What a crash, a disk or somebody's hand can do to the files costs what was in it, and nothing else.
func TestDamaged(t *testing.T) {
	t.Run("data without a record", func(t *testing.T) {
		b := newBed(t)
		w := b.app("web")
		w.write(1, 0, "known\n")
		w.data("lost one\nlost two\ntorn")
		if err := os.Chtimes(w.path(1, segment.Log), at(7), at(7)); err != nil {
			t.Fatal(err)
		}
		all := []string{"1 web/0 known", "7 web/-1 lost one", "7 web/-1 lost two", "7 web/-1P torn"}
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), b.store())), all...)
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{Since: at(2)}), b.store())), all[1:]...)
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{Until: at(6)}), b.store())), all[:1]...)
		s := b.store()
		s.Targets = []Target{{"web", 0}}
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), s)), all[:1]...)
		if n := Count(&Query{}, b.store()); n != 4 {
			t.Errorf("counted %d", n)
		}
	})
	t.Run("data without a record, ahead of lines that wait", func(t *testing.T) {
		b := newBed(t)
		w := b.app("web")
		w.write(1, 0, "known\n")
		w.data("written\ntorn")
		if err := os.Chtimes(w.path(1, segment.Log), at(7), at(7)); err != nil { // as it is tried again
			t.Fatal(err)
		}
		s := b.store()
		s.Waits = true
		waiting := NewMemory("", []Line{{App: "web", At: at(3).UnixNano(), Text: []byte("waits")}})
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), s, waiting)), "1 web/0 known", "1 web/-1 written", "1 web/-1P torn", "3 web/0 waits")
	})
	t.Run("a torn index", func(t *testing.T) {
		b := newBed(t)
		w := b.app("web")
		for i := range 5 {
			w.write(i, i, fmt.Sprintf("line %d\n", i))
		}
		idx, err := os.OpenFile(w.path(1, segment.Index), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer idx.Close()
		if _, err := idx.WriteAt([]byte{0xff, 0xff}, 2*segment.RecordSize+segment.RecordSize-2); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(w.path(1, segment.Log), at(9), at(9)); err != nil {
			t.Fatal(err)
		}
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), b.store())),
			"0 web/0 line 0", "1 web/1 line 1", "9 web/-1 line 2", "9 web/-1 line 3", "9 web/-1 line 4")
	})
	t.Run("no index, no data, strangers", func(t *testing.T) {
		b := newBed(t)
		w := b.app("web")
		w.write(1, 0, "one\n")
		w.rotate()
		w.write(2, 0, "two\n")
		w.rotate() // empty
		if err := os.Remove(w.path(1, segment.Index)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"00000009.idx", "core", "1.log", "00000000.log"} {
			if err := os.WriteFile(filepath.Join(w.dir, name), []byte("strange\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{".hidden", "UPPER"} {
			if err := os.MkdirAll(filepath.Join(b.dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(w.path(1, segment.Log), at(1), at(1)); err != nil {
			t.Fatal(err)
		}
		wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), b.store())), "1 web/-1 one", "2 web/0 two")
	})
	t.Run("a FIFO", func(t *testing.T) {
		b := newBed(t)
		w := b.app("web")
		w.write(1, 0, "one\n")
		if err := unix.Mkfifo(w.path(2, segment.Log), 0o600); err != nil {
			t.Fatal(err)
		}
		var warned []error
		wantLines(t, texts(Lines(&Query{Warn: func(err error) { warned = append(warned, err) }}, b.store())), "1 web/0 one")
		if len(warned) != 1 || !strings.Contains(warned[0].Error(), "no regular file") {
			t.Error("warned:", warned)
		}
	})
	t.Run("cut off while it is read", func(t *testing.T) {
		b := newBed(t)
		w := b.app("web")
		w.write(1, 0, strings.Repeat("0123456789abcde\n", 4096))
		var warned []error
		n := 0
		for range Lines(&Query{Warn: func(err error) { warned = append(warned, err) }}, b.store()) {
			if n++; n == 1 {
				if err := os.Truncate(w.path(1, segment.Log), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(warned) != 1 || !strings.Contains(warned[0].Error(), "got shorter") {
			t.Error("warned:", warned)
		}
	})
}

// compress does to a closed segment what goinit's helper does.
func (w *writer) compress(number int) {
	b, err := os.ReadFile(w.path(number, segment.Log))
	if err != nil {
		w.t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(number, segment.Compressed)+".new", z.EncodeAll(b, nil), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(w.path(number, segment.Compressed)+".new", w.path(number, segment.Compressed)); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Remove(w.path(number, segment.Log)); err != nil {
		w.t.Fatal(err)
	}
}

func TestCompressed(t *testing.T) {
	b := twoApps(t)
	want := texts(Lines(&Query{}, b.store()))
	b.compressed("web", 1)
	q := mustWarnNot(t, &Query{})
	wantLines(t, texts(Lines(q, b.store())), want...)
	if n := Count(q, b.store()); n != int64(len(want)) {
		t.Errorf("counted %d", n)
	}
	wantLines(t, texts(Lines(mustWarnNot(t, &Query{Since: at(2), Until: at(3)}), b.store())), want[2:6]...)

	// Half of it is better than nothing, and the rest is as it was.
	path := filepath.Join(b.dir, "web", segment.Name(1, segment.Compressed))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-4], 0o600); err != nil {
		t.Fatal(err)
	}
	var warned []error
	got := texts(Lines(&Query{Warn: func(err error) { warned = append(warned, err) }}, b.store()))
	if len(warned) != 1 || !strings.Contains(warned[0].Error(), "cannot unpack all of") {
		t.Error("warned:", warned)
	}
	if n := len(got); n < 2 || got[n-1] != want[len(want)-1] {
		t.Errorf("%q", got)
	}
}

func (b *bed) compressed(app string, number int) {
	(&writer{t: b.t, dir: filepath.Join(b.dir, app)}).compress(number)
}

// A line of 10 MB is in pieces, and its text is whole.
func TestLongLine(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	const pieces = 160
	for i := range pieces {
		w.data(strings.Repeat(string(rune('a'+i%26)), segment.MaxLine) + "\n")
		w.record(segment.Record{Time: at(1).UnixNano(), Partial: i < pieces-1})
	}
	w.write(2, 0, "after\n")
	n, last := 0, ""
	for l := range Lines(mustWarnNot(t, &Query{}), b.store()) {
		if l.Partial {
			n += len(l.Text)
		}
		last = show(l)
	}
	if want := (pieces - 1) * segment.MaxLine; n != want || last != "2 web/0 after" {
		t.Errorf("%d bytes in pieces, wanted %d; then %q", n, want, last)
	}
	if n := Count(&Query{Match: mustCompile(t, "aaa", false)}, b.store()); n != 7 {
		t.Errorf("%d pieces match", n)
	}
}

func TestHistogram(t *testing.T) {
	b := newBed(t)
	w := b.app("web")
	w.write(0, 0, "a\nb\n")
	w.write(59, 0, "c\n")
	w.data("goinit: lines lost here\n")
	w.record(segment.Record{Time: at(59).UnixNano(), Note: true})
	w.write(60, 0, "d\n")
	w.write(7200, 0, "a\n")
	east := time.FixedZone("east", 5*3600+1800)
	for _, c := range []struct {
		width time.Duration
		zone  *time.Location
		match string
		want  string
	}{
		{time.Minute, time.UTC, "", "[08:00 3 08:01 1 10:00 1]"},
		{time.Hour, time.UTC, "", "[08:00 4 10:00 1]"},
		{time.Hour, east, "", "[13:00 4 15:00 1]"},
		{24 * time.Hour, east, "", "[00:00 5]"},
		{time.Minute, time.UTC, "[ad]", "[08:00 1 08:01 1 10:00 1]"},
	} {
		q := mustWarnNot(t, &Query{})
		if c.match != "" {
			q.Match = mustCompile(t, c.match, false)
		}
		var got []any
		for _, bar := range Histogram(q, c.width, c.zone, b.store()) {
			got = append(got, bar.At.In(c.zone).Format("15:04"), bar.Lines)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v in %v: %v, wanted %v", c.width, c.zone, got, c.want)
		}
	}
}

// Lines that did not come from files are asked about in the same way.
func TestMemory(t *testing.T) {
	b := twoApps(t)
	var lines []Line
	for l := range Lines(&Query{}, b.store()) {
		l.Text = bytes.Clone(l.Text)
		lines = append(lines, l)
	}
	want := texts(Lines(&Query{}, b.store()))
	s := NewMemory("", lines)
	wantLines(t, texts(Lines(mustWarnNot(t, &Query{Since: at(2)}), s)), want[2:]...)
	s.Targets = []Target{{"db", 0}}
	wantLines(t, texts(Lines(mustWarnNot(t, &Query{}), s)), want[2], want[6])
	if n := Count(&Query{}, s); n != 2 {
		t.Errorf("counted %d", n)
	}
}
