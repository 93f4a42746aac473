package store

import (
	"bytes"
	"sync"
	"time"

	"goinit/logs/segment"
)

const (
	// MaxTake is the largest piece that Take is asked for: an unfinished line, and a pipe of 256 KiB read full.
	MaxTake   = segment.MaxLine + 256<<10
	batchSize = MaxTake + lineUp

	// lineUp is how a text lies in memory: as in its file, modulo a line of the processor's cache. To write it costs a quarter less
	// then: the kernel's copy (rep movsb) is slow from one alignment to another.
	lineUp = 64
)

// Batch is what was read and is not written yet: one buffer, and who wrote which part of it, in a chain for each app.
type Batch struct {
	buffer  []byte
	used    int
	entries []entry
	chains  []chain
	at      int  // the chain that is being written
	begun   bool // some of it may be written
	extra   bool // one of those that the store has while it makes no progress, or for apps that never wait
	keep    bool // there are lines in it of apps that must not lose any while there is progress
}

// chain is the entries of one app, in order.
type chain struct {
	app         *App
	first, last int
}

// entry is whole lines of one stream, or one piece of a line. What was written of it is cut off.
type entry struct {
	text    []byte
	newline bool // one is to be added
	record  segment.Record
	dropped uint64 // so many lines before it are lost
	limited uint64
	next    int // in the chain; -1: the last
}

func newBatch() *Batch { return &Batch{buffer: make([]byte, batchSize)} }

func (b *Batch) reset() {
	clear(b.entries) // their texts may be notes
	*b = Batch{buffer: b.buffer, entries: b.entries[:0], chains: b.chains[:0]}
	if cap(b.entries) > 4096 {
		b.entries = nil
	}
}

func (b *Batch) add(a *App, e entry) {
	e.next = -1
	i := len(b.entries)
	b.entries = append(b.entries, e)
	if a.batch != b || a.chain >= len(b.chains) || b.chains[a.chain].app != a {
		a.batch, a.chain = b, len(b.chains)
		b.chains = append(b.chains, chain{a, i, i})
		return
	}
	c := &b.chains[a.chain]
	b.entries[c.last].next = i
	c.last = i
}

// taken is what the taker is at.
type taken struct {
	mu    sync.Mutex // of the batch, which is looked at when it cannot be written
	batch *Batch
	space []byte // what Take returned
	end   int    // of what was put of it
	cut   bool   // something was over a rate, and the writer has not heard of it
}

// Take returns space for n bytes that the app's worker has written; nil: the app has to wait until Await returns.
func (s *Store) Take(a *App, n int) []byte {
	t := &s.taken
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.batch != nil && len(t.batch.buffer)-t.batch.used < n {
		s.queue.submit(t.batch)
		s.queue.poke()
		t.batch = nil
	}
	if t.batch == nil {
		if t.batch = s.queue.acquire(a.limits.Load().Drop || s.hurried.Load(), s); t.batch == nil {
			return nil
		}
	}
	if skip := (int(a.ends.Load()) - t.batch.used) & (lineUp - 1); t.batch.used+skip+n <= len(t.batch.buffer) {
		t.batch.used += skip
	}
	if t.batch.extra && !a.limits.Load().Drop {
		t.batch.keep = true
	}
	t.space = t.batch.buffer[t.batch.used : t.batch.used+n]
	t.end = t.batch.used
	return t.space
}

// Put takes text, which lies in the space that Take returned, behind what was put before: whole lines, or with Partial one
// piece of a line, to which a newline is added. What it returns of text is what is kept; the rest was over the app's rate.
func (s *Store) Put(a *App, r segment.Record, text []byte) []byte {
	t := &s.taken
	kept := text
	if rate := a.limits.Load().Rate; rate > 0 {
		kept = a.rate.admit(text, rate, r.Time)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end += len(text)
	t.batch.used = t.end
	if len(kept) > 0 {
		e := entry{text: kept, newline: r.Partial, record: r}
		if a.owing.Load() {
			a.owing.Store(false)
			e.dropped, e.limited = a.dropped.Swap(0), a.limited.Swap(0)
		}
		t.batch.add(a, e)
	}
	if len(kept) < len(text) {
		n := countLines(text[len(kept):])
		s.stats.limited.Add(n)
		a.limited.Add(n)
		a.cut.Add(n)
		a.lastCut.Store(r.Time)
		a.owing.Store(true)
		t.cut = true // the note is to come behind what was put before
	}
	return kept
}

// Room reports whether Take has space for n bytes without a Submit, if it has any at all.
func (s *Store) Room(n int) bool {
	b := s.taken.batch
	return b == nil || b.extra || len(b.buffer)-b.used >= n
}

// Submit writes what was put, or hands it over to the writer where that would have to wait. To be called before the taker waits
// for more. While the store makes no progress a batch is filled before it is handed over.
//
// If writing takes long, come is called on another goroutine, which is the taker from then on; Submit then returns true at
// last, and who called it is to leave everything of the taker's alone. With nil it is waited for.
func (s *Store) Submit(come func()) (relieved bool) {
	if s.taken.cut {
		s.taken.cut = false
		defer s.queue.poke()
	}
	return s.handOver() && s.writeNow(come)
}

// handOver puts the taker's batch into the queue, if it should be there.
func (s *Store) handOver() bool {
	t := &s.taken
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.batch
	if b == nil || b.extra && s.queue.hold() {
		return false
	}
	if len(b.entries) == 0 {
		b.used = 0 // all of it was over a rate
		return false
	}
	s.queue.submit(b)
	t.batch = nil
	return true
}

// Finish is the last Submit.
func (s *Store) Finish() {
	s.taken.mu.Lock()
	defer s.taken.mu.Unlock()
	if b := s.taken.batch; b != nil && len(b.entries) > 0 {
		s.queue.submit(b)
		s.queue.poke()
	}
	s.taken.batch = nil
}

// bucket allows so many lines in each second.
type bucket struct {
	since int64
	count int
}

// admit is the part of text that is within the rate.
func (k *bucket) admit(text []byte, rate int, now int64) []byte {
	if now-k.since >= int64(time.Second) || now < k.since {
		k.since, k.count = now, 0
	}
	n := int(countLines(text))
	if k.count+n <= rate {
		k.count += n
		return text
	}
	end := 0
	for ; k.count < rate; k.count++ {
		i := bytes.IndexByte(text[end:], '\n')
		if i < 0 {
			k.count = rate
			return text
		}
		end += i + 1
	}
	return text[:end]
}

// countLines is how many lines are in b, an unfinished one included.
func countLines(b []byte) uint64 {
	n := bytes.Count(b, []byte{'\n'})
	if len(b) > 0 && b[len(b)-1] != '\n' {
		n++
	}
	return uint64(n)
}
