package reaper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// All children and five orphans of each die at the same moment, ten times: no status is lost, none comes twice, none is
// another's, and no zombie stays.
func TestAllDieAtOnce(t *testing.T) {
	const own, each = 2000, 5
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	if os.Getenv(insideVariable) == "" {
		compile(t, "brood")
	}
	if !inside(t, asPID1) {
		return
	}
	brood := filepath.Join(os.TempDir(), "brood")
	l := newLedger(t)
	if l.Role() != PID1 {
		t.Fatalf("role %v, want PID 1", l.Role())
	}
	for round := range rounds {
		gateR, gateW, _ := os.Pipe()
		readyR, readyW, _ := os.Pipe()
		var exits [own]atomic.Int32
		processes := make([]*Process, own)
		for i := range own {
			var err error
			processes[i], err = l.Start(&Command{
				Argv:  []string{brood, strconv.Itoa(i % 251), strconv.Itoa(each)},
				Files: []int{-1, 1, 2, int(gateR.Fd()), int(readyW.Fd())},
				Notify: func(e Event) {
					if e.Kind == Exited {
						exits[i].Add(1)
					}
				},
			})
			if err != nil {
				t.Fatalf("round %d, child %d: %v", round, i, err)
			}
		}
		readyW.Close()
		if ready, _ := io.ReadAll(readyR); len(ready) != own {
			t.Fatalf("%d of %d are ready", len(ready), own)
		}
		gateR.Close()
		gateW.Close()
		for i, p := range processes {
			<-p.Done()
			if code := p.Status().Code(); code != i%251 {
				t.Fatalf("round %d: child %d has status %d", round, i, code)
			}
		}
		eventually(t, "all orphans reaped", func() bool { return l.Orphans() == uint64((round+1)*own*each) })
		for i := range exits {
			eventually(t, "the exit to be told", func() bool { return exits[i].Load() > 0 }) // after Done
			if n := exits[i].Load(); n != 1 {
				t.Fatalf("round %d: child %d exited %d times", round, i, n)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for pid, statuses := range l.orphans {
		for _, s := range statuses {
			if s.Code() != 99 {
				t.Fatalf("orphan %d has status %d: it was one of ours", pid, s.Code())
			}
		}
	}
	if left := others(t); len(left) > 0 {
		t.Fatalf("%d processes are left: %v", len(left), left)
	}
	t.Logf("%d children, %d orphans", rounds*own, l.Reaper.Orphans())
}

// others are the processes of our PID namespace but ourselves; zombies are among them.
func others(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, d := range dirs {
		if filepath.Base(d) != strconv.Itoa(os.Getpid()) {
			left = append(left, d)
		}
	}
	return left
}

func TestNothingGrows(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	cycle := func(n int) {
		for i := range n {
			p, err := l.Start(&Command{Argv: []string{"/bin/true"}, Env: []string{"A=1"}, Group: true})
			if err != nil {
				t.Fatalf("start %d: %v", i, err)
			}
			<-p.Done()
			if p.Status().Code() != 0 {
				t.Fatalf("status %d", p.Status().Code())
			}
		}
	}
	total := 20000
	if testing.Short() {
		total = 4000
	}
	cycle(total / 10)
	before := usageOf(t)
	cycle(total - total/10)
	after := usageOf(t)
	t.Logf("before %+v, after %+v", before, after)
	if after.descriptors != before.descriptors {
		t.Errorf("descriptors: %d, then %d", before.descriptors, after.descriptors)
	}
	// The runtime may want one more for as many system calls as ever blocked at the same time; thousands of starts are not that many.
	if after.threads > before.threads+4 {
		t.Errorf("threads: %d, then %d", before.threads, after.threads)
	}
	if after.heap > before.heap+64<<10 {
		t.Errorf("heap: %d bytes, then %d", before.heap, after.heap)
	}
	if len(l.children) != 0 || len(l.starting) != 0 {
		t.Errorf("%d children and %d starts are still known", len(l.children), len(l.starting))
	}
}

type usage struct {
	descriptors, threads int
	heap                 uint64
}

func usageOf(t *testing.T) usage {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{len(fds), len(threads), m.HeapAlloc}
}

// A status that comes while Start has not returned is kept, and is no orphan's. Made by hand, for the window is small.
func TestExitBeforeStartReturns(t *testing.T) {
	l := &Reaper{children: map[int]*Process{}}
	var told []Kind
	p := &Process{reaper: l, pidfd: -1, done: make(chan struct{}), published: new(atomic.Int32),
		notify: func(e Event) { told = append(told, e.Kind) }}
	p.published.Store(4711)
	l.starting = append(l.starting, p)
	l.deliver(4711, Event{Kind: Stopped})
	l.deliver(4711, Event{Kind: Exited})
	l.deliver(4711, Event{Kind: Exited}) // the same pid again: by now it can only be an orphan's
	if len(p.early) != 2 || l.Orphans() != 1 || len(told) != 0 || !p.exited {
		t.Fatalf("early %d, orphans %d, told %v", len(p.early), l.Orphans(), told)
	}
}

// The same with real children: many are started at once, killed by themselves as fast as can be, while others reap.
func TestInstantDeaths(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	stop := make(chan struct{})
	var reapers sync.WaitGroup
	for range 2 {
		reapers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					l.Reap()
				}
			}
		})
	}
	var starters sync.WaitGroup
	for g := range 4 {
		starters.Go(func() {
			for i := range 250 {
				switch (i + g) % 3 {
				case 0: // the exec fails: dead before Start returns
					_, err := l.Start(&Command{Argv: []string{"/nonexistent"}})
					var failed *StartError
					if !errors.As(err, &failed) || !failed.NotFound() || failed.Errno != unix.ENOENT {
						t.Errorf("start of nothing: %v", err)
					}
				case 1:
					p, err := l.Start(&Command{Argv: []string{"/bin/sh", "-c", "kill -9 $$"}})
					if err != nil {
						t.Error(err)
						continue
					}
					if <-p.Done(); p.Status().Signal() != unix.SIGKILL {
						t.Errorf("status %v, want SIGKILL", p.Status())
					}
				case 2:
					p, err := l.Start(&Command{Argv: []string{"/bin/false"}})
					if err != nil {
						t.Error(err)
						continue
					}
					if <-p.Done(); p.Status().Code() != 1 {
						t.Errorf("status %v, want 1", p.Status())
					}
				}
			}
		})
	}
	starters.Wait()
	close(stop)
	reapers.Wait()
	l.Reap()
	if l.Reaper.Orphans() != 0 {
		t.Errorf("%d statuses of ours went for orphans'", l.Reaper.Orphans())
	}
}

// A pid that is used again at once is another process, to Signal as to the delivery of statuses.
func TestPIDReuse(t *testing.T) {
	if !inside(t, asPID1) {
		return
	}
	l := newLedger(t)
	const lastPID = "/proc/sys/kernel/ns_last_pid"
	for i := range 200 {
		first, err := l.Start(&Command{Argv: []string{"/bin/sh", "-c", "exit 3"}})
		if err != nil {
			t.Fatal(err)
		}
		<-first.Done()
		if err := os.WriteFile(lastPID, []byte(strconv.Itoa(first.PID()-1)), 0); err != nil {
			t.Skipf("%s: %v", lastPID, err)
		}
		second, err := l.Start(&Command{Argv: []string{"/bin/cat"}, Files: pipeReader(t)})
		if err != nil {
			t.Fatal(err)
		}
		if second.PID() != first.PID() {
			t.Fatalf("pid %d was not used again but %d", first.PID(), second.PID())
		}
		for _, send := range []func(unix.Signal) error{first.Signal, first.SignalGroup} {
			if err := send(unix.SIGKILL); !errors.Is(err, unix.ESRCH) {
				t.Fatalf("signal to a process that is gone: %v", err)
			}
		}
		if err := second.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-second.Done()
		if first.Status().Code() != 3 || second.Status().Signal() != unix.SIGTERM {
			t.Fatalf("round %d: statuses %v and %v", i, first.Status(), second.Status())
		}
	}
}

// pipeReader is a stdin that never ends.
func pipeReader(t *testing.T) []int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return []int{int(r.Fd()), 1, 2}
}

// Stop and continue are told, in order, and are no deaths.
func TestStopAndContinue(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	events := make(chan Event, 8)
	// In a group of its own, for one that is orphaned (whoever started the tests has gone) ignores SIGTSTP.
	p, err := l.Start(&Command{Argv: []string{"/bin/cat"}, Files: pipeReader(t), Group: true, Notify: func(e Event) { events <- e }})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		send unix.Signal
		want Event
	}{
		{unix.SIGSTOP, Event{Kind: Stopped, Signal: unix.SIGSTOP}},
		{unix.SIGCONT, Event{Kind: Continued}},
		{unix.SIGTSTP, Event{Kind: Stopped, Signal: unix.SIGTSTP}},
		{unix.SIGCONT, Event{Kind: Continued}},
	} {
		if err := p.Signal(step.send); err != nil {
			t.Fatal(err)
		}
		if e := <-events; e != step.want {
			t.Fatalf("after %v: %+v, want %+v", step.send, e, step.want)
		}
		select {
		case <-p.Done():
			t.Fatal("taken for dead")
		default:
		}
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := <-events; e.Kind != Exited || e.Status.Code() != 137 || e.Status.Signal() != unix.SIGKILL {
		t.Fatalf("%+v", e)
	}
	<-p.Done()
}

// Orphans come to a subreaper as to PID 1, with their own statuses.
func TestOrphans(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	if l.Role() != Subreaper {
		t.Fatalf("role %v, want a child subreaper", l.Role())
	}
	// The orphan reports its parent once it is one.
	out, _ := l.run(t, &Command{Argv: []string{"/bin/sh", "-c",
		`(sh -c 'while kill -0 $0 2>/dev/null && [ "$(cut -d" " -f4 /proc/$$/stat)" != ` + strconv.Itoa(os.Getpid()) + ` ]; do :; done
		cut -d" " -f4 /proc/$$/stat; exit 44' $$ &)`}})
	if strings.TrimSpace(out) != strconv.Itoa(os.Getpid()) {
		t.Errorf("the orphan's parent is %q, we are %d", out, os.Getpid())
	}
	eventually(t, "the orphan reaped", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, statuses := range l.orphans {
			for _, s := range statuses {
				if s.Code() == 44 {
					return true
				}
			}
		}
		return false
	})
}

// forkBomb does not end when a fork is refused, as that of a shell does.
const forkBomb = `
import os
while True:
    try: os.fork()
    except OSError: pass
`

// With the pid limit of its container filled by a fork bomb, PID 1 lives, refuses politely, and starts again when there
// is room. It makes no thread meanwhile: that would be the end of it.
func TestPIDLimitReached(t *testing.T) {
	const limit = "48"
	group := ""
	if os.Getenv(insideVariable) == "" {
		group = pidsCgroup(t, limit)
		t.Setenv("REAPER_TEST_CGROUP", filepath.Join(group, "cgroup.procs"))
	}
	if !inside(t, asPID1) {
		return
	}
	l := newLedger(t)
	warm(t)
	if err := os.WriteFile(os.Getenv("REAPER_TEST_CGROUP"), []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	threads := usageOf(t).threads
	bomb, err := l.Start(&Command{Argv: []string{"/usr/bin/env", "python3", "-c", forkBomb}, Files: []int{-1, -1, -1}, Group: true})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for refused < 50 {
		p, err := l.Start(&Command{Argv: []string{"/bin/true"}})
		var failed *StartError
		switch {
		case err == nil:
			<-p.Done()
		case errors.As(err, &failed) && failed.Step == "fork" && failed.Errno == unix.EAGAIN:
			refused++
		default:
			t.Fatalf("start with the limit reached: %v", err)
		}
	}
	if err := bomb.SignalGroup(unix.SIGSTOP); err != nil && !errors.Is(err, unix.ESRCH) {
		t.Fatal(err)
	}
	eventually(t, "the bomb is gone", func() bool {
		_ = unix.Kill(-1, unix.SIGKILL)
		l.Reap()
		return len(others(t)) == 0
	})
	if _, s := l.run(t, &Command{Argv: []string{"/bin/sh", "-c", "exit 5"}}); s.Code() != 5 {
		t.Fatalf("after the bomb: status %d", s.Code())
	}
	if now := usageOf(t).threads; now != threads {
		t.Errorf("threads: %d before, %d after", threads, now)
	}
	t.Logf("refused %d times", refused)
}

// warm makes all the threads that this test will want.
func warm(t *testing.T) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() { unix.Read(int(r.Fd()), make([]byte, 1)) })
	}
	eventually(t, "12 goroutines in the kernel", func() bool { return usageOf(t).threads >= 12 })
	w.Close()
	wg.Wait()
}

func pidsCgroup(t *testing.T, limit string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(mounts) {
		f := strings.Fields(string(line))
		v1 := strings.Contains(string(line), " - cgroup ") && strings.Contains(f[len(f)-1], "pids")
		v2 := strings.Contains(string(line), " - cgroup2 ")
		if !v1 && !v2 {
			continue
		}
		dir := filepath.Join(f[4], fmt.Sprintf("goinit-reaper-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, "cgroup "+dir+" is empty", func() bool { return os.Remove(dir) == nil })
		})
		if os.WriteFile(filepath.Join(dir, "pids.max"), []byte(limit), 0) == nil {
			return dir
		}
	}
	t.Skip("no cgroup with the pids controller can be made here")
	return ""
}
