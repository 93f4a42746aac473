package query

import (
	"context"
	"time"
)

// Follower goes on with what is being written: across rotations, and to apps and segments that come later. Every line is
// shown once, those before NewFollower by a question about Stores, those after by Run.
//
// The kernel says what has changed (inotify(7)). Where it does not (a network's file system, no watch to be had), and for
// what it cannot tell (a directory that was removed and made again), a Follower looks once a second; at what was handed
// over, ten times.
type Follower struct {
	q       *Query
	stores  []*Store // without limits
	limited []*Store
	tails   map[string]*tail // by directory
	order   []*tail
	watch   *watcher
	tick    time.Duration
	patient int // ticks for which data waits for its record
}

// NewFollower notes where each app ends now.
func NewFollower(q *Query, stores ...*Store) *Follower {
	f := &Follower{q: q, stores: stores, tails: make(map[string]*tail), watch: newWatcher(), tick: time.Second}
	for _, s := range stores {
		if s.handed != nil {
			f.tick = time.Second / 10
		}
	}
	const patience = 2 * time.Second // an index is written well within one after its data
	f.patient = int(patience / f.tick)
	for _, s := range stores {
		f.watch.add(s.Path)
		limited := *s
		limited.limits = make(map[string]position)
		for _, a := range s.apps(q) {
			f.watch.add(a.dir)
			t := f.tail(a)
			t.skip()
			limited.limits[a.name] = position{t.number, t.pos}
		}
		f.limited = append(f.limited, &limited)
	}
	return f
}

// Stores are the stores as they were when the Follower was made.
func (f *Follower) Stores() []*Store { return f.limited }

// Close ends the watch.
func (f *Follower) Close() {
	f.watch.close()
	for _, t := range f.order {
		t.leave()
	}
}

// Run calls show for each new line, and pause whenever there is nothing more at the moment, until one of them fails or the
// context ends; then what has come meanwhile is shown, whether it has a record or not. A Line's Text is valid during the
// call.
func (f *Follower) Run(ctx context.Context, show func(Line) error, pause func() error) error {
	ticker := time.NewTicker(f.tick)
	defer ticker.Stop()
	changes := everything
	for {
		err := f.pass(changes, false, show)
		if err == nil {
			err = pause()
		}
		if err != nil {
			return err
		}
		select {
		case <-f.watch.wake:
			changes = f.watch.take()
		case <-ticker.C:
			changes = everything
			for _, t := range f.order {
				t.age++
			}
		case <-ctx.Done():
			if err := f.pass(everything, true, show); err != nil {
				return err
			}
			return pause()
		}
	}
}

// pass shows what is new; in the last one data without a record as well.
func (f *Follower) pass(c changes, last bool, show func(Line) error) error {
	for _, s := range f.stores {
		if c.listed(s.Path) && s.there() {
			f.watch.add(s.Path) // it may be another one by now
			for _, a := range s.apps(f.q) {
				f.tail(a)
			}
		}
	}
	var sources []source
	for _, t := range f.order {
		dir := t.app.dir
		if !c.changed(dir) && t.number > 0 {
			continue
		}
		if c.listed(dir) || t.number == 0 {
			f.watch.add(dir)
			t.list()
		}
		t.looked, t.orphans = false, last || t.age >= f.patient
		sources = append(sources, t.source)
	}
	var err error
	merge(f.q, sources, false, func(l Line) bool {
		err = show(l)
		return err == nil
	})
	return err
}

// tail is that of an app; of a new one it begins with its first segment.
func (f *Follower) tail(a app) *tail {
	if t := f.tails[a.dir]; t != nil {
		return t
	}
	t := &tail{q: f.q, app: a}
	t.source = t.lines()
	f.tails[a.dir] = t
	f.order = append(f.order, t)
	return t
}
