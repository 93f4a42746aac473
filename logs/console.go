// Package logs is what becomes of the workers' output: from each worker's pipes to the console, which is PID 1's own stdout
// and stderr, by line; to the store (package store), where it is kept; and the last words of each app into memory, for the
// news of a worker's end.
//
// The invariant: nothing that a worker writes and nothing that a reader of the console or a disk does, or fails to do, stops
// goinit, loses a line without a count of it, or makes memory grow. Lines are whole: one is never mixed with another's.
//
// One goroutine, the loop, owns all pipes and their unfinished lines. It waits in one epoll set, reads into the store's own
// buffer and has the store write that at once; where a disk keeps it, another goroutine becomes the loop. An idle worker costs
// two pipes and about 200 bytes, no goroutine and no thread. Each console descriptor has a queue of bounded size and a goroutine
// that writes it; see sink for when a worker is made to wait for the console (half a second at most) and when its lines are
// dropped, counted and told. What is stored does not wait for the console.
//
// This package knows nothing of apps but their names. A Console is safe for concurrent use.
package logs

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"goinit/logs/store"

	"golang.org/x/sys/unix"
)

// Options of a Console.
type Options struct {
	// Stdout and Stderr are the console's descriptors, 1 and 2 in PID 1; -1 for none. They are never set O_NONBLOCK, and
	// not closed by Close. Workers with Inherit are given them.
	Stdout, Stderr int
	// Colour gives the names in front of lines a colour by app. For terminals.
	Colour bool
	// Lost is told how many lines the console did not show, when it takes lines again. It is called on the goroutine that
	// writes the console and must not block: it should log a warning through Messages. If nil, a line of text is
	// written.
	Lost func(Loss)
	// Broken is told of a panic that was survived, of this package or of Lost: a defect. If nil, a line of text is written.
	Broken func(error)

	// Store is where lines are kept; nil: the last of them are kept in memory, and that is all.
	Store *store.Store

	queue    int           // bytes a console descriptor; 0: queueSize. Tests have others
	patience time.Duration // 0: patience
	kept     int           // bytes an app; 0: keptSize
}

const (
	queueSize = 512 << 10 // more than the largest line as JSON, in which a byte may take six
	keptSize  = 1 << 20
	readSize  = 64 << 10 // the size of a pipe
	grownPipe = 256 << 10

	// Where there is a store, memory holds the last words of each app.
	keptBesideStore = 64 << 10
	thinFrom        = 32 << 10 // of so many bytes that are not shown by line
	thinTo          = 4 << 10  // no more than these, and the rest of their first line, are kept in memory
	thinLines       = 64       // and of them no more than so many lines
)

// Console is the way from the workers' pipes to the console and into memory.
type Console struct {
	options        Options
	stdout, stderr *sink // may be the same
	kept           *recent
	losses         losses

	// What auto and the names' width depend on; see Plan.
	names sync.Mutex
	first string
	many  atomic.Bool
	width atomic.Int32

	pipes    *pipes
	buffer   []byte // the loop's, as all below; made when it is first wanted, where there is no store
	at       moment //
	round    round  //
	relief   func() // takeOver
	over     bool   // there will be no more
	counting atomic.Bool
	events   []unix.EpollEvent
	active   []*stream     // ready, and not watched
	next     int           // of active, which is read next
	finished []*stream     // in this round; who waits for them is not told yet
	delayed  []*stream     // to be drained when the store has room
	paused   time.Time     // when a round was over
	busy     bool          // that was a moment ago
	rest     time.Duration // how long it left the pipes alone
	yielded  time.Time     // when others had their turn
	ended    chan struct{}

	mu       sync.Mutex
	streams  map[uint32]*stream
	nextID   uint32
	draining []*stream // asked for by Drain
	closed   bool
}

// New starts the loop. The descriptors that it needs are opened now, so that a full table later does not matter to it.
func New(o Options) (*Console, error) {
	if o.queue == 0 {
		o.queue = queueSize
	}
	if o.patience == 0 {
		o.patience = patience
	}
	if o.kept == 0 {
		o.kept = keptSize
		if o.Store != nil {
			o.kept = keptBesideStore
		}
	}
	c := &Console{options: o, kept: newRecent(o.kept), streams: make(map[uint32]*stream), nextID: wakeID + 1,
		ended: make(chan struct{}), events: make([]unix.EpollEvent, 64)}
	c.relief, c.at.line, c.at.told, c.at.heard = c.takeOver, c.line, c.told, c.heard
	var err error
	if c.pipes, err = newPipes(); err != nil {
		return nil, errors.New("cannot watch the workers' output: " + err.Error())
	}
	if c.stdout, err = c.openSink(o.Stdout); err == nil {
		if c.stderr = c.stdout; !sameFile(o.Stdout, o.Stderr) {
			c.stderr, err = c.openSink(o.Stderr)
		}
	}
	if err != nil {
		c.pipes.close()
		if c.stdout != nil {
			c.stdout.close()
		}
		return nil, errors.New("cannot write to the console: " + err.Error())
	}
	go c.loop()
	return c, nil
}

func (c *Console) openSink(fd int) (*sink, error) {
	d, err := openDevice(fd)
	if err != nil {
		return nil, err
	}
	return newSink(d, c.options.queue, c.options.patience, c.tellLosses, func(lines uint64) { c.losses.add("", lines) }), nil
}

// sameFile reports whether two descriptors lead to one pipe, terminal or file: then lines keep their order across them.
func sameFile(a, b int) bool {
	var x, y unix.Stat_t
	return a == b || unix.Fstat(a, &x) == nil && unix.Fstat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// Plan says which workers there will be, by name, for what Auto means and how wide the column of names is. Without it,
// and for workers that it does not name, both follow from what is opened. To be called again when the spec changes.
func (c *Console) Plan(workers ...string) {
	c.names.Lock()
	defer c.names.Unlock()
	c.first = ""
	c.many.Store(false)
	c.width.Store(0)
	for _, name := range workers {
		c.know(name)
	}
}

func (c *Console) know(name string) {
	if c.first == "" {
		c.first = name
	}
	c.many.Store(c.many.Load() || c.first != name)
	c.width.Store(max(c.width.Load(), int32(len(name))))
}

// Messages is where goinit's own lines go: into the queue of stderr, of which a part is kept for them. A write is one
// entry, is never waited for and never fails; one that does not fit is counted as a Loss.
func (c *Console) Messages() io.Writer { return messageWriter{c} }

type messageWriter struct{ c *Console }

func (w messageWriter) Write(b []byte) (int, error) {
	if !w.c.stderr.put(b, urgent) {
		w.c.losses.add("", 1)
	}
	return len(b), nil
}

// Close shows what is queued, until the deadline and no longer, and ends the Console's goroutines. Pipes that are still
// open are read once more, and closed.
func (c *Console) Close(deadline time.Time) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	for _, s := range c.streams {
		c.draining = append(c.draining, s)
	}
	c.mu.Unlock()
	if c.options.Store != nil {
		c.options.Store.Hurry() // else a disk that does not answer would keep us for two seconds
	}
	c.pipes.interrupt()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
	}
	c.stdout.flush(deadline)
	c.tellLosses()
	c.stderr.flush(deadline)
	c.stdout.close()
	c.stderr.close()
	<-c.ended // a closed sink keeps nobody waiting
	c.pipes.close()
}

// Wake has the loop look again at what it has for the store. It never blocks.
func (c *Console) Wake() {
	c.pipes.interrupt()
}

// Stats are counts since the start, and what is held now.
type Stats struct {
	Lost   uint64 // lines, of workers and of goinit, that the console did not show
	Queued int    // bytes
	Kept   int    // bytes, of all apps
	Pipes  int
}

// Stats can be asked for at any time.
func (c *Console) Stats() Stats {
	s := Stats{Lost: c.losses.total.Load(), Queued: c.stdout.queued(), Kept: c.kept.bytes()}
	if c.stderr != c.stdout {
		s.Queued += c.stderr.queued()
	}
	c.mu.Lock()
	s.Pipes = len(c.streams)
	c.mu.Unlock()
	return s
}
