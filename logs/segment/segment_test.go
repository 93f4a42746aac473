package segment

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestNames(t *testing.T) {
	for number, want := range map[int]string{1: "00000001.log", 12345678: "12345678.log", MaxNumber: "99999999.log"} {
		if got := Name(number, Log); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		for _, kind := range []Kind{Log, Index, Compressed} {
			if n, k, ok := ParseName(Name(number, kind)); n != number || k != kind || !ok {
				t.Errorf("%s is %d %v %v", Name(number, kind), n, k, ok)
			}
		}
	}
	for _, name := range []string{"", "00000000.log", "1.log", "000000001.log", "00000001", "00000001.log.zst.tmp", "+0000001.log", ".lock", "0000000é.log"} {
		if _, _, ok := ParseName(name); ok {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestApps(t *testing.T) {
	for name, want := range map[string]bool{"web": true, "a-b_9": true, "": false, "..": false, "Web": false, "a/b": false, "9": false, ".lock": false,
		string(bytes.Repeat([]byte("a"), MaxApp)): true, string(bytes.Repeat([]byte("a"), MaxApp+1)): false} {
		if ValidApp(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestList(t *testing.T) {
	got := List([]string{"00000003.log", "00000002.log.zst", "00000002.idx", "00000001.log", "00000001.log.zst", "x", "00000009.idx", "00000004.log.zst.tmp"})
	want := []Segment{{1, true, false, true}, {2, false, true, true}, {3, true, false, false}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

// The layout is what other programs rely on, byte by byte.
func TestRecordLayout(t *testing.T) {
	r := Record{Time: 0x0102030405060708, End: 0x1122334455, Slot: 0xABCD, Stderr: true, Note: true}
	want := []byte{8, 7, 6, 5, 4, 3, 2, 1, 0x55, 0x44, 0x33, 0x22, 0x11, 0xCD, 0xAB, 0b00001_101}
	b := r.Append(nil)
	if !bytes.Equal(b, want) {
		t.Errorf("%x, want %x", b, want)
	}
	if got, ok := decode(b); got != r || !ok {
		t.Errorf("%+v %v", got, ok)
	}
}

func records(all ...Record) (b []byte) {
	for _, r := range all {
		b = r.Append(b)
	}
	return b
}

func TestGood(t *testing.T) {
	whole := records(Record{Time: 10, End: 5}, Record{Time: 10, End: 9, Slot: 3}, Record{Time: 20, End: 30, Partial: true})
	other := bytes.Clone(whole)
	other[2*RecordSize+15] = 2<<3 | other[2*RecordSize+15]&7
	cases := []struct {
		name string
		idx  []byte
		size int64
		want int
	}{
		{"whole", whole, 30, 3},
		{"size unknown", whole, -1, 3},
		{"empty", nil, 30, 0},
		{"cut off", whole[:len(whole)-1], 30, 2},
		{"beyond the file", whole, 29, 2},
		{"another version", other, 30, 2},
		{"not further", append(bytes.Clone(whole), records(Record{Time: 20, End: 30})...), 99, 3},
		{"back in time", append(bytes.Clone(whole), records(Record{Time: 19, End: 31})...), 99, 3},
		{"zeros, as after a power cut", append(bytes.Clone(whole), make([]byte, 64)...), 99, 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := Good(c.idx, c.size)
			if r.Len() != c.want {
				t.Fatalf("%d records, want %d", r.Len(), c.want)
			}
			if c.want < 2 {
				return
			}
			if got, want := r.At(1), (Range{5, Record{Time: 10, End: 9, Slot: 3}}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
	r := Good(whole[:RecordSize], 5).More(whole, 30)
	if r.Len() != 3 || r.End() != 30 || r.Last() != 20 {
		t.Errorf("%d records to %d", r.Len(), r.End())
	}
	for time, want := range map[int64]int{0: 0, 10: 0, 11: 2, 20: 2, 21: 3} {
		if got := r.Since(time); got != want {
			t.Errorf("since %d: %d, want %d", time, got, want)
		}
	}
	for offset, want := range map[int64]int{0: 0, 4: 0, 5: 1, 29: 2, 30: 3} {
		if got := r.Find(offset); got != want {
			t.Errorf("offset %d: %d, want %d", offset, got, want)
		}
	}
}

func TestRepair(t *testing.T) {
	good := records(Record{Time: 10, End: 4, Slot: 1})
	future := time.Now().Add(time.Hour).UnixNano()
	cases := []struct {
		name     string
		log      string
		idx      []byte
		want     string
		repaired Repaired
		ranges   []Range // but for the time of the last change
	}{
		{"nothing to do", "one\n", good, "one\n", Repaired{}, []Range{{0, Record{Time: 10, End: 4, Slot: 1}}}},
		{"torn record", "one\n", append(bytes.Clone(good), 1, 2, 3), "one\n", Repaired{Torn: 3}, []Range{{0, Record{Time: 10, End: 4, Slot: 1}}}},
		{"data without a record", "one\ntwo\n", good, "one\ntwo\n", Repaired{Found: 4},
			[]Range{{0, Record{Time: 10, End: 4, Slot: 1}}, {4, Record{End: 8, Slot: UnknownSlot}}}},
		{"torn line", "one\ntw", good, "one\ntw\n", Repaired{Found: 2, Cut: true},
			[]Range{{0, Record{Time: 10, End: 4, Slot: 1}}, {4, Record{End: 7, Slot: UnknownSlot, Partial: true}}}},
		{"all of it", "one\ntwo\nthr", append(bytes.Clone(good), make([]byte, 32)...), "one\ntwo\nthr\n", Repaired{Torn: 32, Found: 7, Cut: true},
			[]Range{{0, Record{Time: 10, End: 4, Slot: 1}}, {4, Record{End: 8, Slot: UnknownSlot}}, {8, Record{End: 12, Slot: UnknownSlot, Partial: true}}}},
		{"no index", "one\n", nil, "one\n", Repaired{Found: 4}, []Range{{0, Record{End: 4, Slot: UnknownSlot}}}},
		{"the file is shorter than its index", "on", good, "on\n", Repaired{Torn: 16, Found: 2, Cut: true}, []Range{{0, Record{End: 3, Slot: UnknownSlot, Partial: true}}}},
		{"empty", "", nil, "", Repaired{}, nil},
		{"a clock that went back", "one\ntwo\n", records(Record{Time: future, End: 4}), "one\ntwo\n", Repaired{Found: 4},
			[]Range{{0, Record{Time: future, End: 4}}, {4, Record{Time: future, End: 8, Slot: UnknownSlot}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			log, idx := file(t, "1.log", []byte(c.log)), file(t, "1.idx", c.idx)
			done, err := Repair(log, idx, 0)
			if err != nil || done != c.repaired {
				t.Errorf("%+v %v, want %+v", done, err, c.repaired)
			}
			after := content(t, log)
			if string(after) != c.want {
				t.Errorf("%q, want %q", after, c.want)
			}
			index := content(t, idx)
			r := Good(index, int64(len(after)))
			if r.Len() != len(c.ranges) || len(index) != r.Len()*RecordSize {
				t.Fatalf("%d records in %d bytes, want %d", r.Len(), len(index), len(c.ranges))
			}
			for i, want := range c.ranges {
				got := r.At(i)
				if want.Time == 0 && time.Since(time.Unix(0, got.Time)).Abs() < time.Minute {
					got.Time = 0
				}
				if got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
			if done, err := Repair(log, idx, 0); err != nil || done != (Repaired{}) {
				t.Errorf("a second time: %+v %v", done, err)
			}
		})
	}
}

// A file's time may be a little before that of the last record of the segment before it.
func TestRepairIsNotBefore(t *testing.T) {
	log, idx := file(t, "2.log", []byte("one\n")), file(t, "2.idx", nil)
	after := time.Now().Add(time.Second).UnixNano()
	if _, err := Repair(log, idx, after); err != nil {
		t.Fatal(err)
	}
	if r := Good(content(t, idx), 4); r.Len() != 1 || r.Last() != after {
		t.Errorf("%d records, the last at %d, want %d", r.Len(), r.Last(), after)
	}
}

func file(t testing.TB, name string, b []byte) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

func content(t testing.TB, f *os.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
