package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const megabyte = 1 << 20

// A process is in its group before its first instruction: its own look says so.
func TestBirth(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		c := start(t, g, "show")
		text := ""
		for line, err := c.out.ReadString('\n'); err == nil; line, err = c.out.ReadString('\n') {
			text += line
		}
		<-c.exited
		if got := strings.Count(text, "/apps/web/0.1\n"); got != len(g.dirs) {
			t.Errorf("in %d groups, want %d (%v):\n%s", got, len(g.dirs), g.dirs, text)
		}
	})
}

// Whatever it does to get away, it dies with its group, and nothing is left of that.
func TestKillLeavesNobody(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		emptied := make(chan Event, 16)
		if err := g.Watch(Watch{Events: func(e Event) { emptied <- e }}); err != nil {
			t.Fatal(err)
		}
		const generations = 5
		c := start(t, g, "daemon "+strconv.Itoa(generations))
		for range generations + 1 {
			c.ready(t)
		}
		pids, err := g.Pids()
		if err != nil || len(pids) != generations+1 {
			t.Fatalf("%v, %v", pids, err)
		}
		if g.v2 != "" {
			if err := g.Kill(); err != nil {
				t.Fatal(err)
			}
			next(t, emptied, Emptied)
		}
		g.end(t)
		for _, pid := range pids {
			eventually(t, "process "+strconv.Itoa(pid)+" is reaped", func() bool { return unix.Kill(pid, 0) == unix.ESRCH })
		}
		for _, dir := range g.dirs {
			if exists(dir) {
				t.Errorf("%s is left", dir)
			}
		}
	})
}

// Who goes to a group of its own beneath does not get away either.
func TestKillTakesGroupsBeneath(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		c := start(t, g, "sleep")
		c.ready(t)
		beneath := filepath.Join(g.home, "mine")
		if err := os.Mkdir(beneath, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := write(filepath.Join(beneath, "cgroup.procs"), strconv.Itoa(c.PID())); err != nil {
			t.Fatal(err)
		}
		if err := g.Kill(); err != nil {
			t.Fatal(err)
		}
		if s := <-c.exited; s.Signal() != unix.SIGKILL {
			t.Errorf("status %d", s.Code())
		}
	})
}

func TestFreeze(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		if err := g.Watch(Watch{}); err != nil {
			t.Fatal(err)
		}
		c := start(t, g, "write")
		if _, err := c.out.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := g.Freeze(30 * time.Second); err != nil {
				t.Fatal(err)
			}
			if frozen, err := g.isFrozen(); !frozen || err != nil {
				t.Fatalf("it says that it is frozen, and is not: %v", err)
			}
			if err := g.Thaw(); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Freeze(30 * time.Second); err != nil {
			t.Fatal(err)
		}
		drainPipe(t, c)
		other := start(t, b.group(t, "other/0.1", nil), "hold 1") // some time goes by, in which it could have written
		other.ready(t)
		if n := drainPipe(t, c); n > 0 {
			t.Errorf("%d bytes were written by a frozen process", n)
		}
		if err := g.Thaw(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.out.ReadString('\n'); err != nil {
			t.Errorf("thawed, it does not write: %v", err)
		}
		if err := g.Freeze(30 * time.Second); err != nil {
			t.Fatal(err)
		}
		g.end(t) // the frozen die too
	})
}

// drainPipe takes what is in the child's pipe.
func drainPipe(t *testing.T, c *child) (n int) {
	t.Helper()
	c.out.Reset(c.pipe)
	raw, err := c.pipe.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64<<10)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			m, err := unix.Read(int(fd), buffer)
			if err != nil || m <= 0 {
				return true
			}
			n += m
		}
	})
	return n
}

// A Freeze that cannot come to its end ends when somebody thaws.
func TestThawEndsFreeze(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		if err := g.Watch(Watch{}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		for range 50 {
			go func() { done <- g.Freeze(30 * time.Second) }()
			if err := g.Thaw(); err != nil {
				t.Fatal(err)
			}
			if err := g.Remove(); err != nil {
				t.Fatal(err)
			}
			<-done // nil, ErrThawed, or that it is gone: it returns
			g = b.group(t, "web/0.1", nil)
		}
	})
}

func TestPidsAreRefused(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "pids")
		g := b.group(t, "web/0.1", &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: pointer(int64(30))}})
		events := make(chan Event, 64)
		if err := g.Watch(Watch{Events: func(e Event) { events <- e }}); err != nil {
			t.Fatal(err)
		}
		start(t, g, "fork 40")
		var s Stats
		eventually(t, "a fork is refused", func() bool { return g.Stat(&s) == nil && s.PidsRefused > 0 })
		if e := next(t, events, PidsRefused); e.Count == 0 {
			t.Errorf("%+v", e)
		}
		if err := g.Stat(&s); err != nil || s.PidsLimit != 30 || s.Pids == 0 || s.Pids > 30 || s.PidsRefused == 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// Of two groups beneath one, the one that leaks is killed, counted, and told; the other is left alone.
func TestOOMIsAttributed(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		limits := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(64 * megabyte)), Swap: pointer(int64(64 * megabyte))}}
		b.group(t, "web", nil)
		leaking, well := b.group(t, "web/0.1", limits), b.group(t, "web/1.1", limits)
		events := make(chan Event, 64)
		if err := leaking.Watch(Watch{Events: func(e Event) { events <- e }}); err != nil {
			t.Fatal(err)
		}
		neighbour := start(t, well, "hold 8")
		neighbour.ready(t)
		c := start(t, leaking, "leak")
		s := <-c.exited
		if s.Signal() != unix.SIGKILL || c.kills != 1 {
			t.Errorf("status %d, and %d kills for want of memory are counted", s.Code(), c.kills)
		}
		if e := next(t, events, OOMKilled); e.Count != 1 {
			t.Errorf("%+v", e)
		}
		if n := well.OOMKills(); n != 0 {
			t.Errorf("%d kills are put down to the neighbour", n)
		}
		if err := neighbour.Signal(0); err != nil {
			t.Errorf("the neighbour is dead: %v", err)
		}
	})
}

// A child's death for want of memory is told although its parent lives.
func TestOOMOfAChild(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		g := b.group(t, "web/0.1", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(64 * megabyte)), Swap: pointer(int64(64 * megabyte))}})
		events := make(chan Event, 64)
		if err := g.Watch(Watch{Events: func(e Event) { events <- e }}); err != nil {
			t.Fatal(err)
		}
		c := start(t, g, "leakingchild")
		next(t, events, OOMKilled)
		c.ready(t)
	})
}

// Who leaks is told of before it is killed.
func TestMemoryReached(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		var slowest time.Duration
		for i := range 5 { // of a real goinit twenty are asked, in package integration
			g := b.group(t, "web/0."+strconv.Itoa(i), &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(256 * megabyte))}})
			reached := make(chan Event, 64)
			if err := g.Watch(Watch{Memory: 48 * megabyte, Events: func(e Event) { reached <- e }}); err != nil {
				t.Fatal(err)
			}
			c := start(t, g, "hold 64")
			e := next(t, reached, MemoryReached)
			if e.Bytes < 46*megabyte {
				t.Errorf("%+v", e)
			}
			began := time.Now()
			g.end(t)
			<-c.exited
			slowest = max(slowest, time.Since(began))
			if c.kills != 0 {
				t.Error("killed for want of memory")
			}
		}
		t.Logf("from the event to the end of the group: %v at most", slowest)
	})
}

// Cached files are not memory in use: they can be given back.
func TestCachedFilesAreNotReached(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		// Room for all that is started: with the race detector each process is 17 MiB besides what it holds, and one that is
		// killed for want of memory may be gone before the event is looked at.
		g := b.group(t, "web/0.1", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(192 * megabyte))}})
		told := make(chan Event, 64)
		if err := g.Watch(Watch{Memory: 96 * megabyte, Events: func(e Event) { told <- e }}); err != nil {
			t.Fatal(err)
		}
		start(t, g, "cache 300 "+onDisk(t)).ready(t)
		start(t, g, "hold 1").ready(t)
		for len(told) > 0 {
			if e := <-told; e.Kind == MemoryReached {
				t.Errorf("%+v", e)
			}
		}
		start(t, g, "hold 110")
		next(t, told, MemoryReached)
	})
}

// What grows into the room of deleted files uses no more than they did, and is seen all the same.
func TestRoomOfDeletedFilesIsUsed(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		g := b.group(t, "web/0.1", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(200 * megabyte))}})
		told := make(chan Event, 64)
		if err := g.Watch(Watch{Memory: 64 * megabyte, Events: func(e Event) { told <- e }}); err != nil {
			t.Fatal(err)
		}
		file := onDisk(t)
		start(t, g, "cache 120 "+file).ready(t)
		if err := os.Truncate(file, 0); err != nil {
			t.Skip(err) // a disk as it is
		}
		for range 4 { // each is less than what is missing, so that only all of them are told of
			start(t, g, "hold 20").ready(t)
		}
		if e := next(t, told, MemoryReached); e.Bytes < 64*megabyte {
			t.Errorf("%+v", e)
		}
	})
}

// A group that uses nothing, or whose usage cannot be read, is looked at once, and not until it uses something.
func TestUsageOfNothing(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		g := b.group(t, "web/0.1", nil)
		if err := g.Watch(Watch{Memory: 64 * megabyte, Events: func(e Event) { t.Errorf("%+v", e) }}); err != nil {
			t.Fatal(err)
		}
		g.lookUsage() // comes back
		if got := len(g.watching.thresholds); b.on2("memory") != (got == 0) {
			t.Errorf("%d thresholds", got)
		}
	})
}

// Whoever waits for memory is told of: on v2 because it is over memory.high, on a hybrid because the pages of a file that it
// reads again and again do not fit.
func TestPressureIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		limits, role := &specs.LinuxResources{Unified: map[string]string{"memory.high": strconv.Itoa(32 * megabyte)}}, "leak"
		if !b.on2("memory") {
			limits = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(64 * megabyte))}}
			role = "thrash 96 " + onDisk(t)
		}
		g := b.group(t, "web/0.1", limits)
		told := make(chan Event, 64)
		err := g.Watch(Watch{Pressure: &Trigger{Stall: time.Millisecond, Window: time.Second}, Events: func(e Event) { told <- e }})
		if b.v2 == "" || err != nil && b.name != "hybrid" {
			if err == nil {
				t.Fatal("pressure on v1")
			}
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		c := start(t, g, role)
		for {
			select {
			case e := <-told:
				if e.Kind == PressureReached {
					return
				}
			case s := <-c.exited:
				t.Fatalf("it has ended (status %d, %d kills for want of memory) before pressure was told", s.Code(), c.kills)
			case <-time.After(20 * time.Second):
				var s Stats
				if err := g.Stat(&s); err == nil && s.Pressure[MemoryPressure].Some.Total < 10*time.Millisecond {
					t.Skipf("the kernel saw nobody wait for memory: %+v", s) // the pages that it reads are somebody else's
				}
				t.Fatalf("no pressure is told: %+v", s)
			}
		}
	})
}

// onDisk is a file that the kernel can drop from memory: one of tmpfs is there and nowhere else. In the virtual machine,
// where all files are, a disk may stand in.
func onDisk(t *testing.T) string {
	t.Helper()
	if disk := os.Getenv("GOINIT_TEST_DISK"); disk != "" {
		return disk
	}
	dir := t.TempDir()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if int64(st.Type) == unix.TMPFS_MAGIC || int64(st.Type) == unix.RAMFS_MAGIC {
		t.Skipf("%s is in memory", dir)
	}
	return filepath.Join(dir, "file")
}
