package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"goinit/logs/segment"
)

// soon is a deadline that a test must not meet.
func soon() time.Time { return time.Now().Add(20 * time.Second) }

// until waits for a state; what says which.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := soon(); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not so after 20s: %s", what)
		}
	}
}

// taker is a Store with somebody who puts lines into it, as the loop does.
type taker struct {
	*Store
	t   testing.TB
	now int64

	mu   sync.Mutex
	told []string
}

func start(t testing.TB, o Options) *taker {
	t.Helper()
	k := &taker{t: t, now: time.Now().UnixNano()}
	o.Tell = func(_ Level, text string) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.told = append(k.told, text)
	}
	k.Store = New(o)
	k.Start()
	t.Cleanup(func() { k.end() })
	return k
}

func (k *taker) end() {
	k.Finish()
	k.Close(soon())
}

// put puts text as one read would; false: there was no room.
func (k *taker) put(a *App, r segment.Record, text string) bool {
	k.t.Helper()
	space := k.Take(a, len(text))
	if space == nil {
		return false
	}
	copy(space, text)
	if r.Time == 0 {
		r.Time = k.now
	}
	k.Put(a, r, space[:len(text)])
	return true
}

// must puts text, and waits for room.
func (k *taker) must(a *App, r segment.Record, text string) {
	k.t.Helper()
	for end := soon(); !k.put(a, r, text); k.Await(time.Second) {
		if time.Now().After(end) {
			k.t.Fatal("no room for 20s")
		}
	}
}

// flush has all that was put written. What the taker holds while the store makes no progress is handed over as soon as it does.
func (k *taker) flush() {
	k.t.Helper()
	until(k.t, "all is handed over", func() bool {
		k.Submit(nil)
		return k.taken.batch == nil || len(k.taken.batch.entries) == 0
	})
	ctx, cancel := context.WithDeadline(context.Background(), soon())
	defer cancel()
	if err := k.Flush(ctx); err != nil {
		k.t.Fatal(err)
	}
}

func (k *taker) said() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.told, "\n")
}

// piece is a range of an app's log, as a reader sees it.
type piece struct {
	segment.Record
	number int
	text   string
}

func (p piece) String() string {
	s := fmt.Sprintf("%d:%d", p.number, p.Slot)
	for _, f := range []struct {
		is   bool
		mark string
	}{{p.Stderr, "e"}, {p.Partial, "p"}, {p.Note, "n"}} {
		if f.is {
			s += f.mark
		}
	}
	return s + " " + p.text
}

// readDisk reads an app's log from a directory, and checks what must be so of each: records that cover it, whole lines, and
// times that do not go back.
func readDisk(t testing.TB, dir, app string) (all []piece) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, app))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
	}
	last := int64(0)
	for _, g := range segment.List(names) {
		data, err := os.ReadFile(filepath.Join(dir, app, segment.Name(g.Number, segment.Log)))
		if err != nil {
			t.Fatal(err)
		}
		index, err := os.ReadFile(filepath.Join(dir, app, segment.Name(g.Number, segment.Index)))
		if err != nil {
			t.Fatal(err)
		}
		var some []piece
		some, last = pieces(t, g.Number, data, index, last)
		all = append(all, some...)
	}
	return all
}

func pieces(t testing.TB, number int, data, index []byte, last int64) (all []piece, _ int64) {
	t.Helper()
	good := segment.Good(index, int64(len(data)))
	if good.Len()*segment.RecordSize != len(index) || good.End() != int64(len(data)) {
		t.Errorf("segment %d: %d good records of %d bytes, for %d bytes of %d", number, good.Len(), len(index), good.End(), len(data))
	}
	for i := range good.Len() {
		r := good.At(i)
		if r.Time < last {
			t.Errorf("segment %d: time goes back at %d", number, i)
		}
		last = r.Time
		text := data[r.Start:r.End]
		if text[len(text)-1] != '\n' || r.Partial && bytes.Count(text, []byte{'\n'}) != 1 {
			t.Errorf("segment %d: range %d is %.100q", number, i, text)
		}
		all = append(all, piece{r.Record, number, string(text)})
	}
	return all, last
}

func texts(all []piece) string {
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.text)
	}
	return b.String()
}
