package nodeipc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"goinit/cluster"
)

// app is a Node program of several workers, with all that goinit does for them but supervision.
type app struct {
	t       *testing.T
	node    string
	hub     *Hub
	pool    *cluster.Pool
	balance *Balance
	mode    cluster.Mode
	dir     string
	preload string
	listen  []cluster.Address

	nextID int
}

func newApp(t *testing.T, node string, mode cluster.Mode) *app {
	t.Helper()
	a := &app{t: t, node: node, mode: mode, dir: t.TempDir()}
	var err error
	if a.hub, err = NewHub(func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	a.pool = cluster.NewPool(nil)
	a.balance = a.hub.NewBalance(a.pool)
	t.Cleanup(func() { // after the workers
		a.balance.Close()
		a.hub.Close()
		a.pool.Close()
	})
	return a
}

func (a *app) withPreload() *app {
	a.preload = filepath.Join(a.dir, "with space", "drain.cjs")
	if err := os.Mkdir(filepath.Dir(a.preload), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := WritePreload(a.preload); err != nil {
		a.t.Fatal(err)
	}
	return a
}

// process is one worker.
type process struct {
	*Worker
	t      *testing.T
	cmd    *exec.Cmd
	out    chan string // its lines, stdout and stderr
	events chan Event
	exited chan struct{}
	once   sync.Once
}

// start runs a program: what it prints and what it says are waited for with line and event.
func (a *app) start(slot int, program string, with ...func(*Options)) *process {
	a.t.Helper()
	a.nextID++
	p := &process{t: a.t, out: make(chan string, 1000), events: make(chan Event, 1000), exited: make(chan struct{})}
	o := Options{ID: a.nextID, Slot: slot, Balance: a.balance, Mode: a.mode, Preload: a.preload, Listening: a.listen,
		Told: func(e Event) {
			select {
			case p.events <- e:
			default:
			}
		}}
	for _, f := range with {
		f(&o)
	}
	w, child, env, err := a.hub.Open(o)
	if err != nil {
		a.t.Fatal(err)
	}
	p.Worker = w
	file := filepath.Join(a.dir, fmt.Sprintf("app%d.cjs", a.nextID))
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		a.t.Fatal(err)
	}
	channel := os.NewFile(uintptr(child), "channel")
	p.cmd = exec.Command(a.node, file)
	p.cmd.ExtraFiles = []*os.File{channel}
	p.cmd.Env = append(os.Environ(), append(env, "NODE_CHANNEL_FD=3")...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, wr, err := os.Pipe()
	if err != nil {
		a.t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = wr, wr
	if err := p.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	channel.Close()
	wr.Close()
	w.Started(p.cmd.Process.Pid)
	go func() {
		defer close(p.out)
		defer r.Close()
		s := bufio.NewReader(r)
		for {
			line, err := s.ReadString('\n')
			if line != "" {
				select {
				case p.out <- strings.TrimSuffix(line, "\n"):
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	a.t.Cleanup(func() { p.end() })
	return p
}

// serve starts one and puts it into the balance when it listens.
func (a *app) serve(slot int, program string, with ...func(*Options)) *process {
	a.t.Helper()
	p := a.start(slot, program, with...)
	p.event(Ready)
	p.Enter()
	return p
}

// end kills it, if it is there.
func (p *process) end() {
	_ = p.cmd.Process.Kill()
	p.wait()
}

// wait is for its exit, and says so to the Worker.
func (p *process) wait() {
	<-p.exited
	p.once.Do(p.Gone)
}

// line waits for a line that begins so, and returns the line.
func (p *process) line(part string) string {
	p.t.Helper()
	var seen []string
	for l := range p.out {
		if strings.HasPrefix(l, part) {
			return l
		}
		seen = append(seen, l)
	}
	p.t.Fatalf("no line %q came, but %q", part, seen)
	return ""
}

// event waits for one, and fails if the process ends before.
func (p *process) event(k Kind) Event {
	p.t.Helper()
	for {
		select {
		case e := <-p.events:
			if e.Kind == k {
				return e
			}
			p.t.Logf("event %d %s", e.Kind, e.Detail)
			continue
		default:
		}
		select {
		case e := <-p.events:
			if e.Kind == k {
				return e
			}
			p.t.Logf("event %d %s", e.Kind, e.Detail)
		case <-p.exited:
			p.once.Do(p.Gone) // what it said last
			select {
			case e := <-p.events:
				if e.Kind == k {
					return e
				}
			default:
			}
			rest, _ := io.ReadAll(readerOf(p.out))
			p.t.Fatalf("it ended, %v, without event %d:\n%s", p.cmd.ProcessState, k, rest)
		}
	}
}

func readerOf(lines <-chan string) io.Reader {
	var all strings.Builder
	for l := range lines {
		all.WriteString(l + "\n")
	}
	return strings.NewReader(all.String())
}
