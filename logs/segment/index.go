package segment

import "sort"

// Range is a part of a .log that was read at one time from one pipe: whole lines, or one piece of a line.
type Range struct {
	Start int64 // offset in the .log
	Record
}

// Records is the good part of an .idx file, as it lies in the file. Nothing is decoded before it is asked for, so the file
// may be mapped into memory, and a file that is still written to can be looked at again.
type Records struct{ b []byte }

// Good is the records of an .idx up to the first that is torn: cut off, of another version, not beyond the one before, or
// beyond size, which is that of the .log; negative: the size is not known (a compressed segment's). The time it takes is
// a nanosecond or so a record.
func Good(idx []byte, size int64) Records {
	return Records{}.More(idx, size)
}

// More is Good for a file of which r is known to be good: idx is the whole of it, as it is now.
func (r Records) More(idx []byte, size int64) Records {
	if size < 0 {
		size = MaxEnd
	}
	good := min(len(r.b), len(idx)) / RecordSize * RecordSize
	last := Record{}
	if good > 0 {
		last, _ = decode(idx[good-RecordSize:])
	}
	for ; good+RecordSize <= len(idx); good += RecordSize {
		next, ok := decode(idx[good:])
		if !ok || next.End <= last.End || next.End > size || next.Time < last.Time {
			break
		}
		last = next
	}
	return Records{idx[:good:good]}
}

// Len is how many records there are.
func (r Records) Len() int { return len(r.b) / RecordSize }

// At is the range of record i.
func (r Records) At(i int) Range {
	var start int64
	if i > 0 {
		before, _ := decode(r.b[(i-1)*RecordSize:])
		start = before.End
	}
	rec, _ := decode(r.b[i*RecordSize:])
	return Range{start, rec}
}

// End is how much of the .log has a record: where data without one begins.
func (r Records) End() int64 {
	if r.Len() == 0 {
		return 0
	}
	return r.At(r.Len() - 1).Record.End
}

// Last is the time of the last record; 0: there is none.
func (r Records) Last() int64 {
	if r.Len() == 0 {
		return 0
	}
	return r.At(r.Len() - 1).Time
}

// Since is the first record that is not before a time; Len if there is none.
func (r Records) Since(time int64) int {
	return sort.Search(r.Len(), func(i int) bool {
		rec, _ := decode(r.b[i*RecordSize:])
		return rec.Time >= time
	})
}

// Find is the first record whose range ends after an offset in the .log; Len if it is beyond all.
func (r Records) Find(offset int64) int {
	return sort.Search(r.Len(), func(i int) bool {
		rec, _ := decode(r.b[i*RecordSize:])
		return rec.End > offset
	})
}

// Rest is the range of data without a record in a .log of that size and time of last change (in nanoseconds since 1970):
// of an unknown worker, and not before the last record. It may end in a line without a newline, which a writer may be
// about to complete. ok is false if there is none.
func (r Records) Rest(size, changed int64) (rest Range, ok bool) {
	rest = Range{r.End(), Record{Time: max(changed, r.Last()), End: size, Slot: UnknownSlot}}
	return rest, rest.Start < size
}
