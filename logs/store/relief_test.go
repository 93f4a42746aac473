package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"goinit/logs/segment"

	"golang.org/x/sys/unix"
)

// tight is a place whose only segment is a pipe: a write to it comes back when there is room.
type tight struct {
	place
	data int
}

func (p tight) create(string, int) (data, index int, err error) {
	index, err = unix.MemfdCreate("index", unix.MFD_CLOEXEC)
	return p.data, index, err
}

func (p tight) there(string, int, int) bool { return true }

func pipe(t *testing.T) (write, read int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]) })
	return p[1], p[0]
}

// content reads so many bytes.
func content(t *testing.T, fd, n int) string {
	t.Helper()
	b := make([]byte, n)
	for at := 0; at < n; {
		k, err := unix.Read(fd, b[at:])
		if err != nil || k == 0 {
			t.Fatalf("%d bytes, %v", at, err)
		}
		at += k
	}
	return string(b)
}

func numberedText(first, last int) string {
	var b strings.Builder
	for i := first; i < last; i++ {
		fmt.Fprintf(&b, "%08d %s\n", i, strings.Repeat("x", 90))
	}
	return b.String()
}

// A taker who writes and does not come back is relieved: somebody else takes, and nothing is lost or changes places.
func TestRelief(t *testing.T) {
	k := start(t, Options{Directories: []string{t.TempDir()}})
	k.flush() // there is a place
	data, read := pipe(t)
	k.pen.Lock()
	k.place = tight{k.place, data}
	k.pen.Unlock()
	a := k.App("web", Limits{MaxSize: 64 << 20})
	const each = 2000 // more than a pipe takes
	come, gone := make(chan struct{}), make(chan bool)
	k.must(a, segment.Record{}, numberedText(0, each))
	go func() { gone <- k.Submit(func() { close(come) }) }()
	<-come
	k.must(a, segment.Record{}, numberedText(each, 2*each))
	if k.Submit(func() { t.Error("who does not write is relieved") }) {
		t.Error("the second taker is relieved, too")
	}
	if got, want := content(t, read, 2*each*100), numberedText(0, 2*each); got != want {
		t.Error("something else is there than was written")
	}
	if !<-gone {
		t.Error("the first taker thinks that he still is")
	}
	// Who comes back in time stays; on a busy machine that may take another try.
	for relieved := true; relieved; {
		k.flush()
		k.must(a, segment.Record{}, "in time\n")
		relieved = k.Submit(func() {})
		if got := content(t, read, 8); got != "in time\n" {
			t.Fatalf("%q", got)
		}
	}
}

// The watch is over soon after the last write: an idle store wakes nobody.
func TestReliefRests(t *testing.T) {
	var r relief
	r.init()
	for range 3 {
		r.begin(func() {}) // called only where a busy machine holds us up right here
		r.end()
		until(t, "the watch is over", func() bool { return !r.armed.Load() })
		if r.timer.Stop() {
			t.Error("the timer runs on")
		}
	}
}

// Whoever comes, comes once, however often and whenever the watch looks.
func TestReliefComesOnce(t *testing.T) {
	var r relief
	r.init()
	for range 5 {
		come := make(chan struct{}, 2)
		r.begin(func() { come <- struct{}{} })
		select {
		case <-come:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody comes")
		}
		for range 3 {
			r.look()
		}
		if !r.came() || !r.end() || r.came() || r.end() || len(come) > 0 {
			t.Error("not once")
		}
	}
}

// At the end nobody waits for a disk that does not answer, and what was read is kept for it.
func TestHurry(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}, patience: time.Hour})
	k.flush()
	a := k.App("web", Limits{MaxSize: 64 << 20})
	k.pen.Lock() // it does not answer
	text := strings.Repeat(strings.Repeat("x", 99)+"\n", MaxTake/100)
	for range ordinary {
		k.must(a, segment.Record{}, text)
		k.Submit(nil)
	}
	if k.Take(a, MaxTake) != nil {
		t.Error("who has when_full: block does not wait")
	}
	k.Hurry()
	k.must(a, segment.Record{}, text)
	k.Submit(nil)
	k.pen.Unlock()
	k.flush()
	if got := texts(readDisk(t, dir, "web")); got != strings.Repeat(text, ordinary+1) {
		t.Errorf("%d bytes", len(got))
	}
}
