package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// everything is a limit of each kind that both versions have.
func everything() *specs.LinuxResources {
	return &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: pointer(int64(64 * megabyte)), Reservation: pointer(int64(8 * megabyte))},
		CPU:    &specs.LinuxCPU{Quota: pointer(int64(50000)), Period: pointer(uint64(100000)), Shares: pointer(uint64(512)), Cpus: "0", Mems: "0"},
		Pids:   &specs.LinuxPids{Limit: pointer(int64(77))},
	}
}

// The oracle: containerd's managers write the same limits to a group of their own, and the files then hold the same.
func TestLimitsAreWhatTheLibraryMeans(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory", "pids", "cpu", "cpuset")
		settings, err := Translate(everything())
		if err != nil {
			t.Fatal(err)
		}
		g := b.group(t, "ours", everything())
		oracle := oracleDirs(t, b)
		compared := 0
		for _, s := range settings {
			writes, err := g.writes(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range writes {
				ours, err := os.ReadFile(w.path)
				if err != nil {
					t.Fatal(err)
				}
				theirs, err := os.ReadFile(filepath.Join(oracle(w.path), w.write.File))
				if err != nil {
					t.Fatal(err)
				}
				if string(ours) != string(theirs) {
					t.Errorf("%s: %q, the library: %q", w.write.File, ours, theirs)
				}
				compared++
			}
		}
		if compared < 7 {
			t.Errorf("only %d files", compared)
		}
	})
}

// oracleDirs makes a group with the library, and says where it is in the hierarchy of a path.
func oracleDirs(t *testing.T, b *bed) func(path string) string {
	t.Helper()
	name := b.place.wanted + "-oracle"
	if b.on2("memory") {
		m, err := cgroup2.NewManager("/sys/fs/cgroup", name, cgroup2.ToResources(everything()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Delete() })
		return func(string) string { return "/sys/fs/cgroup" + name }
	}
	c, err := cgroup1.New(cgroup1.StaticPath(name), everything())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Delete(); err != nil {
			t.Error(err)
		}
	})
	return func(path string) string {
		for _, h := range b.place.V1 {
			if strings.HasPrefix(path, h.Mount+"/") {
				return h.Mount + name
			}
		}
		return ""
	}
}

// A limit changes while the processes run, and goes; so does one of a controller that the group did not have.
func TestLimitsChange(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory", "pids", "cpu")
		g := b.group(t, "web/0.1", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(int64(64 * megabyte)), Swap: pointer(int64(64 * megabyte))}})
		c := start(t, g, "hold 1")
		c.ready(t)
		apply := func(r *specs.LinuxResources) {
			t.Helper()
			settings, err := Translate(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Join(ControllersOf(settings)); err != nil {
				t.Fatal(err)
			}
			for _, err := range g.Apply(settings) {
				t.Error(err)
			}
		}
		limit := func() (s Stats) {
			t.Helper()
			if err := g.Stat(&s); err != nil {
				t.Fatal(err)
			}
			return s
		}
		for _, size := range []int64{300, 50, 100} { // up, down, up again: with the swap beside it, in either order
			apply(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: pointer(size * megabyte), Swap: pointer(size * megabyte)}})
			if got := limit().Limit; got != uint64(size*megabyte) {
				t.Errorf("the limit is %d", got)
			}
		}
		start(t, g, "spin").ready(t) // ahead of its limit, with which a program takes long to start
		apply(&specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: pointer(int64(2000))}, Pids: &specs.LinuxPids{Limit: pointer(int64(50))}})
		if s := limit(); s.Limit != 0 || s.PidsLimit != 50 {
			t.Errorf("%+v", s)
		}
		eventually(t, "it is kept from running", func() bool { return limit().ThrottledPeriods > 0 })
		own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.PID()))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(own), "/apps/web/0.1\n"); n != len(g.dirs) {
			t.Errorf("the process is in %d of %d groups:\n%s", n, len(g.dirs), own)
		}
		apply(nil)
		if s := limit(); s.Limit != 0 || s.PidsLimit != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Everything is counted, and reading it costs no memory.
func TestStat(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		g := b.group(t, "web/0.1", nil)
		start(t, g, "hold 20").ready(t)
		start(t, g, "spin").ready(t)
		var s Stats
		eventually(t, "CPU time is counted", func() bool {
			if err := g.Stat(&s); err != nil {
				t.Fatal(err)
			}
			return s.CPU > 0
		})
		if g.root.on2("memory") || g.v1["memory"] != "" {
			if s.Memory < 20*megabyte || s.Peak < s.Memory || s.Anon < 20*megabyte || s.Pids < 2 {
				t.Errorf("%+v", s)
			}
		}
		if n := testing.AllocsPerRun(100, func() { _ = g.Stat(&s) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
		g.end(t)
		if err := g.Stat(&s); err != ErrRemoved {
			t.Errorf("of a group that is gone: %v", err)
		}
	})
}

// Where no more descriptors may be held, what is read is read all the same; and where none can be had it is an error, and
// not zero.
func TestStatWithoutDescriptors(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		b.mayHold = 1
		g := b.group(t, "web/0.1", nil)
		start(t, g, "hold 8").ready(t)
		var s Stats
		if err := g.Stat(&s); err != nil || s.Memory < 8*megabyte || s.Pids == 0 {
			t.Errorf("%+v, %v", s, err)
		}
		if n := b.holding.Load(); n != 1 {
			t.Errorf("%d are held", n)
		}
		var was unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: was.Max}); err != nil {
			t.Fatal(err)
		}
		full, brief := g.Stat(&s), g.Brief(&s)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		if full != unix.EMFILE || brief != unix.EMFILE {
			t.Errorf("without a descriptor to be had: %v, %v", full, brief)
		}
		if err := g.Brief(&s); err != nil || s.Memory < 8*megabyte {
			t.Errorf("%+v, %v", s, err)
		}
		g.end(t)
		if n := b.holding.Load(); n != 0 {
			t.Errorf("%d are held of no group", n)
		}
	})
}

// What cannot be done is said, in words and with a remedy.
func TestWhatCannotBeLimited(t *testing.T) {
	var b strings.Builder
	for _, r := range []*specs.LinuxResources{
		{Devices: []specs.LinuxDeviceCgroup{{}}},
		{Memory: &specs.LinuxMemory{Swap: pointer(int64(1))}},
		//lint:ignore SA1019 what nobody should write is refused
		{Memory: &specs.LinuxMemory{Kernel: pointer(int64(1)), UseHierarchy: pointer(false), CheckBeforeUpdate: pointer(true)}},
		{BlockIO: &specs.LinuxBlockIO{LeafWeight: pointer(uint16(1))}},
		{Unified: map[string]string{"cgroup.procs": "1", "../memory.max": "1", "x": "y"}},
	} {
		_, err := Translate(r)
		if err == nil {
			t.Fatalf("%+v is taken", r)
		}
		fmt.Fprintln(&b, err)
	}
	golden(t, "refused.golden", b.String())
}

// What the kernel says to a limit is told in words that name none of its files: LimitError has what was asked for.
func TestWhatTheKernelRefuses(t *testing.T) {
	high := Setting{Key: "memory_high", What: "a memory_high of 32MiB", Controller: "memory"}
	var said strings.Builder
	say := func(err error) {
		t.Helper()
		var u *Unavailable
		if !errors.As(err, &u) {
			t.Fatalf("%v has no remedy", err)
		}
		fmt.Fprintf(&said, "%v\n  %s\n", &LimitError{high.What, err}, u.Remedy)
	}
	for _, w := range []struct {
		file  string
		errno unix.Errno
	}{{"memory.max", unix.EBUSY}, {"cpu.max", unix.EINVAL}, {"cpu.weight", unix.ERANGE}, {"cpuset.cpus", unix.EACCES}, {"io.max", unix.ENODEV}} {
		path := "/sys/fs/cgroup/apps/web/" + w.file
		say(explainWrite(applied{path: path, write: Write{File: w.file, Value: "1"}, setting: high}, &fs.PathError{Op: "write", Path: path, Err: w.errno}))
	}
	for _, r := range []*Root{{v1: map[string]string{"cpu": "/sys/fs/cgroup/cpu"}}, {v1: map[string]string{"cpu": "/sys/fs/cgroup/cpu"}, v2: "/sys/fs/cgroup/unified/ours"}, {v2: "/sys/fs/cgroup/ours"}} {
		say((&Group{root: r}).missing(high, ""))
	}
	say((&Group{root: &Root{}}).missing(high, "/sys/fs/cgroup/memory/apps/web/memory.high"))
	golden(t, "kernel.golden", said.String())
}

func TestRefusedHere(t *testing.T) {
	onEach(t, func(t *testing.T, b *bed) {
		b.needs(t, "memory")
		g := b.group(t, "web", nil)
		r := &specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: pointer(uint64(10))}, Unified: map[string]string{"memory.high": "1000000", "memory.nonsense": "1"}}
		settings, err := Translate(r)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		for _, e := range g.Apply(settings) {
			fmt.Fprintln(&said, e)
			var u *Unavailable
			if errors.As(e, &u) {
				fmt.Fprintln(&said, "  "+u.Remedy)
			}
		}
		version := "v1"
		if b.on2("memory") {
			version = "v2"
		}
		golden(t, "here-"+version+".golden", said.String())
	})
}

// The translation to both versions, to the letter.
func TestTranslate(t *testing.T) {
	r := everything()
	r.Memory.Swap = pointer(int64(96 * megabyte))
	r.CPU.Burst, r.CPU.Idle = pointer(uint64(10)), pointer(int64(1))
	r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 * megabyte}}
	throttle := specs.LinuxThrottleDevice{Rate: megabyte}
	throttle.Major, throttle.Minor = 8, 0
	r.BlockIO = &specs.LinuxBlockIO{Weight: pointer(uint16(200)), ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{throttle}, ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{throttle}}
	r.Rdma = map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: pointer(uint32(3))}}
	r.Network = &specs.LinuxNetwork{ClassID: pointer(uint32(7)), Priorities: []specs.LinuxInterfacePriority{{Name: "eth0", Priority: 5}}}
	r.Unified = map[string]string{"memory.high": "50000000", "cpu.weight": "50"}
	settings, err := Translate(r)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&b, "%s: %s (%s)\n", s.Key, s.What, s.Controller)
		for _, w := range s.V2 {
			fmt.Fprintf(&b, "  v2 %s = %q, back %q\n", w.File, w.Value, w.Unset)
		}
		for _, w := range s.V1 {
			fmt.Fprintf(&b, "  v1 %s = %q, back %q\n", w.File, w.Value, w.Unset)
		}
		if s.No1+s.No2 != "" {
			fmt.Fprintf(&b, "  %s%s\n", s.No1, s.No2)
		}
	}
	golden(t, "translated.golden", b.String())
}
