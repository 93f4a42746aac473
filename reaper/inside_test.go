package reaper

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A reaper owns all children of its process, and a test binary has others (os/exec's). So each test runs its body in a
// process of its own: the same test, executed again.

const insideVariable = "REAPER_TEST_INSIDE"

// TestMain gives what the tests compile a directory, which the processes inside find as theirs.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getenv(insideVariable) != "" {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "goinit-reaper-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Setenv("TMPDIR", dir)
		return m.Run()
	}())
}

type insideAs int

const (
	asSubreaper insideAs = iota
	asPID1               // of a PID namespace of its own, with its own /proc
)

// inside is true in the process where the body of the test is to run. Outside it runs that, and fails if it fails.
func inside(t *testing.T, as insideAs) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		if as == asPID1 {
			mountProc(t)
		}
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // a machine may be very busy
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.v", "-test.run", "^"+t.Name()+"$", "-test.timeout", "14m", "-test.short="+strconv.FormatBool(testing.Short()))
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if as == asPID1 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Skipf("cannot make a PID namespace here: %v", err)
	}
	if err != nil {
		t.Errorf("inside: %v\n%s", err, out)
	} else {
		t.Logf("inside:\n%s", out)
	}
	return false
}

func mountProc(t *testing.T) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatalf("make / private: %v", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Fatalf("mount /proc: %v", err)
	}
}

// ledger is a reaper with its SIGCHLD, and what it said of orphans.
type ledger struct {
	*Reaper
	mu      sync.Mutex
	orphans map[int][]Status
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{orphans: map[int][]Status{}}
	l.Reaper = New(func(pid int, s Status) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.orphans[pid] = append(l.orphans[pid], s)
	})
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGCHLD)
	go func() {
		for range c {
			l.Reap()
		}
	}()
	return l
}

// run starts a command with its stdout in a pipe, waits for its end, and returns both.
func (l *ledger) run(t *testing.T, c *Command) (stdout string, s Status) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if c.Files == nil {
		c.Files = []int{0, int(w.Fd()), 2}
	}
	p, err := l.Start(c)
	w.Close()
	if err != nil {
		t.Fatalf("start %q: %v", c.Argv, err)
	}
	out := make([]byte, 64<<10)
	n := 0
	for {
		m, err := r.Read(out[n:])
		if err != nil {
			break
		}
		n += m
	}
	<-p.Done()
	return string(out[:n]), p.Status()
}

// compile builds a C program of testdata.
func compile(t *testing.T, name string) string {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed")
	}
	program := filepath.Join(os.TempDir(), name)
	if out, err := exec.Command(cc, "-O1", "-w", "-o", program, filepath.Join("testdata", name+".c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// eventually fails the test if the condition does not come true; each try is preceded by wait, which should block until
// something may have changed.
func eventually(t *testing.T, what string, try func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !try() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}
