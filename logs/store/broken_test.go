package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goinit/logs/segment"

	"golang.org/x/sys/unix"
)

// mounts runs the test again, in a mount namespace of its own; there it reports true.
func mounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv("STORE_TEST_MOUNTS") != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "STORE_TEST_MOUNTS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func tmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("store-test", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		t.Skip("cannot mount a tmpfs here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		until(t, "nobody is in the way of its mount point's removal", func() bool { return os.Remove(dir) == nil })
	})
	return dir
}

// numbered puts lines with numbers, as many a read as there are from first to last, and never waits.
func (k *taker) numbered(a *App, first, last int) {
	k.t.Helper()
	for i := first; i < last; {
		var text strings.Builder
		for ; i < last && text.Len() < 60_000; i++ {
			fmt.Fprintf(&text, "%08d %s\n", i, strings.Repeat("x", 90))
		}
		if !k.put(a, segment.Record{}, text.String()) {
			k.t.Fatal("it was made to wait")
		}
		k.Submit(nil)
	}
}

// complete checks that the lines from 0 to last are there once and in order, but for gaps that notes tell, to the line. It
// returns how many are missing.
func complete(t *testing.T, all []piece, last int) (missing int) {
	t.Helper()
	next := 0
	told := 0 // by notes since the last line
	for _, p := range all {
		if p.Note {
			n, _, _ := strings.Cut(strings.TrimPrefix(p.text, "goinit: "), " ")
			count, err := strconv.Atoi(strings.ReplaceAll(n, ",", ""))
			if err != nil {
				t.Errorf("a note that is none: %q", p.text)
			}
			told += count
			missing += count
			continue
		}
		for line := range strings.Lines(p.text) {
			n, err := strconv.Atoi(line[:8])
			if err != nil || n != next+told {
				t.Fatalf("line %q comes after %d, and %d are told to be lost", line, next-1, told)
			}
			next, told = n+1, 0
		}
	}
	if next+told != last {
		t.Errorf("the last line is %d of %d, and %d are told to be lost", next-1, last, told)
	}
	return missing
}

// On a full disk nobody waits, memory is bounded, what is lost is counted where it is missing, and it heals by itself.
func TestDiskFull(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := tmpfs(t, "1m")
	k := start(t, Options{Directories: []string{dir}, memory: 2 << 20, retry: 10 * time.Millisecond})
	a := k.App("web", Limits{MaxSize: 64 << 20, MaxFiles: 100})
	const lines = 100_000 // ten megabytes
	half := lines / 2
	k.numberedPatiently(a, 0, 12_000)
	until(t, "it is told", func() bool { return k.said() != "" })
	if want := "cannot write logs to " + dir + ": no space left on device; lines are kept in memory, the last 2 MiB of them, until it can be written again\n  make room there, or set a smaller log_store.max_total: what is kept then fits"; k.said() != want {
		t.Errorf("told:\n%s\nwant:\n%s", k.said(), want)
	}
	k.numbered(a, 12_000, half)
	if c := k.Counts(); c.Lost == 0 || c.Queued > 2<<20 {
		t.Errorf("%+v", c)
	}
	if err := unix.Mount("store-test", dir, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	until(t, "it is told that it works again", func() bool { return strings.Contains(k.said(), "\nlogs are written to "+dir+" again; ") })
	k.numberedPatiently(a, half, lines)
	k.flush()
	if missing := complete(t, readDisk(t, dir, "web"), lines); uint64(missing) != k.Counts().Lost {
		t.Errorf("%d are missing and %d were counted", missing, k.Counts().Lost)
	}
}

// numberedPatiently waits where it has to.
func (k *taker) numberedPatiently(a *App, first, last int) {
	k.t.Helper()
	for i := first; i < last; i++ {
		k.must(a, segment.Record{}, fmt.Sprintf("%08d %s\n", i, strings.Repeat("x", 90)))
		if i%500 == 499 {
			k.Submit(nil)
		}
	}
	k.Submit(nil)
}

// What is mounted over the directory read-only, and taken away again, costs nothing.
func TestReadOnly(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := tmpfs(t, "64m")
	k := start(t, Options{Directories: []string{dir}, retry: 10 * time.Millisecond})
	a := k.App("web", Limits{})
	k.numberedPatiently(a, 0, 1000)
	k.flush()
	if err := unix.Mount("store-test", dir, "tmpfs", unix.MS_RDONLY, "size=1m"); err != nil {
		t.Fatal(err)
	}
	next := 1000
	until(t, "it is told", func() bool {
		k.numberedPatiently(a, next, next+10) // until it is known, the writer may be behind
		next += 10
		return k.said() != ""
	})
	if want := "cannot write logs to " + dir + ": read-only file system; lines are kept in memory, the last 8 MiB of them, until it can be written again\n  mount it writable, or choose another log_store.directory (memory needs none)"; k.said() != want {
		t.Errorf("told:\n%s\nwant:\n%s", k.said(), want)
	}
	k.numbered(a, next, next+1000)
	next += 1000
	until(t, "no attempt to open a file is in the way of the unmount", func() bool { return unix.Unmount(dir, 0) == nil })
	until(t, "it is told that it works again", func() bool { return strings.HasSuffix(k.said(), "\nlogs are written to "+dir+" again") })
	k.numberedPatiently(a, next, next+1000)
	k.flush()
	if missing := complete(t, readDisk(t, dir, "web"), next+1000); missing != 0 {
		t.Errorf("%d are missing", missing)
	}
}

// Whoever removes the directory loses what was in it, and that is noted; what comes since is kept.
func TestDirectoryRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{MaxSize: 20_000, MaxFiles: 100})
	k.numberedPatiently(a, 0, 1000)
	k.flush()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	k.numberedPatiently(a, 1000, 2000)
	k.flush()
	all := readDisk(t, dir, "web")
	if !all[0].Note || all[0].text != "goinit: lines lost here: the log up to this line was removed or moved away\n" {
		t.Errorf("%q", all[0])
	}
	text := texts(all[1:])
	if !strings.HasPrefix(text, "00001000 ") || strings.Count(text, "\n") != 1000 || !strings.Contains(text, "\n00001999 ") {
		t.Errorf("%d lines, the first %.20q", strings.Count(text, "\n"), text)
	}
	// The lock is there again, too.
	second := start(t, Options{Directories: []string{dir}})
	second.flush()
	if !strings.Contains(second.said(), "another goinit") {
		t.Error(second.said())
	}
	if u, err := k.Usage(t.Context()); err != nil || u.Bytes != u.Apps[0].Bytes {
		t.Errorf("%+v %v", u, err)
	}
}

// stuck has the writer stand still until the returned function is called.
func (k *taker) stuck() (release func()) {
	k.t.Helper()
	gate, entered := make(chan struct{}), make(chan struct{})
	go k.do(context.Background(), func() { close(entered); <-gate })
	<-entered
	return func() { close(gate) }
}

// While the store makes progress, an app that blocks waits, and one that drops does not.
func TestBlockAndDrop(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}, memory: 2 << 20, patience: time.Hour})
	block, drop := k.App("block", Limits{}), k.App("drop", Limits{Drop: true})
	k.flush()
	release := k.stuck()
	n := 0
	for line := ""; ; n++ {
		if line = fmt.Sprintf("%08d %s\n", n, strings.Repeat("x", 50_000)); !k.put(block, segment.Record{}, line) {
			break
		}
		k.Submit(nil)
	}
	if n != ordinary {
		t.Errorf("it has to wait after %d reads", n)
	}
	k.numbered(drop, 0, 50_000) // five megabytes
	if k.put(block, segment.Record{}, "x\n") {
		t.Error("an app that blocks has overtaken")
	}
	if c := k.Counts(); c.Lost == 0 || c.Queued > 2<<20 {
		t.Errorf("%+v", c)
	}
	release()
	k.must(block, segment.Record{}, fmt.Sprintf("%08d\n", n))
	k.flush()
	if missing := complete(t, readDisk(t, dir, "block"), n+1); missing != 0 {
		t.Errorf("%d of the one that blocks are missing", missing)
	}
	if missing := complete(t, readDisk(t, dir, "drop"), 50_000); uint64(missing) != k.Counts().Lost {
		t.Errorf("%d of the one that drops are missing, %d are counted", missing, k.Counts().Lost)
	}
}

// A disk that does not answer is waited for, for a while; then nobody waits.
func TestStuckDisk(t *testing.T) {
	dir := t.TempDir()
	woken := make(chan struct{}, 1)
	k := start(t, Options{Directories: []string{dir}, memory: 2 << 20, patience: 20 * time.Millisecond, Wake: func() { notify(woken) }})
	a := k.App("web", Limits{})
	k.flush()
	release := k.stuck()
	k.numberedPatiently(a, 0, 60_000)
	if c := k.Counts(); c.Lost == 0 || c.Queued > 2<<20 {
		t.Errorf("%+v", c)
	}
	release()
	select {
	case <-woken: // the taker has a batch that is not full
	case <-time.After(20 * time.Second):
		t.Error("nobody wakes the taker")
	}
	k.numberedPatiently(a, 60_000, 61_000)
	k.flush()
	if missing := complete(t, readDisk(t, dir, "web"), 61_000); uint64(missing) != k.Counts().Lost {
		t.Errorf("%d are missing, %d are counted", missing, k.Counts().Lost)
	}
}

// Who asks while the disk is stuck gets what is known without it, and may look at the files.
func TestUsageWhileStuck(t *testing.T) {
	dir := t.TempDir()
	k := start(t, Options{Directories: []string{dir}})
	a := k.App("web", Limits{Drop: true})
	k.must(a, segment.Record{}, "one\n")
	k.flush()
	release := k.stuck()
	k.must(a, segment.Record{}, "more\n")
	k.Submit(nil)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	u, err := k.Usage(ctx)
	if err != nil || !u.Stuck || u.Directory != dir || u.Waiting < int64(len("more\n")) || len(u.Apps) > 0 {
		t.Errorf("%+v %v", u, err)
	}
	fd, err := k.Directory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if there, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil || there != dir {
		t.Errorf("%q, %v", there, err)
	}
	unix.Close(fd)
	release()
	k.flush()
	if u, err = k.Usage(t.Context()); err != nil || u.Stuck || u.Waiting != 0 || len(u.Apps) != 1 {
		t.Errorf("%+v %v", u, err)
	}
	k.door <- struct{}{} // somebody is stuck there
	if fd, err := k.Directory(ctx); err == nil {
		unix.Close(fd)
		t.Error("a second one goes there")
	}
}

// A writer that is stuck holds nobody up at the end.
func TestCloseOfAStuckWriter(t *testing.T) {
	k := start(t, Options{Directories: []string{t.TempDir()}})
	k.flush()
	release := k.stuck()
	defer release()
	began := time.Now()
	k.Close(began.Add(10 * time.Millisecond))
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// What cannot be written can be asked for all the same, what the taker has in hand included, and only once.
func TestWaiting(t *testing.T) {
	dir := t.TempDir()
	web := filepath.Join(dir, "web")
	must(t, os.WriteFile(web, nil, 0o600)) // no directory
	k := start(t, Options{Directories: []string{dir}, retry: 1})
	a, b := k.App("web", Limits{}), k.App("db", Limits{})
	k.must(b, segment.Record{}, "of another\n")
	k.flush()
	waiting := func() string {
		t.Helper()
		files, err := k.Waiting(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer CloseFiles(files)
		text := ""
		for _, f := range files {
			data, index := make([]byte, 1<<20), make([]byte, 1<<20)
			n, err := unix.Pread(f.Data, data, 0)
			m, err2 := unix.Pread(f.Index, index, 0)
			must(t, err, err2)
			all, _ := pieces(t, f.Number, data[:n], index[:m], 0)
			for _, p := range all {
				text += f.App + " " + p.String()
			}
		}
		return text
	}
	if got := waiting(); got != "" {
		t.Errorf("%q waits", got)
	}
	k.must(a, segment.Record{Slot: 1}, "one\ntwo\n")
	k.Submit(nil)
	until(t, "it cannot be written", func() bool { return k.said() != "" })
	want := "web 1:1 one\ntwo\n"
	for i := range ordinary + 2 { // the last ones stay with the taker
		k.must(a, segment.Record{Stderr: true, Partial: i == 1}, fmt.Sprint("more", i)+map[bool]string{false: "\n"}[i == 1])
		k.Submit(nil)
		want += fmt.Sprintf("web 1:0e%s more%d\n", map[bool]string{true: "p"}[i == 1], i)
	}
	if got := waiting(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if u, err := k.Usage(t.Context()); err != nil || u.Waiting < int64(len("one\ntwo\nmore0\nmore1more2\nmore3\n")) {
		t.Errorf("%+v %v", u, err)
	}
	must(t, os.Remove(web))
	until(t, "it is written again", func() bool { return strings.Contains(k.said(), "\nlogs are written to") })
	k.flush()
	if got := waiting(); got != "" {
		t.Errorf("%q waits", got)
	}
	if got := texts(readDisk(t, dir, "web")); got != "one\ntwo\nmore0\nmore1\nmore2\nmore3\n" {
		t.Errorf("%q", got)
	}
}
