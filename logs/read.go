package logs

import (
	"context"
	"slices"
	"time"
)

// Query says which of the lines that are kept.
type Query struct {
	Targets []Target // none: all
	Stream  string   // stdout, stderr; empty: both
	Since   time.Time
	Until   time.Time // zero: no end
	Tail    int       // the last so many of those; negative: all
	Follow  bool      // then whatever comes
}

// Target is a worker, or with WholeApp all of an app's.
type Target struct {
	App  string
	Slot int
}

// WholeApp is a Target's Slot.
const WholeApp = -1

// Read calls send for each line in the order in which they were read, and returns send's error; or nil at the end of what
// is kept; or, with Follow, when ctx ends. send may block for as long as it likes: nothing is queued for it. What is
// overwritten before it comes back is counted in the next line's Missed.
func (c *Console) Read(ctx context.Context, q Query, send func(Line) error) error {
	wake := c.kept.subscribe()
	defer c.kept.unsubscribe(wake)
	r := newReader(c.kept, q)
	for ctx.Err() == nil {
		lines := r.next()
		for _, l := range lines {
			if err := send(l); err != nil {
				return err
			}
		}
		switch {
		case len(lines) > 0 || r.more:
		case !q.Follow:
			return nil
		default:
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// Tail is the last n lines that are kept of a worker or an app; for messages about how something ended.
func (c *Console) Tail(t Target, n int) []Line {
	var lines []Line
	_ = c.Read(context.Background(), Query{Targets: []Target{t}, Tail: n}, func(l Line) error {
		if len(lines) < n { // more may come while we read
			lines = append(lines, l)
		}
		return nil
	})
	return lines
}

// reader is a position in each ring.
type reader struct {
	store *store
	q     Query
	at    map[*ring]*position
	from  uint64 // no line before this one
	upTo  uint64 // without Follow, none after this one
	batch []Line
	more  bool // next returned early, not for want of lines
}

// position is what comes next in a ring.
type position struct {
	next   uint64 // the record's number
	chunk  *chunk
	offset int
	missed uint64
}

const (
	batchLines   = 128
	batchRecords = 4096 // looked at with the lock held, at most
)

func newReader(s *store, q Query) *reader {
	r := &reader{store: s, q: q, at: make(map[*ring]*position), batch: make([]Line, 0, batchLines)}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.upTo = s.seq
	for _, ring := range s.rings {
		if r.wantsApp(ring.app) && len(ring.chunks) > 0 { // what is gone by now is not missed
			r.at[ring] = &position{next: ring.chunks[0].first}
		}
	}
	if q.Tail >= 0 {
		r.from = r.nthLast(q.Tail)
	}
	return r
}

// nthLast is the sequence number of the n-th last line that is asked for.
func (r *reader) nthLast(n int) uint64 {
	if n == 0 {
		return r.upTo + 1
	}
	var found []uint64
	enough := uint64(0) // there are n lines from here on
	for ring := range r.at {
		for i := len(ring.chunks) - 1; i >= 0 && ring.chunks[i].lastSeq > enough; i-- {
			for b := ring.chunks[i].b; len(b) > 0; {
				var rec record
				if rec, _, b = decode(b); rec.seq > enough && r.wants(ring, rec) {
					found = append(found, rec.seq)
				}
			}
			if len(found) > n {
				slices.Sort(found)
				found = found[:copy(found, found[len(found)-n:])]
				enough = found[0] - 1
			}
		}
	}
	if len(found) < n {
		return 0
	}
	return slices.Min(found)
}

func (r *reader) wantsApp(app string) bool {
	return len(r.q.Targets) == 0 || slices.ContainsFunc(r.q.Targets, func(t Target) bool { return t.App == app })
}

func (r *reader) wants(ring *ring, rec record) bool {
	stream := Stdout
	if rec.flags&flagStderr != 0 {
		stream = Stderr
	}
	return (len(r.q.Targets) == 0 || slices.ContainsFunc(r.q.Targets, func(t Target) bool {
		return t.App == ring.app && (t.Slot == WholeApp || t.Slot == int(rec.slot))
	})) &&
		(r.q.Stream == "" || r.q.Stream == stream.String()) &&
		(r.q.Since.IsZero() || rec.at >= r.q.Since.UnixNano()) &&
		(r.q.Until.IsZero() || rec.at <= r.q.Until.UnixNano())
}

// next is some more lines, none if there are none now. They are valid as long as they are held.
func (r *reader) next() []Line {
	r.batch, r.more = r.batch[:0], false
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.newRings()
	for looked := 0; len(r.batch) < batchLines; looked++ {
		if looked == batchRecords {
			r.more = true
			break
		}
		ring, p := r.earliest()
		if ring == nil {
			break
		}
		rec, b, rest := decode(p.chunk.b[p.offset:])
		if !r.q.Follow && rec.seq > r.upTo {
			break
		}
		p.next++
		p.offset = len(p.chunk.b) - len(rest)
		if rec.seq < r.from || !r.wants(ring, rec) {
			continue
		}
		l := ring.line(rec, b)
		l.Missed, p.missed = p.missed, 0
		r.batch = append(r.batch, l)
	}
	return r.batch
}

// newRings notices apps that were not there before, and forgets those that are gone.
func (r *reader) newRings() {
	if !r.q.Follow {
		return
	}
	for _, ring := range r.store.rings {
		if r.at[ring] == nil && r.wantsApp(ring.app) {
			r.at[ring] = &position{}
		}
	}
	for ring := range r.at {
		if r.store.rings[ring.app] != ring {
			delete(r.at, ring)
		}
	}
}

// earliest is the ring whose next record is the first of all.
func (r *reader) earliest() (first *ring, at *position) {
	seq := uint64(0)
	for ring, p := range r.at {
		if !p.find(ring) {
			continue
		}
		if rec, _, _ := decode(p.chunk.b[p.offset:]); first == nil || rec.seq < seq {
			first, at, seq = ring, p, rec.seq
		}
	}
	return first, at
}

// find makes p point at record p.next of the ring, or at the first after it that is kept.
func (p *position) find(ring *ring) bool {
	if p.next >= ring.appends {
		return false
	}
	if oldest := ring.chunks[0].first; p.next < oldest {
		p.missed += oldest - p.next
		p.next, p.chunk = oldest, nil
	}
	if p.chunk != nil && p.next < p.chunk.first+p.chunk.count {
		return true
	}
	i, _ := slices.BinarySearchFunc(ring.chunks, p.next+1, func(c *chunk, n uint64) int {
		if c.first < n {
			return -1
		}
		return 1
	})
	p.chunk, p.offset = ring.chunks[i-1], 0
	for n := p.chunk.first; n < p.next; n++ {
		_, _, rest := decode(p.chunk.b[p.offset:])
		p.offset = len(p.chunk.b) - len(rest)
	}
	return true
}
