package logs

import (
	"container/heap"
	"runtime"
	"slices"
)

// reader is a position in each ring that is asked for. It looks at a bounded number of records at a time with the lock
// held: however much is kept, and whatever is asked for, the loop does not wait for it.
type reader struct {
	store *recent
	q     Query
	at    map[*ring]*position
	ready queue  // next's
	from  uint64 // no line before this one
	upTo  uint64 // without Follow, none after this one
	batch []Line
	more  bool // next returned early, not for want of lines
}

const (
	batchLines   = 128
	batchRecords = 4096
)

func newReader(s *recent, q Query) *reader {
	r := &reader{store: s, q: q, at: make(map[*ring]*position), batch: make([]Line, 0, batchLines)}
	if q.Tail > maxTail {
		r.q.Tail = -1
	}
	s.mu.Lock()
	r.upTo = s.seq
	var kept []keptChunk
	for _, ring := range s.rings {
		if !r.wantsApp(ring.app) || len(ring.chunks) == 0 {
			continue
		}
		r.at[ring] = &position{ring: ring, next: ring.chunks[0].first} // what is gone by now is not missed
		if r.q.Tail > 0 {
			for _, c := range ring.chunks {
				kept = append(kept, keptChunk{ring, *c})
			}
		}
	}
	s.mu.Unlock()
	if r.q.Tail >= 0 {
		r.from = r.nthLast(r.q.Tail, kept)
		r.skip()
	}
	return r
}

// keptChunk is a chunk as it was: what it held then does not change.
type keptChunk struct {
	ring *ring
	chunk
}

// nthLast is the sequence number of the n-th last line that is asked for.
func (r *reader) nthLast(n int, kept []keptChunk) uint64 {
	if n == 0 {
		return r.upTo + 1
	}
	slices.SortFunc(kept, func(a, b keptChunk) int { return int(int64(b.lastSeq - a.lastSeq)) }) // the newest first
	var found []uint64
	enough := uint64(0) // there are n lines after this one
	for i, c := range kept {
		if c.lastSeq <= enough {
			break
		}
		for b := c.b; len(b) > 0; {
			var rec record
			if rec, _, b = decode(b); rec.seq > enough && r.wants(c.ring, rec) {
				found = append(found, rec.seq)
			}
		}
		if len(found) > n {
			slices.Sort(found)
			found = found[:copy(found, found[len(found)-n:])]
			enough = found[0] - 1
		}
		if i%16 == 15 {
			runtime.Gosched()
		}
	}
	if len(found) < n {
		return 0
	}
	return slices.Min(found)
}

// skip leaves out the chunks that end before from.
func (r *reader) skip() {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	for ring, p := range r.at {
		for _, c := range ring.chunks {
			if c.lastSeq >= r.from {
				break
			}
			p.next = max(p.next, c.first+c.count)
		}
	}
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

// next is some more lines, none if there are none now.
func (r *reader) next() []Line {
	r.batch, r.more, r.ready = r.batch[:0], false, r.ready[:0]
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	r.newRings()
	for _, p := range r.at {
		if p.find() {
			r.ready = append(r.ready, p)
		}
	}
	heap.Init(&r.ready)
	for looked := 0; len(r.ready) > 0 && len(r.batch) < batchLines; looked++ {
		p := r.ready[0]
		if !r.q.Follow && p.seq > r.upTo {
			break
		}
		if looked == batchRecords {
			r.more = true
			break
		}
		rec, b, rest := decode(p.chunk.b[p.offset:])
		if rec.seq >= r.from && r.wants(p.ring, rec) {
			l := p.ring.line(rec, b)
			l.Missed, p.missed = p.missed, 0
			r.batch = append(r.batch, l)
		}
		p.next++
		p.offset = len(p.chunk.b) - len(rest)
		if p.find() {
			heap.Fix(&r.ready, 0)
		} else {
			heap.Pop(&r.ready)
		}
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
			r.at[ring] = &position{ring: ring}
		}
	}
	for ring := range r.at {
		if r.store.rings[ring.app] != ring {
			delete(r.at, ring)
		}
	}
}

// position is what comes next in a ring.
type position struct {
	ring   *ring
	next   uint64 // the record's number
	chunk  *chunk
	offset int
	seq    uint64 // the record's
	missed uint64
}

// find makes p point at record next of the ring, or at the first after it that is kept; false: there is none yet.
func (p *position) find() bool {
	if p.next >= p.ring.appends {
		return false
	}
	if oldest := p.ring.chunks[0].first; p.next < oldest {
		p.missed += oldest - p.next
		p.next, p.chunk = oldest, nil
	}
	if p.chunk == nil || p.next >= p.chunk.first+p.chunk.count {
		i := len(p.ring.chunks) - 1
		for p.ring.chunks[i].first > p.next {
			i--
		}
		p.chunk, p.offset = p.ring.chunks[i], 0
		for n := p.chunk.first; n < p.next; n++ {
			_, _, rest := decode(p.chunk.b[p.offset:])
			p.offset = len(p.chunk.b) - len(rest)
		}
	}
	rec, _, _ := decode(p.chunk.b[p.offset:])
	p.seq = rec.seq
	return true
}

// queue has the position whose record was read first in front.
type queue []*position

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].seq < q[j].seq }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(*position)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
