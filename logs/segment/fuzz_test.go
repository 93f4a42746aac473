package segment

import (
	"bytes"
	"testing"
)

// Whatever is in an index, the ranges that come of it follow one another within the file, and in time.
func FuzzGood(f *testing.F) {
	whole := records(Record{Time: 10, End: 5}, Record{Time: 10, End: 9, Slot: 3}, Record{Time: 20, End: 30, Partial: true})
	f.Add(whole, int64(30), 1)
	f.Add(whole[:20], int64(30), 0)
	f.Add(make([]byte, 40), int64(-1), 3)
	f.Fuzz(func(t *testing.T, idx []byte, size int64, known int) {
		r := Good(idx, size)
		var last Range
		for i := range r.Len() {
			at := r.At(i)
			if at.Start != last.Record.End || at.End <= at.Start || at.Time < last.Time || at.End > MaxEnd || size >= 0 && at.End > size {
				t.Fatalf("record %d: %+v after %+v of %d", i, at, last, size)
			}
			if r.Find(at.Start) != i || r.Since(at.Time) > i {
				t.Fatalf("record %d is not found", i)
			}
			last = at
		}
		if !bytes.Equal(r.b, idx[:len(r.b)]) {
			t.Fatal("other records")
		}
		// Looked at while it grew, it is the same.
		if known = min(max(known, 0), len(idx)); Good(idx[:known], size).More(idx, size).Len() != r.Len() {
			t.Fatal("looked at twice, there are other records")
		}
	})
}

// Whatever a crash has left, a repair makes a closed segment of it: the same data, each byte with a record, whole lines.
func FuzzRepair(f *testing.F) {
	f.Add([]byte("one\ntwo\nthr"), records(Record{Time: 10, End: 4, Slot: 1}))
	f.Add([]byte("one\n"), []byte{1, 2, 3})
	f.Add([]byte{}, make([]byte, 16))
	f.Fuzz(func(t *testing.T, data, index []byte) {
		log, idx := file(t, "1.log", data), file(t, "1.idx", index)
		if _, err := Repair(log, idx, 0); err != nil {
			t.Fatal(err)
		}
		after := content(t, log)
		if want := len(data); !bytes.HasPrefix(after, data) || len(after) > want+1 {
			t.Fatalf("%q became %q", data, after)
		}
		r := Good(content(t, idx), int64(len(after)))
		if r.End() != int64(len(after)) {
			t.Fatalf("records to %d of %d", r.End(), len(after))
		}
		if covered := Good(index, int64(len(data))).End(); len(after) > int(covered) && after[len(after)-1] != '\n' {
			t.Fatalf("no newline at the end of %q", after)
		}
	})
}

func FuzzParseName(f *testing.F) {
	f.Add("00000001.log")
	f.Fuzz(func(t *testing.T, name string) {
		if n, k, ok := ParseName(name); ok && Name(n, k) != name {
			t.Fatalf("%q is %d %v", name, n, k)
		}
	})
}
