package logs

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/logs/segment"
	"goinit/logs/store"
)

// keeper is a console with a store on disk.
func keeper(t *testing.T) (k *console, s *store.Store, dir string) {
	t.Helper()
	dir = t.TempDir()
	var c *console
	s = store.New(store.Options{Directories: []string{dir}, MaxTotal: 8 << 20, Tell: func(_ store.Level, text string) { t.Error(text) },
		Wake: func() { c.Wake() }})
	c = newConsole(t, Options{Store: s})
	s.Start()
	t.Cleanup(func() { s.Close(soon()) })
	return c, s, dir
}

type kept struct {
	segment.Range
	text string
}

// stored is an app's log, after what is pending was written.
func stored(t *testing.T, s *store.Store, dir, app string) (all []kept, size int64) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, app, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		index, err := os.ReadFile(strings.TrimSuffix(name, ".log") + ".idx")
		if err != nil {
			t.Fatal(err)
		}
		size += int64(len(data) + len(index))
		records := segment.Good(index, int64(len(data)))
		if records.End() != int64(len(data)) {
			t.Errorf("%s: records for %d of %d bytes", name, records.End(), len(data))
		}
		for i := range records.Len() {
			r := records.At(i)
			all = append(all, kept{r, string(data[r.Start:r.End])})
		}
	}
	return all, size
}

// What is shown is what is kept, whoever of the two looks at lines; the bytes are the worker's.
func TestKept(t *testing.T) {
	for _, mode := range []Mode{Raw, Prefix, JSON, Off} {
		k, s, dir := keeper(t)
		o := k.open(Worker{App: "web", Slot: 3, Console: mode})
		write(t, o.Stdout(), "one\n\x00\xff\x1b[31m\ntw")
		until(t, "it is read", func() bool { return len(k.Tail(Target{"web", 3}, 2)) == 2 })
		write(t, o.Stdout(), "o\nthree")
		write(t, o.Stderr(), "error\n")
		o.Drain(soon())
		stdout, stderr := "", ""
		all, _ := stored(t, s, dir, "web")
		for _, p := range all {
			if p.Slot != 3 || p.Partial != (p.text == "three\n") || time.Since(time.Unix(0, p.Time)).Abs() > time.Minute {
				t.Errorf("%+v", p)
			}
			if p.Stderr {
				stderr += p.text
			} else {
				stdout += p.text
			}
		}
		if stdout != "one\n\x00\xff\x1b[31m\ntwo\nthree\n" || stderr != "error\n" {
			t.Errorf("%q %q", stdout, stderr)
		}
		if got := joined(k.Tail(Target{"web", 3}, 9)); !strings.HasPrefix(got, "one\n") || !strings.Contains(got, "three\n") {
			t.Errorf("last words: %q", got)
		}
	}
}

// A line that does not end, of NULs, and a flood of short ones: memory and disk stay bounded, nothing is lost meanwhile, and
// what comes after them is as it should be. GOINIT_TEST_HOSTILE is how many bytes, 1000000000 in a release.
func TestHostileWriter(t *testing.T) {
	size := 40_000_000
	if n, err := strconv.Atoi(os.Getenv("GOINIT_TEST_HOSTILE")); err == nil {
		size = n
	}
	for name, script := range map[string]string{
		"no newline":  "head -c " + strconv.Itoa(size) + " /dev/zero",
		"short lines": "yes | head -c " + strconv.Itoa(size),
		"escapes":     "yes \"$(printf '\\033]0;title\\007\\033[2J')\" | head -c " + strconv.Itoa(size),
	} {
		t.Run(name, func(t *testing.T) {
			k, s, dir := keeper(t)
			before := weigh(t)
			o := k.open(Worker{App: "web", Console: Off, Limits: store.Limits{MaxSize: 1 << 20, MaxFiles: 3}})
			start(t, o, script+"; echo; echo the last")
			<-o.streams[0].done
			// Whoever was relieved while the disk was slow, and the watch, are on their way out.
			until(t, "there are no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before.goroutines })
			now := weigh(t).minus(before)
			t.Logf("%+v", now)
			if now.bytes > 4<<20 {
				t.Errorf("it has grown: %+v", now)
			}
			all, disk := stored(t, s, dir, "web")
			if disk > 4<<20 || disk < 1<<20 {
				t.Errorf("%d bytes on disk", disk)
			}
			for i, p := range all {
				if p.Note || p.Partial && len(p.text) != maxLine+1 && !strings.HasPrefix(all[i+1].text, "\n") {
					t.Errorf("%d: %+v of %d bytes", i, p.Range, len(p.text))
				}
			}
			if last := all[len(all)-1].text; !strings.HasSuffix(last, "\nthe last\n") && last != "the last\n" {
				t.Errorf("%.50q", last)
			}
			if c := s.Counts(); c.Lost != 0 || c.Written < uint64(size) {
				t.Errorf("%+v", c)
			}
		})
	}
}
