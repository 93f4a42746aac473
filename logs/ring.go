package logs

import (
	"encoding/binary"
	"time"
)

// A ring keeps the last lines of one app: records in chunks, the oldest of which goes when there are too many bytes. A
// chunk is only ever appended to, and growing one copies it, so that a reader may hold a line of it without a lock and
// without a copy.
type ring struct {
	app     string
	limit   int // bytes that are kept at least
	chunks  []*chunk
	size    int    // bytes in chunks
	appends uint64 // records ever written: the number of the next one
	workers []string
	tally   tally
}

type chunk struct {
	first   uint64 // the number of its first record in this ring
	count   uint64
	lastSeq uint64
	b       []byte
}

const (
	chunkSize  = 64 << 10
	headerSize = 8 + 8 + 4 + 4 + 2 + 1 // see put
	flagStderr = 1
	flagPart   = 2
	firstChunk = 1 << 10 // what an app that says little costs
)

// record is the head of a line in a chunk. seq orders lines across rings.
type record struct {
	seq        uint64
	at         int64
	generation uint32
	slot       uint16
	flags      uint8
}

// put appends a line.
func (r *ring) put(rec record, line []byte) {
	c := r.tip(headerSize + len(line))
	before := cap(c.b)
	b := c.b
	if need := len(b) + headerSize + len(line); need > cap(b) {
		size := max(2*before, firstChunk, need)
		if need <= chunkSize {
			size = min(size, chunkSize)
		}
		b = append(make([]byte, 0, size), b...)
	}
	b = binary.LittleEndian.AppendUint64(b, rec.seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(rec.at))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(line)))
	b = binary.LittleEndian.AppendUint32(b, rec.generation)
	b = binary.LittleEndian.AppendUint16(b, rec.slot)
	b = append(b, rec.flags)
	c.b = append(b, line...)
	c.count++
	c.lastSeq = rec.seq
	r.appends++
	r.size += headerSize + len(line)
	for len(r.chunks) > 1 && r.size-len(r.chunks[0].b) >= r.limit {
		r.size -= len(r.chunks[0].b)
		r.chunks[0] = nil
		r.chunks = r.chunks[1:]
	}
}

// tip is the chunk that the next n bytes go to. A line that is longer than a chunk has one of its own.
func (r *ring) tip(n int) *chunk {
	if k := len(r.chunks); k > 0 && len(r.chunks[k-1].b)+n <= chunkSize {
		return r.chunks[k-1]
	}
	if len(r.chunks) == cap(r.chunks) { // what was cut off in front is given back
		r.chunks = append(make([]*chunk, 0, len(r.chunks)+4), r.chunks...)
	}
	r.chunks = append(r.chunks, &chunk{first: r.appends})
	return r.chunks[len(r.chunks)-1]
}

// decode returns the record at the beginning of b, its line, and what follows.
func decode(b []byte) (rec record, line, rest []byte) {
	rec = record{
		seq:        binary.LittleEndian.Uint64(b),
		at:         int64(binary.LittleEndian.Uint64(b[8:])),
		generation: binary.LittleEndian.Uint32(b[20:]),
		slot:       binary.LittleEndian.Uint16(b[24:]),
		flags:      b[26],
	}
	end := headerSize + int(binary.LittleEndian.Uint32(b[16:]))
	return rec, b[headerSize:end:end], b[end:]
}

// line makes a Line of a record.
func (r *ring) line(rec record, b []byte) Line {
	l := Line{
		At: time.Unix(0, rec.at), App: r.app, Slot: int(rec.slot), Worker: r.worker(int(rec.slot)),
		Generation: int(rec.generation), Line: b, Partial: rec.flags&flagPart != 0,
	}
	if rec.flags&flagStderr != 0 {
		l.Stream = Stderr
	}
	return l
}

// worker is the name of the worker in a slot, made once.
func (r *ring) worker(slot int) string {
	for len(r.workers) <= slot {
		r.workers = append(r.workers, workerName(r.app, len(r.workers)))
	}
	return r.workers[slot]
}
