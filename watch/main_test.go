package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	switch os.Getenv("WATCH_TEST_AS") {
	case "idle":
		beIdle()
	case "limited":
		beLimited()
	default:
		os.Exit(m.Run())
	}
}

// until waits for a state; what says which.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not so after a minute: %s", what)
		}
	}
}

// tree is a Watcher of a real directory, and what it has told.
type tree struct {
	*Watcher
	t   *testing.T
	dir string

	mu   sync.Mutex
	news []News
}

// watchTree makes the files, of which a / at the end makes a folder and an arrow a link, and watches.
func watchTree(t *testing.T, p Plan, files ...string) *tree {
	t.Helper()
	w := &tree{t: t, dir: t.TempDir()}
	for _, f := range files {
		if name, to, link := strings.Cut(f, " -> "); link {
			w.link(to, name)
		} else {
			w.write(f)
		}
	}
	if p.Dir = filepath.Join(w.dir, p.Dir); p.Delay == 0 {
		p.Delay = time.Millisecond
	}
	var err error
	if w.Watcher, err = New(p, w.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	until(t, "all is watched", func() bool { return len(w.all()) > 0 })
	return w
}

func (w *tree) hear(n News) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.news = append(w.news, n)
}

func (w *tree) all() []News {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]News{}, w.news...)
}

// changes are the paths of what has changed since last asked.
func (w *tree) changes() (paths []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.news {
		switch n.Kind {
		case Changed:
			paths = append(paths, n.Path)
		case Failed:
			paths = append(paths, n.Err.Error())
		}
	}
	w.news = nil
	return paths
}

// held makes changes that the Watcher sees together, however slow the machine is: as if they took no time.
func (w *tree) held(change func()) {
	w.Watcher.mu.Lock()
	defer w.Watcher.mu.Unlock()
	change()
}

// expect makes changes, and wants them to be told as given; nothing at all, if nothing is given. That nothing more comes is known by the
// change of another file, which comes after it.
func (w *tree) expect(what string, change func(), want ...string) {
	w.t.Helper()
	w.changes()
	w.held(change)
	var got []string
	if len(want) > 0 {
		until(w.t, what+" is told", func() bool { got = append(got, w.changes()...); return len(got) > 0 })
	}
	w.write("sentinel")
	until(w.t, "the sentinel is told", func() bool {
		got = append(got, w.changes()...)
		return len(got) > 0 && got[len(got)-1] == "sentinel"
	})
	if got = got[:len(got)-1]; fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

func (w *tree) path(name string) string { return filepath.Join(w.dir, name) }

func (w *tree) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *tree) write(name string) {
	w.t.Helper()
	full := w.path(name)
	w.check(os.MkdirAll(filepath.Dir(full), 0o755))
	if name[len(name)-1] == '/' {
		w.check(os.MkdirAll(full, 0o755))
		return
	}
	w.check(os.WriteFile(full, []byte(name+"\n"), 0o644))
}

func (w *tree) rename(from, to string) { w.t.Helper(); w.check(os.Rename(w.path(from), w.path(to))) }
func (w *tree) remove(name string)     { w.t.Helper(); w.check(os.RemoveAll(w.path(name))) }
func (w *tree) mkdir(name string)      { w.t.Helper(); w.check(os.Mkdir(w.path(name), 0o755)) }

func (w *tree) link(to, name string) {
	w.t.Helper()
	w.check(os.Symlink(to, w.path(name)))
}
