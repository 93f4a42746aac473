package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goinit/logs/segment"
)

func TestWhatIsWrittenIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	k := start(t, Options{Directories: []string{dir}})
	web, db := k.App("web", Limits{}), k.App("db", Limits{})
	k.must(web, segment.Record{Slot: 1}, "one\ntwo\n")
	k.must(db, segment.Record{Stderr: true}, "\x00\xff\n")
	k.must(web, segment.Record{Slot: 2, Stderr: true}, "three\n")
	k.must(web, segment.Record{Slot: 2, Partial: true}, "a piece")
	k.must(web, segment.Record{Slot: 2, Time: 5}, "a clock that went back\n")
	k.flush()
	if got, want := fmt.Sprintf("%q", readDisk(t, dir, "web")), `["1:1 one\ntwo\n" "1:2e three\n" "1:2p a piece\n" "1:2 a clock that went back\n"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%q", readDisk(t, dir, "db")), `["1:0e \x00\xff\n"]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	k.end()
	k = start(t, Options{Directories: []string{dir}})
	k.must(k.App("web", Limits{}), segment.Record{}, "the next\n")
	k.flush()
	if got := readDisk(t, dir, "web"); len(got) != 5 || got[4].String() != "2:0 the next\n" {
		t.Errorf("%q", got)
	}
	if k.said() != "" {
		t.Error(k.said())
	}
}

// Records come within a moment, without anybody asking for them.
func TestRecordsFollow(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{})
	for range 3 {
		k.must(a, segment.Record{}, "x\n")
		k.Submit(nil)
	}
	until(t, "there is a record for each byte", func() bool {
		st, err := os.Stat(filepath.Join(dir, "web", "00000001.idx"))
		return err == nil && st.Size() == 3*segment.RecordSize
	})
}

// Whatever the sizes are, everything is there once, in order, in segments that are no larger than they may be.
func TestRotation(t *testing.T) {
	for _, maxSize := range []int64{1, 100, 4 << 10, 100_000} {
		t.Run(fmt.Sprint(maxSize), func(t *testing.T) {
			dir := t.TempDir()
			k := start(t, Options{Directories: []string{dir}})
			a := k.App("web", Limits{MaxSize: maxSize, MaxFiles: 1 << 20})
			var want strings.Builder
			longest := int64(0)
			reads := 100
			if maxSize < 1000 {
				reads = 12 // of which each has many files
			}
			for i := range reads {
				var text strings.Builder
				for n := range rand.IntN(20) + 1 {
					line := fmt.Sprintf("%d.%d %s\n", i, n, strings.Repeat("x", rand.IntN(50)))
					text.WriteString(line)
					longest = max(longest, int64(len(line)))
				}
				partial := i%10 == 9
				piece := text.String()
				if partial {
					piece = strings.ReplaceAll(piece, "\n", "")
					longest = max(longest, int64(len(piece)))
				}
				k.must(a, segment.Record{Slot: uint16(i % 3), Partial: partial}, piece)
				want.WriteString(piece)
				if partial {
					want.WriteString("\n")
				}
				if i%7 == 0 {
					k.Submit(nil)
				}
			}
			k.flush()
			all := readDisk(t, dir, "web")
			if texts(all) != want.String() {
				t.Error("something else is there than was written")
			}
			sizes := map[int]int64{}
			for _, p := range all {
				sizes[p.number] += int64(len(p.text))
			}
			for n, size := range sizes {
				if size > max(maxSize, longest+1) {
					t.Errorf("segment %d has %d bytes", n, size)
				}
			}
		})
	}
}

func numbers(t *testing.T, dir, app string) (all []int) {
	t.Helper()
	for _, p := range readDisk(t, dir, app) {
		if !slices.Contains(all, p.number) {
			all = append(all, p.number)
		}
	}
	return all
}

func TestMaxFiles(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{MaxSize: 10, MaxFiles: 3})
	for i := range 9 {
		k.must(a, segment.Record{}, fmt.Sprintf("line %03d\n", i))
	}
	k.flush()
	if got := numbers(t, dir, "web"); !slices.Equal(got, []int{7, 8, 9}) {
		t.Errorf("%v", got)
	}
	k.end()
	k = start(t, Options{Directories: []string{dir}})
	k.must(k.App("web", Limits{MaxSize: 10, MaxFiles: 2}), segment.Record{}, "fewer now\n")
	k.flush()
	if got := numbers(t, dir, "web"); !slices.Equal(got, []int{9, 10}) {
		t.Errorf("%v", got)
	}
}

// The whole is bounded, and who says much does not take another's place.
func TestMaxTotal(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}, MaxTotal: 100_000})
	calm, loud := k.App("calm", Limits{MaxSize: 5000}), k.App("loud", Limits{MaxSize: 5000, MaxFiles: 1000})
	k.must(calm, segment.Record{}, "a line of long ago\n")
	for range 3000 {
		k.must(loud, segment.Record{}, strings.Repeat("x", 99)+"\n")
		k.Submit(nil)
	}
	k.flush()
	size := int64(0)
	filepath.Walk(dir, func(_ string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() {
			size += st.Size()
		}
		return nil
	})
	if size > 100_000 || size < 80_000 {
		t.Errorf("%d bytes", size)
	}
	if got := texts(readDisk(t, dir, "calm")); got != "a line of long ago\n" {
		t.Errorf("%q", got)
	}
	u, err := k.Usage(t.Context())
	if err != nil || u.Bytes != size || u.Directory != dir || len(u.Apps) != 2 || u.Apps[1].Bytes+u.Apps[0].Bytes != size {
		t.Errorf("%+v, want %d bytes; %v", u, size, err)
	}
}

func TestMaxAge(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{MaxSize: 10, MaxAge: time.Hour})
	long := time.Now().Add(-2 * time.Hour).UnixNano()
	k.must(a, segment.Record{Time: long}, "of two hours ago\n")
	k.must(a, segment.Record{Time: long}, "this one, too\n")
	k.must(a, segment.Record{}, "of now\n")
	k.Submit(nil)
	k.flush()
	until(t, "only the last is left", func() bool {
		names, _ := filepath.Glob(filepath.Join(dir, "web", "*.log"))
		return len(names) == 1 && filepath.Base(names[0]) == "00000003.log"
	})
	if got := texts(readDisk(t, dir, "web")); got != "of now\n" {
		t.Errorf("%q", got)
	}
}

func TestVacuum(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a, b := k.App("a", Limits{MaxSize: 10}), k.App("b", Limits{MaxSize: 10})
	old := time.Now().Add(-time.Hour).UnixNano()
	for range 3 {
		k.must(a, segment.Record{Time: old}, "123456789\n")
		k.must(b, segment.Record{}, "123456789\n")
	}
	k.flush()
	if n, freed, err := k.Vacuum(t.Context(), nil, -1, time.Minute); n != 3 || freed != 3*26 || err != nil {
		t.Errorf("by age: %d, %d bytes, %v", n, freed, err)
	}
	if n, freed, err := k.Vacuum(t.Context(), []string{"b"}, 30, 0); n != 2 || freed != 2*26 || err != nil {
		t.Errorf("by size: %d, %d bytes, %v", n, freed, err)
	}
	if got := numbers(t, dir, "b"); !slices.Equal(got, []int{3}) {
		t.Errorf("%v", got)
	}
	k.must(b, segment.Record{}, "goes on\n")
	k.flush()
	if got := numbers(t, dir, "b"); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("%v", got)
	}
}

func TestRateLimit(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{Rate: 3})
	k.flush() // else the writer begins while we put, and tells at once of what is said to be long ago
	at := k.now - 10e9
	k.must(a, segment.Record{Time: at}, "1\n2\n")
	k.must(a, segment.Record{Time: at}, "3\n4\n5\n")
	k.must(a, segment.Record{Time: at}, "6\n")
	k.must(a, segment.Record{Time: at + 2e9}, "7\n")
	k.must(a, segment.Record{Time: at + 2e9}, "8\n9\n10\n")
	k.Submit(nil)
	want := "1\n2\n3\ngoinit: 3 lines lost here: the app's rate_limit is 3 a second\n7\n8\n9\ngoinit: 1 line lost here: the app's rate_limit is 3 a second\n"
	until(t, "the last loss is told, too", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "web", "00000001.log"))
		return string(b) == want
	})
	k.flush()
	if all := readDisk(t, dir, "web"); texts(all) != want || !all[2].Note || all[2].Slot != segment.UnknownSlot {
		t.Errorf("%q", all)
	}
	if c := k.Counts(); c.Limited != 4 || c.Lost != 0 {
		t.Errorf("%+v", c)
	}
}

// In memory, the same; and what is handed out cannot be written to.
func TestMemory(t *testing.T) {
	k := start(t, Options{Directories: []string{"/proc/nowhere"}})
	a := k.App("web", Limits{MaxFiles: 100})
	for range 12 << 10 {
		k.must(a, segment.Record{Slot: 3}, strings.Repeat("x", 1023)+"\n")
	}
	k.must(a, segment.Record{}, "the last\n")
	k.flush()
	u, err := k.Usage(t.Context())
	if err != nil || u.Bytes > memoryTotal || u.Bytes < memoryTotal/2 || u.Directory != "" || u.Why != "cannot keep logs in /proc/nowhere: no such file or directory" {
		t.Errorf("%+v %v", u, err)
	}
	if want := "cannot keep logs in /proc/nowhere: no such file or directory; the last 8 MiB are kept in memory\n  to keep them: mount a volume there, or set log_store.directory"; k.said() != want {
		t.Errorf("%s\nwant\n%s", k.said(), want)
	}
	files, err := k.Files(t.Context(), "web", 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []piece
	last := int64(0)
	for i, f := range files {
		data, index := os.NewFile(uintptr(f.Data), "log"), os.NewFile(uintptr(f.Index), "idx")
		if f.Open != (i == len(files)-1) || f.App != "web" || f.Compressed {
			t.Errorf("%+v", f)
		}
		if _, err := data.Write([]byte("x")); err == nil {
			t.Error("it can be written to")
		}
		var some []piece
		some, last = pieces(t, f.Number, contents(t, data), contents(t, index), last)
		all = append(all, some...)
		data.Close()
		index.Close()
	}
	if n := len(all); n < 4000 || all[n-1].text != "the last\n" || all[0].Slot != 3 {
		t.Errorf("%d pieces", n)
	}
	if later, err := k.Files(t.Context(), "web", files[len(files)-1].Number); len(later) != 0 || err != nil {
		t.Errorf("%v %v", later, err)
	}
}

func contents(t *testing.T, f *os.File) []byte {
	t.Helper()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, st.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		t.Fatal(err)
	}
	return b
}

// Two goinits do not write to one directory.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	first := start(t, Options{Directories: []string{dir}})
	first.flush()
	second := start(t, Options{Directories: []string{dir}})
	second.flush()
	if want := "cannot keep logs in " + dir + ": another goinit keeps its logs there; the last 8 MiB"; !strings.HasPrefix(second.said(), want) {
		t.Error(second.said())
	}
}

func TestWatch(t *testing.T) {
	k := start(t, Options{Directories: []string{t.TempDir()}})
	begun, stop := k.Watch()
	defer stop()
	k.must(k.App("web", Limits{}), segment.Record{}, "x\n")
	k.Submit(nil)
	select {
	case <-begun:
	case <-time.After(20 * time.Second):
		t.Error("nobody says that a segment was begun")
	}
}

// What is read lies in memory as it will in its file, from one line of the processor's cache to the next.
func TestTakeLinesUp(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{MaxSize: 300})
	want := ""
	for i := range 100 {
		text := fmt.Sprintf("%d\n", i)
		k.must(a, segment.Record{}, text)
		k.flush()
		want += text
		if k.Take(a, MaxTake) == nil {
			t.Fatal("no room for what is read at a time")
		}
		if at, end := k.taken.batch.used, a.ends.Load(); int64(at%lineUp) != end%lineUp {
			t.Fatalf("it would lie at %d in memory, and at %d in the file", at, end)
		}
	}
	if end := a.ends.Load(); end == 0 || end > 300 {
		t.Errorf("the file ends at %d", end)
	}
	if got := texts(readDisk(t, dir, "web")); !strings.HasSuffix(want, got) || got == "" {
		t.Errorf("%q", got)
	}
}
