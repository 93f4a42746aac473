package launch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/tree"

	"golang.org/x/sys/unix"
)

// A reaper owns all children of its process, and a test binary has others (os/exec's). So each test runs its body in a
// process of its own: the same test, executed again.

const (
	insideVariable  = "LAUNCH_TEST_INSIDE"
	mountedVariable = "LAUNCH_TEST_MOUNTED" // /proc is there already
)

type role int

const (
	asSubreaper role = iota
	asPID1           // of a PID namespace of its own, with its own /proc
)

// inside is true in the process where the body of the test is to run. Outside it runs that, and fails if it fails.
func inside(t *testing.T, as role) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		if as == asPID1 && os.Getenv(mountedVariable) == "" {
			for _, err := range []error{unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("proc", "/proc", "proc", 0, "")} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("needs root: workers of other users")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.v", "-test.run", "^"+t.Name()+"$", "-test.timeout", "60s")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if as == asPID1 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	out, err := cmd.CombinedOutput()
	if cmd.Process == nil {
		t.Skipf("cannot make a PID namespace here: %v", err)
	}
	if err != nil {
		t.Errorf("inside: %v\n%s", err, out)
	}
	return false
}

// pipes keeps what workers write.
type pipes struct {
	mu      sync.Mutex
	text    map[string]*strings.Builder
	drained map[string]int
	wait    sync.WaitGroup
}

func (p *pipes) Open(a *spec.App, slot, generation int) (int, int, func(), error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, 0, nil, err
	}
	name := tree.Worker(a.Name, slot)
	p.mu.Lock()
	if p.text[name] == nil {
		p.text[name] = &strings.Builder{}
	}
	p.mu.Unlock()
	p.wait.Add(1)
	go func() {
		defer p.wait.Done()
		defer r.Close()
		buffer := make([]byte, 4096)
		for {
			n, err := r.Read(buffer)
			p.mu.Lock()
			p.text[name].Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return int(w.Fd()), int(w.Fd()), func() { w.Close() }, nil
}

func (p *pipes) Drain(app string, slot, generation int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drained[fmt.Sprintf("%s/%d.%d", app, slot, generation)]++
}

func (p *pipes) said(worker string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text[worker] == nil {
		return ""
	}
	return p.text[worker].String()
}

var theKeeper atomic.Pointer[tree.Keeper]

// theReaper is the one that a process may have.
var theReaper = sync.OnceValue(func() *reaper.Reaper {
	r := reaper.New(func(int, reaper.Status) { theKeeper.Load().Reaped() })
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGCHLD)
	go func() {
		for range c {
			r.Reap()
		}
	}()
	return r
})

// bed is a supervisor on the real reaper.
type bed struct {
	*supervise.Supervisor
	starter *Starter
	pipes   *pipes
	ended   chan supervise.Outcome
}

func newBed(t *testing.T, change func(*Starter), apps ...spec.App) *bed {
	t.Helper()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	keeper := tree.New(tree.Config{BootID: "boot-" + t.Name(), PID: os.Getpid()})
	go keeper.Run(ctx)
	theKeeper.Store(keeper)
	r := theReaper()
	b := &bed{pipes: &pipes{text: map[string]*strings.Builder{}, drained: map[string]int{}}, ended: make(chan supervise.Outcome, 1)}
	b.starter = &Starter{Reaper: r, Trees: keeper, Outputs: b.pipes, BootID: "boot-" + t.Name(), Environment: os.Environ(), Dir: os.TempDir(), Stdin: int(null.Fd())}
	if change != nil {
		change(b.starter)
	}
	b.Supervisor, err = supervise.New(supervise.Config{Spec: &spec.Spec{Apps: apps}, Starter: b.starter, Budget: 20 * time.Second, Events: func(e supervise.Event) {
		if e.Type == "goinit.internal-error" {
			t.Errorf("%v", e.Data)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		b.ended <- b.Run(ctx)
		close(over)
	}()
	t.Cleanup(func() { // a subreaper's workers would outlive it
		for range 2 { // the second hurries
			b.Do(ctx, supervise.Shutdown{Reason: "the test is over"})
		}
		<-over
		cancel()
		null.Close()
	})
	return b
}

func shell(name, script string, change ...func(*spec.App)) spec.App {
	a := spec.App{Name: name, Command: []string{"/bin/sh", "-c", script}, Enabled: true, InheritEnvironment: true, Workers: spec.Workers{Count: 1}, OnFailure: "ignore",
		Restart: spec.Restart{Policy: "no", SuccessCodes: []int{0}, Delay: spec.Duration(100 * time.Millisecond), MaxDelay: spec.Duration(time.Second), ResetAfter: spec.Duration(10 * time.Second)},
		Stop:    spec.Stop{Signal: "SIGTERM", Target: "process", Timeout: spec.Duration(10 * time.Second)}}
	for _, c := range change {
		c(&a)
	}
	return a
}

// eventually fails the test if the condition does not come true.
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

func (b *bed) do(t *testing.T, c supervise.Command) supervise.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := b.Do(ctx, c)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return r
}

func (b *bed) state(worker string) supervise.Worker {
	for _, w := range b.Snapshot() {
		if w.Worker != nil && *w.Worker == worker {
			return w
		}
	}
	return supervise.Worker{}
}
