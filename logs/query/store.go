package query

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// Store is a directory of logs, whether a goinit writes there or has died.
type Store struct {
	Name    string // put into each Line; empty where there is only one
	Path    string
	Targets []Target // whose logs are asked for; none: all
	// Waits: its writer has lines that it cannot write at the moment, and tries to again and again. So the time at which a file
	// was changed says nothing of what has no record in it: that is from before those lines.
	Waits bool

	lines  []app               // of NewMemory
	handed *Handed             // of NewHanded
	limits map[string]position // of a Follower's: where each app ends; nil: nowhere
}

// Open finds a store at path, which may be a name of a descriptor (/proc/self/fd/3).
func Open(path string) (*Store, error) {
	s := &Store{Path: path}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return s, nil
}

// there reports whether a directory that may be removed and made again is there at the moment.
func (s *Store) there() bool {
	_, err := os.Stat(s.Path)
	return err == nil || s.handed != nil
}

// Apps are the names of the apps that have logs here.
func (s *Store) Apps() ([]string, error) {
	var names []string
	if s.lines != nil {
		for _, a := range s.lines {
			names = append(names, a.name)
		}
		return names, nil
	}
	if s.handed != nil {
		return s.handed.names(), nil
	}
	all, err := os.ReadDir(s.Path) // sorted
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if segment.ValidApp(e.Name()) && (e.IsDir() || e.Type()&fs.ModeSymlink != 0) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Has reports whether anything of a worker, or of an app, is kept.
func (s *Store) Has(t Target) bool {
	only := *s
	only.Targets = []Target{t}
	for range Lines(&Query{}, &only) {
		return true
	}
	return false
}

// app is one app's segments.
type app struct {
	store  string
	name   string
	slots  []int // whose lines are asked for; nil: all
	dir    string
	list   []segment.Segment
	limit  position // what is behind it in its segment does not count; zero: all does
	data   *data    // of NewMemory: all there is
	handed *Handed  // of NewHanded: instead of dir
	waits  bool     // Store.Waits
}

// position is a place in an app's logs: all of the segments before number, and of that one the bytes before offset.
type position struct {
	number int
	offset int64
}

// apps are those that a query is about.
func (s *Store) apps(q *Query) []app {
	if s.lines != nil {
		var found []app
		for _, a := range s.lines {
			var ok bool
			if a.slots, ok = s.slots(a.name); ok {
				found = append(found, a)
			}
		}
		return found
	}
	names, err := s.Apps()
	q.warn(err)
	var found []app
	for _, name := range names {
		slots, ok := s.slots(name)
		if !ok {
			continue
		}
		a := app{store: s.Name, name: name, slots: slots, dir: filepath.Join(s.Path, name), handed: s.handed, waits: s.Waits}
		if a.list, err = a.segments(); err != nil {
			q.warn(err)
			continue
		}
		if s.limits != nil {
			a.end(s.limits[name])
		}
		found = append(found, a)
	}
	return found
}

// end leaves out what is behind a position.
func (a *app) end(p position) {
	a.limit = p
	a.list = slices.DeleteFunc(a.list, func(s segment.Segment) bool { return s.Number > p.number })
}

// segments are those that there are now.
func (a *app) segments() ([]segment.Segment, error) {
	if a.handed != nil {
		return a.handed.list(a.name), nil
	}
	f, err := os.Open(a.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) { // it has gone since it was listed
			return nil, nil
		}
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	return segment.List(names), nil
}

// from drops the segments that end before a time, by the first times of their indexes: a binary search.
func (a *app) from(since int64) {
	if a.data != nil || since == math.MinInt64 {
		return
	}
	first := sort.Search(len(a.list), func(i int) bool { return a.begins(a.list[i]) >= since })
	a.list = a.list[max(0, first-1):] // the one before may go on up to since
}

// begins is the time of a segment's first line, as far as can be told.
func (a *app) begins(s segment.Segment) int64 {
	var b [segment.RecordSize]byte
	if f, err := a.file(s.Number, segment.Index); err == nil {
		n, _ := f.ReadAt(b[:], 0)
		f.Close()
		if good := segment.Good(b[:n], -1); good.Len() == 1 {
			return good.At(0).Time
		}
	}
	kind := segment.Log
	if !s.Log {
		kind = segment.Compressed
	}
	f, err := a.file(s.Number, kind)
	if err != nil {
		return 0 // it has gone: there is nothing of it to leave out
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0
	}
	return st.ModTime().UnixNano()
}

// file opens one of a segment's files.
func (a *app) file(number int, k segment.Kind) (*os.File, error) {
	if a.handed != nil {
		return a.handed.open(a.name, number, k)
	}
	return openFile(filepath.Join(a.dir, segment.Name(number, k)))
}

// openFile opens a file for reading, unless it is something else: a FIFO in a volume from elsewhere would never open.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// slots are those of an app's workers whose logs are asked for, nil if they all are; false: none.
func (s *Store) slots(name string) (slots []int, ok bool) {
	if len(s.Targets) == 0 {
		return nil, true
	}
	for _, t := range s.Targets {
		switch {
		case t.App != name:
		case t.Slot == WholeApp:
			return nil, true
		default:
			slots = append(slots, t.Slot)
		}
	}
	return slots, len(slots) > 0
}

// Size is how much there is of an app, in bytes of its files.
type Size struct {
	App      string
	Bytes    int64
	Segments int
}

// Usage is how much there is.
func (s *Store) Usage() (sizes []Size) {
	for _, a := range s.apps(&Query{}) {
		size := Size{App: a.name, Segments: len(a.list)}
		for _, seg := range a.list {
			for _, k := range []segment.Kind{segment.Log, segment.Index, segment.Compressed} {
				if st, err := os.Stat(filepath.Join(a.dir, segment.Name(seg.Number, k))); err == nil {
					size.Bytes += st.Size()
				}
			}
		}
		sizes = append(sizes, size)
	}
	return sizes
}
