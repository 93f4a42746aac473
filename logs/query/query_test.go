package query

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

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
