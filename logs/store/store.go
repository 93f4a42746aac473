// Package store keeps the lines of each app in bounded files, in the format of package segment, or where nothing can be
// written, in as many bounded memory files of the same format. It writes and never answers a question about a line:
// whoever asks reads the files, or is handed their descriptors.
//
// Two goroutines meet here. One, the taker, reads the workers' pipes straight into a Batch and submits it, which writes it;
// the other, the writer, does what has its time (records, ages, another try at a broken disk) and what is asked for. Whoever
// has the pen, a mutex, may touch a file system, and may be stuck there. A taker who is gets relieved within 100 ms: another
// goroutine takes, and while the pen is not to be had its batches queue for the writer (see relief). Nobody waits for that queue
// longer than the policy says:
//
//   - while the store makes progress there are a few batches, and who is out of them waits: the workers write as fast as
//     the store does, and nothing is lost (when_full: block);
//   - an app with when_full: drop is never made to wait, and while the store makes no progress (the disk is full, read-only,
//     gone, or a write has not come back for two seconds) nobody is: lines stay in memory, up to 8 MiB in all; then
//     the oldest are dropped and counted, and a note in the app's log says how many, where they would be.
//
// The invariants: data is written before its record, and a batch is let go only when all of it is written, so what was read
// is in the files, in memory, or counted in a note. A write that failed half way is taken up at that byte. Bytes of two
// workers are never mixed within a line. Memory and files are bounded whatever is written. Nothing of package store
// polls: a timer runs only while there is something to be done at its end, or something is written.
package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Store.
type Options struct {
	// Directories are tried in this order; none, or none that can be written: memory.
	Directories []string
	// Named says that the user has named the directory: then it is worth a warning that it cannot be had.
	Named bool
	// MaxTotal is how large all files together may become, in bytes; 0: 128 MiB. In memory it is 8 MiB at most.
	MaxTotal int64
	// Tell is told what a user should know: that there is no directory, that it is full, that it works again. It is called
	// by whoever writes and must not block.
	Tell func(Level, string)
	// Wake is called when the taker should call Submit again. It must not block.
	Wake func()
	// Compress makes a .log.zst of a closed .log, in a child; done is called at its end. nil: closed segments stay as they are.
	Compress func(path string, done func(error))

	memory   int           // bytes of batches; 0: memoryLimit. Tests have others
	patience time.Duration // 0: stallTime
	retry    time.Duration // 0: retryTime
}

// Level of what is told.
type Level int

const (
	Info Level = iota
	Warning
)

const (
	defaultTotal = 128 << 20
	memoryTotal  = 8 << 20
	memoryLimit  = 8 << 20
	stallTime    = 2 * time.Second // longer than the kernel's own pauses for writers of a slow disk (balance_dirty_pages)
	retryTime    = time.Second
)

// Limits are an app's.
type Limits struct {
	MaxSize  int64         // bytes of one .log; 0: 8 MiB
	MaxFiles int           // segments; 0: 4
	MaxAge   time.Duration // 0: for ever
	Drop     bool          // when_full: drop
	Rate     int           // lines a second; 0: as many as it likes
}

// Store is safe for concurrent use, but for Take, Put and Submit, which are the taker's.
type Store struct {
	options Options
	queue   queue
	taken   taken // the taker's
	relief  relief

	mu    sync.Mutex
	named map[string]*App
	// watchers want to know when a segment is begun.
	watchers map[chan struct{}]struct{}

	jobs chan func()

	pen     sync.Mutex // whoever has it may write; before the start and after the end nobody may
	place   place      // the pen's, and all below
	logs    map[string]*appLog
	why     string // why there is no better place
	total   int64
	dirty   map[*appLog]struct{} // with records to flush
	due     time.Time            // when they are
	broken  error                // told, and not mended
	failed  time.Time            // when it was tried last
	aged    time.Time            // when something is too old
	notes   []*App               // with losses of which there is no note yet
	alarm   *time.Timer          // the writer's
	alarmed time.Time            // when it rings; zero: it does not

	disk atomic.Pointer[disk] // the place, if it is one, for who does not wait for the pen: of its fields only what does not change
	door chan struct{}        // one at a time goes to the disk without the pen

	stats   statistics
	hurried atomic.Bool // nobody waits any more
	ending  atomic.Bool
	ended   chan struct{}
}

type statistics struct{ lost, limited, written atomic.Uint64 }

// New makes a Store. Lines can be put into it; they wait in memory until it is started.
func New(o Options) *Store {
	if o.MaxTotal == 0 {
		o.MaxTotal = defaultTotal
	}
	if o.memory == 0 {
		o.memory = memoryLimit
	}
	if o.patience == 0 {
		o.patience = stallTime
	}
	if o.retry == 0 {
		o.retry = retryTime
	}
	if o.Tell == nil {
		o.Tell = func(Level, string) {}
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	s := &Store{options: o, named: make(map[string]*App), watchers: make(map[chan struct{}]struct{}), jobs: make(chan func(), 16), logs: make(map[string]*appLog),
		dirty: make(map[*appLog]struct{}), ended: make(chan struct{}), door: make(chan struct{}, 1)}
	s.queue.init(o.memory, o.patience)
	s.relief.init()
	s.alarm = time.NewTimer(time.Hour)
	s.alarm.Stop()
	s.pen.Lock()
	return s
}

// Start starts the writer, and returns at once: the directory is looked for by the writer, too.
func (s *Store) Start() { go s.run() }

// App is whose lines they are.
type App struct {
	name   string
	limits atomic.Pointer[Limits]
	lost   atomic.Uint64 // dropped, in all
	cut    atomic.Uint64 // over the rate, in all
	// What no entry has told yet: the taker's next entry, or the writer when there is none, takes it.
	owing   atomic.Bool // there is something in the next two
	dropped atomic.Uint64
	limited atomic.Uint64
	ends    atomic.Int64 // where its open segment ends: a hint, see lineUp
	lastCut atomic.Int64 // when a line was last over the rate, unix nanoseconds

	batch *Batch // the taker's: where chain is
	chain int
	rate  bucket // the taker's
}

// App is found, or made, by its name, which must be one that segment.ValidApp accepts; its limits are these from now on.
func (s *Store) App(name string, l Limits) *App {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.named[name]
	if a == nil {
		a = &App{name: name}
		s.named[name] = a
	}
	if l.MaxSize <= 0 {
		l.MaxSize = 8 << 20
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = 4
	}
	a.limits.Store(&l)
	return a
}

// Losses are how many lines of the app were dropped since the start, because the store could not take them, and how many were
// over its rate.
func (a *App) Losses() (lost, limited uint64) { return a.lost.Load(), a.cut.Load() }

// ErrEnded is the answer of a Store that was closed.
var ErrEnded = errors.New("the log store is closed")

// do has the writer call f between two batches, and waits for it, or until ctx ends: then f may be called later.
func (s *Store) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.jobs <- func() { defer close(done); f() }:
	case <-s.ended:
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-done:
		return nil
	case <-s.ended:
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Flush returns when what was submitted before is in the files, records and all.
func (s *Store) Flush(ctx context.Context) error {
	return s.do(ctx, s.catchUp)
}

// Hurry says that the end is near: from now on nobody is made to wait while there is memory.
func (s *Store) Hurry() { s.hurried.Store(true) }

// Close writes what there is, until the deadline and no longer, and ends the writer. A writer that is stuck in a disk is
// left there. The taker must have submitted its last batch.
func (s *Store) Close(deadline time.Time) {
	s.ending.Store(true)
	s.queue.poke()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
	}
}

// Counts are since the start.
type Counts struct {
	Lost    uint64 // lines dropped because the store could not take them
	Limited uint64 // lines over a rate_limit
	Written uint64 // bytes
	Queued  int    // bytes in memory that are not written
}

// Counts can be asked for at any time.
func (s *Store) Counts() Counts {
	return Counts{Lost: s.stats.lost.Load(), Limited: s.stats.limited.Load(), Written: s.stats.written.Load(), Queued: s.queue.bytes()}
}
