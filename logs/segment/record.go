package segment

import "encoding/binary"

// RecordSize is a Record's size in a file, in bytes.
const RecordSize = 16

// MaxEnd is the largest offset that a Record can tell.
const MaxEnd = 1<<40 - 1

const version = 1

// Record says of a range of a .log, which begins where the record before ended, when it was read, and who wrote it.
type Record struct {
	Time    int64 // nanoseconds since 1970 (CLOCK_REALTIME), never less than the record's before
	End     int64 // offset in the .log, exclusive; the byte before it is a newline
	Slot    uint16
	Stderr  bool
	Partial bool // the newline at the end is not the worker's: a line was cut here, or ended without one; the range is one piece of it
	Note    bool // the range is goinit's own words about a gap, not the worker's
}

const (
	slotShift    = 40
	stderrBit    = 1 << 56
	partialBit   = 1 << 57
	noteBit      = 1 << 58
	versionShift = 59
)

// Append appends the record as it is in a file: two little-endian words of 64 bits, the time, and from the lowest bit on
// the end (40), the slot (16), stderr, partial, note, and the version (5).
func (r Record) Append(dst []byte) []byte {
	word := uint64(r.End)&MaxEnd | uint64(r.Slot)<<slotShift | version<<versionShift
	if r.Stderr {
		word |= stderrBit
	}
	if r.Partial {
		word |= partialBit
	}
	if r.Note {
		word |= noteBit
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Time))
	return binary.LittleEndian.AppendUint64(dst, word)
}

// decode reads the record at the beginning of b, which has RecordSize bytes at least; false: of another version.
func decode(b []byte) (Record, bool) {
	word := binary.LittleEndian.Uint64(b[8:])
	return Record{
		Time: int64(binary.LittleEndian.Uint64(b)), End: int64(word & MaxEnd), Slot: uint16(word >> slotShift),
		Stderr: word&stderrBit != 0, Partial: word&partialBit != 0, Note: word&noteBit != 0,
	}, word>>versionShift == version
}
