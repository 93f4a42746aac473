package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what is kept.
type Usage struct {
	Directory string // empty: memory
	Why       string // there is no directory
	Bytes     int64
	MaxTotal  int64
	Waiting   int64 // bytes in memory that cannot be written now
	Stuck     bool  // the disk did not answer in time: neither Bytes nor Apps are known
	Apps      []AppUsage
}

// AppUsage is what is kept of an app.
type AppUsage struct {
	App      string
	Bytes    int64
	Segments int
	Lost     uint64 // lines since the start
}

// Usage flushes, and looks. Where a disk does not answer until ctx ends, it is what is known without it.
func (s *Store) Usage(ctx context.Context) (Usage, error) {
	var u Usage
	err := s.do(ctx, func() {
		s.catchUp()
		u = Usage{Why: s.why, Bytes: s.total, MaxTotal: s.maxTotal()}
		if s.broken != nil {
			u.Waiting = s.unwritten()
		}
		if d, is := s.place.(*disk); is {
			u.Directory = d.dir
		}
		for _, app := range slices.Sorted(maps.Keys(s.logs)) {
			a := s.logs[app]
			one := AppUsage{App: app, Bytes: a.bytes(), Segments: len(a.closed)}
			if a.open {
				one.Segments++
			}
			if a.owner != nil {
				one.Lost = a.owner.lost.Load()
			}
			u.Apps = append(u.Apps, one)
		}
	})
	if d := s.disk.Load(); d != nil && errors.Is(err, context.DeadlineExceeded) {
		return Usage{Directory: d.dir, MaxTotal: s.options.MaxTotal, Waiting: s.unwritten(), Stuck: true}, nil
	}
	if err != nil { // it may come about later, to nobody
		return Usage{}, err
	}
	return u, nil
}

// unwritten is how many bytes are in memory.
func (s *Store) unwritten() int64 { return int64(s.queue.bytes() + s.taken.held()) }

// Directory opens the directory; -1: there is none. It does not wait for a writer who is stuck, but may be so itself, for longer than
// ctx: one of those who ask, the others give up.
func (s *Store) Directory(ctx context.Context) (int, error) {
	d := s.disk.Load()
	if d == nil {
		return -1, nil
	}
	select {
	case s.door <- struct{}{}:
	case <-ctx.Done():
		return -1, context.Cause(ctx)
	}
	defer func() { <-s.door }()
	return unix.Open(d.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// File is a segment, opened for reading. Who is given one closes its descriptors.
type File struct {
	App         string
	Number      int
	Open        bool
	Compressed  bool
	Data, Index int
}

// Files opens the segments of an app that have a number greater than after, the oldest first.
func (s *Store) Files(ctx context.Context, app string, after int) ([]File, error) {
	return s.opened(ctx, func() ([]File, error) { return s.files(app, after) })
}

// opened has files opened between two writes. Whoever asks may give up first.
func (s *Store) opened(ctx context.Context, open func() ([]File, error)) ([]File, error) {
	type found struct {
		files []File
		err   error
	}
	answer := make(chan found, 1)
	var gone atomic.Bool
	discard := func() {
		select {
		case f := <-answer:
			CloseFiles(f.files)
		default:
		}
	}
	err := s.do(ctx, func() {
		files, err := open()
		answer <- found{files, err}
		if gone.Load() {
			discard()
		}
	})
	if err != nil { // whoever of the two comes second closes them
		gone.Store(true)
		discard()
		return nil, err
	}
	f := <-answer
	return f.files, f.err
}

// CloseFiles closes the descriptors of files.
func CloseFiles(files []File) {
	for _, f := range files {
		closeBoth(f.Data, f.Index)
	}
}

func (s *Store) files(app string, after int) (files []File, err error) {
	s.catchUp()
	a := s.logs[app]
	if a == nil {
		return nil, nil
	}
	open := func(number int, is, compressed bool) {
		if number <= after {
			return
		}
		f := File{App: app, Number: number, Open: is, Compressed: compressed}
		var e error
		if f.Data, f.Index, e = s.place.reader(app, number, compressed); e != nil {
			err = e
			return
		}
		files = append(files, f)
	}
	for _, c := range a.closed {
		open(c.number, false, c.compressed)
	}
	if a.open {
		open(a.number, true, false)
	}
	if len(files) > 0 { // some are better than none
		err = nil
	}
	return files, err
}

// Apps are those that have something in the store.
func (s *Store) Apps(ctx context.Context) ([]string, error) {
	var apps []string
	if err := s.do(ctx, func() { apps = slices.Sorted(maps.Keys(s.logs)) }); err != nil {
		return nil, err
	}
	return apps, nil
}

// Vacuum closes what is open and removes the oldest segments of the apps, or of all: until no more than that many bytes are
// left, negative: as many as there are, and all whose last line is older than that, 0: whatever their age.
func (s *Store) Vacuum(ctx context.Context, apps []string, bytes int64, age time.Duration) (int, int64, error) {
	removed, freed := 0, int64(0)
	err := s.do(ctx, func() {
		s.catchUp()
		before := s.total
		var all []*appLog
		for app, a := range s.logs {
			if len(apps) == 0 || slices.Contains(apps, app) {
				if a.open && a.size == a.ended {
					_ = a.rotate()
				}
				all = append(all, a)
			}
		}
		if age > 0 {
			old := time.Now().Add(-age).UnixNano()
			for _, a := range all {
				for len(a.closed) > 0 && a.closed[0].last <= old {
					s.dropFirst(a)
					removed++
				}
			}
		}
		for bytes >= 0 {
			var most *appLog
			sum := int64(0)
			for _, a := range all {
				sum += a.bytes()
				if len(a.closed) > 0 && (most == nil || a.bytes() > most.bytes()) {
					most = a
				}
			}
			if sum <= bytes || most == nil {
				break
			}
			s.dropFirst(most)
			removed++
		}
		freed = before - s.total
	})
	if err != nil {
		return 0, 0, err
	}
	return removed, freed, nil
}

// Watch returns a channel that has something in it when a segment was begun, until stop is called.
func (s *Store) Watch() (begun <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	s.watchers[c] = struct{}{}
	s.mu.Unlock()
	return c, func() {
		s.mu.Lock()
		delete(s.watchers, c)
		s.mu.Unlock()
	}
}

func (s *Store) began(a *appLog) {
	s.age(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.watchers {
		notify(c)
	}
}
