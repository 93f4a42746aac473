package store

import (
	"slices"
	"sync"
	"time"
)

// queue is the batches between the taker and the writer.
type queue struct {
	patience time.Duration
	most     int // extra batches

	wake chan struct{} // the writer's: there may be something to do
	free chan struct{} // the taker's: there may be a batch

	mu     sync.Mutex
	full   []*Batch // submitted, the oldest first; the first may be the one that is being written
	idle   []*Batch
	made   int       // ordinary batches
	extras int       // extra batches, wherever they are
	since  time.Time // when the writer last got on with it, or was given something to do
	broken bool      // the last write failed
	ended  bool
	held   bool // the taker has a batch that is not full
}

// ordinary is how many batches there are while all is well: one that is read into, and one that is written.
const ordinary = 2

func (q *queue) init(memory int, patience time.Duration) {
	q.patience, q.most = patience, max(1, memory/batchSize-ordinary)
	q.wake, q.free = make(chan struct{}, 1), make(chan struct{}, 1)
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (q *queue) poke() { notify(q.wake) }

// stalled reports whether the store makes no progress.
func (q *queue) stalled() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stalledLocked()
}

// hold reports whether a batch that is not full should wait with the taker.
func (q *queue) hold() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = q.stalledLocked()
	return q.held
}

// stalledLocked reports whether the store makes no progress.
func (q *queue) stalledLocked() bool {
	return q.ended || q.broken || len(q.full) > 0 && time.Since(q.since) > q.patience
}

// acquire is a batch to read into; nil: there is none now.
func (q *queue) acquire(never bool, s *Store) *Batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if k := len(q.idle); k > 0 {
		b := q.idle[k-1] // the last that was used is in the processor's cache
		q.idle = q.idle[:k-1]
		return b
	}
	if q.made < ordinary {
		q.made++
		return newBatch()
	}
	stalled := q.stalledLocked()
	if !stalled && !never {
		return nil
	}
	if q.extras < q.most {
		q.extras++
		b := newBatch()
		b.extra = true
		return b
	}
	return q.dropOldest(stalled, s)
}

// dropOldest makes the oldest of the extra batches empty again.
func (q *queue) dropOldest(stalled bool, s *Store) *Batch {
	for i, b := range q.full {
		if b.begun || !b.extra || b.keep && !stalled {
			continue
		}
		q.full = slices.Delete(q.full, i, i+1)
		for _, c := range b.chains {
			q.lose(s, b, c, q.full[i:])
		}
		b.reset()
		b.extra = true
		return b
	}
	return nil
}

// lose counts a chain, where the app goes on.
func (q *queue) lose(s *Store, b *Batch, c chain, later []*Batch) {
	var dropped, limited uint64
	for i := c.first; i >= 0; i = b.entries[i].next {
		e := &b.entries[i]
		n := countLines(e.text)
		s.stats.lost.Add(n)
		c.app.lost.Add(n)
		dropped += n + e.dropped
		limited += e.limited
	}
	for _, l := range later {
		for _, next := range l.chains {
			if next.app == c.app {
				l.entries[next.first].dropped += dropped
				l.entries[next.first].limited += limited
				return
			}
		}
	}
	c.app.dropped.Add(dropped)
	c.app.limited.Add(limited)
	c.app.owing.Store(true)
}

// submit is to be followed by a poke of the writer, or by a turn of one's own.
func (q *queue) submit(b *Batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.full) == 0 {
		q.since = time.Now()
	}
	q.full = append(q.full, b)
}

// next is the batch to be written; it stays in the queue until it is done. nil: there is none.
func (q *queue) next() *Batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.full) == 0 {
		return nil
	}
	q.full[0].begun = true
	return q.full[0]
}

// progress notes that a write has come back.
func (q *queue) progress() {
	q.mu.Lock()
	q.since = time.Now()
	q.mu.Unlock()
}

// done lets the first batch go, and reports whether the taker should be woken.
func (q *queue) done() (held bool) {
	q.mu.Lock()
	b := q.full[0]
	q.full = slices.Delete(q.full, 0, 1) // and no batch is held behind the end
	q.since = time.Now()
	if b.extra {
		q.extras--
	} else {
		b.reset()
		q.idle = append(q.idle, b)
	}
	held, q.held = q.held, false
	q.mu.Unlock()
	notify(q.free)
	return held
}

// fail notes whether writing is possible.
func (q *queue) fail(broken bool) {
	q.mu.Lock()
	changed := q.broken != broken
	q.broken = broken
	q.since = time.Now()
	q.mu.Unlock()
	if changed {
		notify(q.free)
	}
}

func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	notify(q.free)
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.full)
}

func (q *queue) bytes() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for _, b := range q.full {
		n += b.used
	}
	return n
}

// Await returns when Take may have space again, or after tick: for the apps that do not wait.
func (s *Store) Await(tick time.Duration) {
	timer := time.NewTimer(min(tick, s.options.patience))
	defer timer.Stop()
	select {
	case <-s.queue.free:
	case <-timer.C:
	}
}
