package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// filled is a store with lines a0, b0, a1, b1, ... of two apps; a has two workers.
func filled(n int) *recent {
	s := newRecent(1 << 20)
	a, b := s.ring("a"), s.ring("b")
	for i := range n {
		s.put(a, record{at: int64(i), slot: uint16(i % 2)}, fmt.Appendf(nil, "a%d", i))
		s.put(b, record{at: int64(i), flags: flagStderr, generation: 7}, fmt.Appendf(nil, "b%d", i))
	}
	return s
}

func TestRead(t *testing.T) {
	c := &Console{kept: filled(10)}
	for _, k := range []struct {
		name string
		q    Query
		want string
	}{
		{"all, in order", Query{Tail: -1}, "a0 b0 a1 b1 a2 b2 a3 b3 a4 b4 a5 b5 a6 b6 a7 b7 a8 b8 a9 b9"},
		{"the last of all", Query{Tail: 3}, "b8 a9 b9"},
		{"none", Query{Tail: 0}, ""},
		{"more than there are", Query{Tail: 100, Targets: []Target{{"b", 0}}}, "b0 b1 b2 b3 b4 b5 b6 b7 b8 b9"},
		{"an app", Query{Tail: 2, Targets: []Target{{"a", WholeApp}}}, "a8 a9"},
		{"a worker", Query{Tail: 2, Targets: []Target{{"a", 0}}}, "a6 a8"},
		{"two targets", Query{Tail: 3, Targets: []Target{{"a", 1}, {"b", 0}}}, "b8 a9 b9"},
		{"a stream", Query{Tail: 2, Stream: "stderr"}, "b8 b9"},
		{"a stream that it has not", Query{Tail: -1, Stream: "stdout", Targets: []Target{{"b", WholeApp}}}, ""},
		{"no such app", Query{Tail: -1, Targets: []Target{{"c", WholeApp}}}, ""},
		{"since and until", Query{Tail: -1, Since: time.Unix(0, 4), Until: time.Unix(0, 5)}, "a4 b4 a5 b5"},
		{"the last until", Query{Tail: 1, Until: time.Unix(0, 5)}, "b5"},
	} {
		var got []string
		err := c.Read(t.Context(), k.q, func(l Line) error {
			got = append(got, string(l.Line))
			if l.App != string(l.Line[:1]) || l.App == "b" && (l.Stream != Stderr || l.Generation != 7 || l.Worker != "b/0") {
				t.Errorf("%s: %+v", k.name, l)
			}
			return nil
		})
		if strings.Join(got, " ") != k.want || err != nil {
			t.Errorf("%s: %q, want %q; %v", k.name, got, k.want, err)
		}
	}
}

func TestRingKeepsTheLastMegabyte(t *testing.T) {
	for _, size := range []int{0, 1, 100, 5000, chunkSize - headerSize, maxLine} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newRecent(1 << 20)
			r := s.ring("a")
			n := 3<<20/(size+headerSize) + 1
			for i := range n {
				text := fmt.Appendf(nil, "%0*d", size, i)
				s.put(r, record{at: int64(i)}, text[:size])
			}
			kept, held := 0, 0
			for _, c := range r.chunks {
				kept += len(c.b)
				held += cap(c.b)
			}
			if kept != r.size || kept < 1<<20 || held > 1<<20+3*chunkSize {
				t.Errorf("%d bytes kept in %d, size %d", kept, held, r.size)
			}
			c := &Console{kept: s}
			next := int64(-1)
			c.Read(t.Context(), Query{Tail: -1}, func(l Line) error {
				if at := l.At.UnixNano(); next >= 0 && at != next {
					t.Fatalf("line %d comes where %d should", at, next)
				}
				next = l.At.UnixNano() + 1
				if len(l.Line) != size || l.Missed != 0 {
					t.Fatalf("%+v", l)
				}
				return nil
			})
			if next != int64(n) {
				t.Errorf("the last is %d of %d", next-1, n)
			}
		})
	}
}

func TestFollow(t *testing.T) {
	s := filled(3)
	c := &Console{kept: s}
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string)
	ended := make(chan error)
	go func() {
		ended <- c.Read(ctx, Query{Tail: 1, Follow: true, Targets: []Target{{"b", WholeApp}, {"new", WholeApp}}}, func(l Line) error {
			lines <- string(l.Line)
			return nil
		})
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no %q", want)
		}
	}
	expect("b2")
	s.put(s.ring("a"), record{}, []byte("not this"))
	s.put(s.ring("b"), record{}, []byte("b3"))
	s.announce()
	expect("b3")
	s.put(s.ring("new"), record{}, []byte("an app that was not there"))
	s.announce()
	expect("an app that was not there")
	c.Forget("new")
	s.put(s.ring("new"), record{}, []byte("added again"))
	s.announce()
	expect("added again")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(s.readers) != 0 {
		t.Error("the reader is not gone")
	}
}

func TestSlowFollowerIsToldWhatItMissed(t *testing.T) {
	s := newRecent(100_000)
	c := &Console{kept: s}
	r := s.ring("a")
	const n = 10_000
	text := make([]byte, 100)
	put := func(k int) {
		for range k {
			s.put(r, record{}, text)
		}
		s.announce()
	}
	put(1)
	done := errors.New("done")
	seen, missed := 0, uint64(0)
	err := c.Read(t.Context(), Query{Tail: -1, Follow: true}, func(l Line) error {
		if seen == 0 {
			put(n - 1) // more than is kept, while the client is busy
		}
		seen++
		missed += l.Missed
		if seen+int(missed) == n {
			return done
		}
		return nil
	})
	if err != done || missed == 0 || seen < 700 {
		t.Errorf("%d seen, %d missed, %v", seen, missed, err)
	}
}

// Many full rings are merged in order, and the last lines of them are found without reading all.
func TestReadOfManyRings(t *testing.T) {
	s := newRecent(200_000)
	const apps, each = 50, 3000
	for i := range apps * each {
		app := i * 7 % apps
		s.put(s.ring(fmt.Sprint("app", app)), record{at: int64(i)}, make([]byte, 100))
	}
	c := &Console{kept: s}
	for _, n := range []int{1, 99, 20_000, maxTail, maxTail + 1, -1} {
		last, count := int64(-1), 0
		c.Read(t.Context(), Query{Tail: n}, func(l Line) error {
			if at := l.At.UnixNano(); at <= last {
				t.Fatalf("tail %d: %d after %d", n, at, last)
			} else if n >= 0 && n <= 20_000 && last >= 0 && at != last+1 {
				t.Fatalf("tail %d: %d is left out", n, last+1)
			} else {
				last = at
			}
			count++
			return nil
		})
		if last != apps*each-1 || n >= 0 && n <= maxTail && count != n || n > maxTail && count < maxTail {
			t.Errorf("tail %d: %d lines, the last is %d", n, count, last)
		}
	}
}

func BenchmarkTail(b *testing.B) {
	s := newRecent(1 << 20)
	for i := range 500 * 8000 {
		s.put(s.ring(fmt.Sprint("app", i%500)), record{at: int64(i)}, make([]byte, 100))
	}
	c := &Console{kept: s}
	for _, n := range []int{10, 10_000, -1} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				c.Read(b.Context(), Query{Tail: n}, func(Line) error { return nil })
			}
		})
	}
	b.Run("nothing matches", func(b *testing.B) {
		for b.Loop() {
			c.Read(b.Context(), Query{Tail: 10, Stream: "stderr"}, func(Line) error { return nil })
		}
	})
}
