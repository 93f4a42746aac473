package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Plan is what to watch.
type Plan struct {
	// Dir is absolute: relative paths start here, and what changes below it is told without it.
	Dir string
	// Paths are files and folders, these with all that is in them; * ? [a-z] stand for a part of a name, ** for any number of
	// folders.
	Paths []string
	// Ignore are patterns as gitignore(5) has them. They count for what is found below a path, never for the path itself.
	Ignore []string
	// Delay is how long there has to be quiet before a change is told.
	Delay time.Duration
	// Turns, if not nil, is held while folders are read. Watchers that share one never want more than one thread together,
	// however slow a disk is.
	Turns *sync.Mutex
}

// News is what a Watcher has to tell.
type News struct {
	Kind Kind
	Path string // Changed: of the first that did, from Plan.Dir on where it is below it
	// Directories is how many are watched.
	Directories int
	Err         error // Failed: with the remedy on a second line
}

// Kind is what News are about.
type Kind int

// The kinds of News.
const (
	Watching Kind = iota // from here on nothing is missed; once
	Changed
	Failed // something cannot be watched; once of each kind of reason
)

// Bounds of a Watcher.
const (
	maxDirectories = 1 << 16 // a folder takes some 150 bytes here, and 1 KiB of the kernel's
	maxFiles       = 1 << 14 // by name: what a program has loaded
	patience       = 30 * time.Second
	readBuffer     = 4 << 10
	drainBound     = 256 // readings, of 15 events at least
)

// Watcher watches the files of a Plan.
type Watcher struct {
	plan     Plan
	patterns []pattern
	ignore   []rule
	tell     func(News)
	file     *os.File // of inotify
	conn     syscall.RawConn

	began     time.Time // nobody could have read anything before
	mu        sync.Mutex
	closed    bool
	started   bool
	dirs      map[int32]string // by watch descriptor
	exact     map[string]bool  // paths that count whatever else; true: a link or what is not there yet, behind which there may be more
	files     map[string]bool  // those of them that AddFiles brought
	told      map[string]bool  // reasons of failure
	timer     *time.Timer
	stale     bool      // everything is to be walked again
	pending   bool      // there is something to tell
	first     string    // of that; empty: nobody knows
	since, at time.Time // of the first and the last change that was not told
	empty     time.Time // when the queue was seen to be empty last
	lostAfter time.Time // what is not known has happened after this
	buffer    []byte
}

// New makes a Watcher and returns at once: the folders are read by its own goroutine, and what changes before it has is told all the
// same, but for what is deleted. tell is called from there and from a
// timer's, never twice at the same time; it must neither block nor call back.
func New(p Plan, tell func(News)) (*Watcher, error) {
	w := &Watcher{plan: p, tell: tell, began: time.Now(), dirs: map[int32]string{}, exact: map[string]bool{}, files: map[string]bool{}, told: map[string]bool{}}
	if w.plan.Turns == nil {
		w.plan.Turns = &sync.Mutex{}
	}
	w.plan.Dir = filepath.Clean(p.Dir)
	for _, text := range p.Paths {
		one, err := newPattern(w.plan.Dir, text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		w.patterns = append(w.patterns, one)
	}
	for _, text := range p.Ignore {
		if r := newRule(text); len(r.names) > 0 {
			w.ignore = append(w.ignore, r)
		}
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, initFailure(err)
	}
	w.file = os.NewFile(uintptr(fd), "inotify")
	if w.conn, err = w.file.SyscallConn(); err != nil {
		w.file.Close()
		return nil, err
	}
	go w.run()
	return w, nil
}

// Close ends it, and returns at once: tell may be called once more after it.
func (w *Watcher) Close() {
	go func() { // a disk may hold up whoever walks, and os.File.Close waits for those who use it
		w.file.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.closed = true
		if w.timer != nil {
			w.timer.Stop()
		}
	}()
}

// AddFiles watches more files, each for itself, but for those that are ignored or in a folder that is. A program that was
// started then has loaded them just now: one that has changed meanwhile is told. The zero time is nobody's.
func (w *Watcher) AddFiles(paths []string, started time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range paths {
		if !filepath.IsAbs(one) || w.closed {
			continue
		}
		one = filepath.Clean(one)
		base := w.plan.Dir
		if _, ok := under(one, base); !ok {
			base = "/"
		}
		if w.files[one] || w.hidden(base, one, false) {
			continue
		}
		if len(w.files) == maxFiles {
			w.fail("files", fmt.Errorf("%d files are watched, and no more than that\n  watch: {paths: [.]} watches folders instead", maxFiles))
			return
		}
		w.files[one] = true
		if w.started {
			w.locked(func() { w.place(one) })
			w.early(one, started)
		}
	}
}

// fail tells of a reason once.
func (w *Watcher) fail(reason string, err error) {
	if !w.told[reason] {
		w.told[reason] = true
		w.tell(News{Kind: Failed, Err: err})
	}
}

// limitFailure is ENOSPC of inotify_add_watch(2).
func (w *Watcher) limitFailure() error {
	return fmt.Errorf("not all of %s is watched: all of fs.inotify.max_user_watches (%s) are taken, %d of them here\n"+
		"  sysctl fs.inotify.max_user_watches=524288 on the host; or watch less: watch: {paths: […], ignore: […]}",
		w.plan.Dir, setting("max_user_watches"), len(w.dirs))
}

// initFailure is that of inotify_init1(2).
func initFailure(err error) error {
	if errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("files cannot be watched: all of fs.inotify.max_user_instances (%s) are taken, or goinit's open files\n"+
			"  sysctl fs.inotify.max_user_instances=1024 on the host, or ulimit -n", setting("max_user_instances"))
	}
	return fmt.Errorf("files cannot be watched: inotify_init1: %w", err)
}

// setting is one of /proc/sys/fs/inotify (inotify(7)).
func setting(name string) string {
	b, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	if err != nil || len(b) == 0 {
		return "?"
	}
	return string(b[:len(b)-1])
}
