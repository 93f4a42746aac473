package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Repaired is what Repair found and mended.
type Repaired struct {
	Torn  int64 // bytes of the .idx that were no good records
	Found int64 // bytes of the .log without a record; they have one now
	Cut   bool  // the last line had no newline; it has one now, and is Partial
}

// Repair makes a segment whole that was open when its writer ended: the torn end of the .idx is cut off, a torn last line
// is completed, and data without a record gets one, of an unknown worker, at the time of the last change, but not before that
// of the segment before, which is after (a file's time is coarser than a record's). Doing it twice changes nothing. The segment is a closed one afterwards. The errors are those of the files, with their names.
func Repair(log, idx *os.File, after int64) (Repaired, error) {
	var done Repaired
	st, err := log.Stat()
	if err != nil {
		return done, err
	}
	it, err := idx.Stat()
	if err != nil {
		return done, err
	}
	size := min(st.Size(), MaxEnd-1)
	good, last, err := lastGood(idx, size)
	if err != nil {
		return done, fmt.Errorf("cannot read %s: %w", idx.Name(), err)
	}
	if done.Torn = it.Size() - good; done.Torn > 0 {
		if err := idx.Truncate(good); err != nil {
			return done, err
		}
	}
	rest, ok := last.Rest(size, max(after, st.ModTime().UnixNano()))
	if !ok {
		return done, nil
	}
	done.Found = rest.End - rest.Start
	whole, err := lastNewline(log, rest.Start, size)
	if err != nil {
		return done, err
	}
	var records []byte
	if whole > rest.Start {
		r := rest.Record
		r.End = whole
		records = r.Append(records)
	}
	if whole < size {
		if _, err := log.WriteAt([]byte{'\n'}, size); err != nil {
			return done, err
		}
		done.Cut = true
		r := rest.Record
		r.End, r.Partial = size+1, true
		records = r.Append(records)
	}
	_, err = idx.WriteAt(records, good)
	return done, err
}

// lastGood is how many bytes of an .idx are good records, and the last of them by itself. It reads a piece at a time: whatever
// a crash, or somebody else, has left, it needs no more memory.
func lastGood(idx io.ReaderAt, size int64) (good int64, last Records, err error) {
	piece := make([]byte, RecordSize+64<<10)
	for {
		known := copy(piece, last.b)
		n, err := idx.ReadAt(piece[known:], good)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, Records{}, err
		}
		all := last.More(piece[:known+n], size)
		fresh := len(all.b) - known
		good += int64(fresh)
		if fresh > 0 {
			last = Records{append([]byte(nil), all.b[len(all.b)-RecordSize:]...)}
		}
		if fresh < len(piece)-known {
			return good, last, nil
		}
	}
}

// lastNewline is the offset after the last newline between two offsets; start if there is none.
func lastNewline(f io.ReaderAt, start, end int64) (int64, error) {
	piece := make([]byte, MaxLine)
	for end > start {
		b := piece[:min(int64(len(piece)), end-start)]
		if n, err := f.ReadAt(b, end-int64(len(b))); n < len(b) && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return end - int64(len(b)) + int64(i) + 1, nil
		}
		end -= int64(len(b))
	}
	return start, nil
}
