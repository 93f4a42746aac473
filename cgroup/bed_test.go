package cgroup

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"goinit/reaper"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The tests run on what the machine has: v1, hybrid and the core files of v2 on a machine with v1, everything of v2 on one
// with v2. They need root, and no other program: the processes in the groups are this one, in a role.
const roleVariable = "CGROUP_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(strings.Fields(role))
		return
	}
	os.Exit(m.Run())
}

// play is what a process in a group does. It says "ready" when it has done what it is for, and stays.
func play(role []string) {
	n := 0
	if len(role) > 1 {
		n, _ = strconv.Atoi(role[1])
	}
	switch role[0] {
	case "show":
		text, _ := os.ReadFile("/proc/self/cgroup")
		fmt.Print(string(text))
		return
	case "sleep":
	case "hold": // n MiB
		hold(n)
	case "leak": // for ever
		for {
			hold(1)
		}
	case "cache": // n MiB of a file
		cache(role[2], n)
	case "thrash": // n MiB of a file, again and again
		thrash(role[2], n)
	case "fork": // n children
		for range n {
			if _, err := spawn("sleep"); err != nil {
				fmt.Println("refused")
			}
		}
	case "leakingchild":
		pid, err := spawn("leak")
		if err != nil {
			fmt.Println(err)
		}
		_, _ = unix.Wait4(pid, nil, 0, nil)
	case "daemon": // n generations away, each in a session of its own
		if n > 0 {
			if _, err := spawn(fmt.Sprintf("daemon %d", n-1)); err != nil {
				fmt.Println(err)
			}
		}
	case "write": // for ever
		for {
			if _, err := os.Stdout.WriteString("x\n"); err != nil {
				return
			}
		}
	case "spin":
		fmt.Println("ready")
		for {
			n++
		}
	}
	fmt.Println("ready")
	for {
		_, _ = unix.Poll(nil, -1)
	}
}

var kept [][]byte

func hold(n int) {
	b := make([]byte, n<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	kept = append(kept, b)
}

func cache(path string, n int) {
	f, err := os.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for i := range n {
		_, _ = f.Write(block)
		if i%8 == 7 { // v1 kills for want of memory where all of it waits for a slow disk
			_ = f.Sync()
		}
	}
	_ = f.Sync()
}

func thrash(path string, n int) {
	cache(path, n)
	f, err := os.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := unix.Mmap(int(f.Fd()), 0, n<<20, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ready")
	for sum := byte(0); ; {
		for i := 0; i < len(b); i += 4096 {
			sum += b[i]
		}
	}
}

// spawn starts this program once more, in a session of its own and with nothing in its environment but its role.
func spawn(role string) (int, error) {
	p, err := os.StartProcess("/proc/self/exe", []string{"daemon"}, &os.ProcAttr{Env: []string{roleVariable + "=" + role}, Files: []*os.File{nil, os.Stdout, os.Stderr},
		Sys: &unix.SysProcAttr{Setsid: true}})
	if err != nil {
		return 0, err
	}
	return p.Pid, nil
}

// theReaper is the one that a process may have.
var theReaper = sync.OnceValue(func() *reaper.Reaper {
	r := reaper.New(func(int, reaper.Status) {})
	r.Role() // orphans come to us
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGCHLD)
	go func() {
		for range c {
			r.Reap()
		}
	}()
	return r
})

// bed is a place to make groups in.
type bed struct {
	*Root
	name string
}

// onEach runs a test in every kind of place that there is on this machine.
func onEach(t *testing.T, test func(t *testing.T, b *bed)) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: groups are made")
	}
	if !reaper.NativeFork {
		t.Skip("this build forks with syscall.ForkExec, which cannot do it")
	}
	sight, err := Here(os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	sight.Wanted = fmt.Sprintf("/goinit-test-%d", os.Getpid())
	if init, err := os.ReadFile("/proc/1/comm"); sight.PID1 || err == nil && sight.InitialNamespace && string(init) == "goinit\n" {
		giveAll(t, "/sys/fs/cgroup") // the machine is a test's
	}
	ran := false
	for _, kind := range []struct {
		name   string
		reduce func(*Place) bool
	}{
		{"legacy", func(p *Place) bool { p.V2 = nil; return len(p.V1) > 0 }},
		{"hybrid", func(p *Place) bool { return p.V2 != nil && len(p.V1) > 0 }},
		{"unified", func(p *Place) bool { p.V1 = nil; return p.V2 != nil }},
	} {
		p := Look(sight)
		if p.State != Usable || !kind.reduce(&p) {
			continue
		}
		ran = true
		t.Run(kind.name, func(t *testing.T) {
			root, err := Open(p)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := root.Close(); err != nil {
					t.Error(err)
				}
				for _, dir := range root.tops() {
					if exists(dir) {
						t.Errorf("%s is left", dir)
					}
				}
			})
			test(t, &bed{root, kind.name})
		})
	}
	if !ran {
		p := Look(sight)
		t.Skip("no cgroup can be written to here: ", p.Why())
	}
}

// giveAll: on a machine that is ours alone, the groups of the tests get every controller.
func giveAll(t *testing.T, top string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "cgroup.controllers"))
	if err != nil {
		return // v1
	}
	for _, name := range strings.Fields(string(text)) {
		_ = os.WriteFile(filepath.Join(top, "cgroup.subtree_control"), []byte("+"+name), 0)
	}
}

// needs skips the test where a controller is not there.
func (b *bed) needs(t *testing.T, controllers ...string) {
	t.Helper()
	for _, c := range controllers {
		if !slices.Contains(b.Controllers(), c) {
			t.Skipf("there is no controller %s in %s", c, b.place.dir())
		}
	}
}

func (b *bed) group(t *testing.T, path string, limits *specs.LinuxResources) *Group {
	t.Helper()
	settings, err := Translate(limits)
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.Group(path, ControllersOf(settings))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range g.Apply(settings) {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.end(t) })
	return g
}

// end kills whoever is in a group, and waits for it.
func (g *Group) end(t *testing.T) {
	t.Helper()
	eventually(t, "nobody is in "+g.path, func() bool {
		if err := g.Kill(); err != nil {
			t.Fatal(err)
		}
		empty, err := g.Empty()
		if err != nil {
			t.Fatal(err)
		}
		return empty
	})
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}

// child is a process in a group.
type child struct {
	*reaper.Process
	pipe   *os.File
	out    *bufio.Reader
	exited chan reaper.Status
	kills  uint64 // OOMKills at its exit
}

func start(t *testing.T, g *Group, role string) *child {
	t.Helper()
	fds, done, err := g.Birth()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	c := &child{pipe: r, out: bufio.NewReader(r), exited: make(chan reaper.Status, 1)}
	c.Process, err = theReaper().Start(&reaper.Command{
		Argv: []string{"/proc/self/exe"}, Env: []string{roleVariable + "=" + role}, Files: []int{-1, int(w.Fd()), -1}, Session: true, Cgroups: fds,
		Notify: func(e reaper.Event) {
			if e.Kind == reaper.Exited {
				c.kills = g.OOMKills()
				c.exited <- e.Status
			}
		}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ready waits until the child says so.
func (c *child) ready(t *testing.T) (before []string) {
	t.Helper()
	for {
		line, err := c.out.ReadString('\n')
		if err == io.EOF {
			t.Fatalf("it has ended; it said %q", before)
		}
		if line == "ready\n" {
			return before
		}
		before = append(before, strings.TrimSuffix(line, "\n"))
	}
}

// eventually fails the test if the condition does not come true.
func eventually(t *testing.T, what string, try func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !try() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// next waits for an event of a kind.
func next(t *testing.T, events <-chan Event, kind EventKind) Event {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return e
			}
		case <-deadline:
			t.Fatalf("no event %v", kind)
		}
	}
}

func pointer[T any](v T) *T { return &v }
