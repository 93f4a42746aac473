package health

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run starts a program in the place of the process that is watched. output is for its stdout and stderr, and the
// caller's again when Run returns. gone is called once, when it has ended and nothing of what it started is left; what it
// leaves behind is killed. kill kills all of it, and may be called at any time.
type Run func(argv []string, output int, gone func(Exit)) (kill func(), err error)

// Exit is how a program ended.
type Exit struct {
	Code   int
	Signal syscall.Signal // 0: it exited, with Code
}

// Exec is a probe that runs a program. Status 0 is well.
type Exec struct {
	argv []string
	name string // in messages
	says bool   // the first line of its output is why it failed
	run  Run
	left chan Exit // of one that was killed, until it is gone
}

// NewExec runs argv with run.
func NewExec(argv []string, run Run) *Exec {
	return &Exec{argv: argv, name: "probe " + clip(argv[0], 100), run: run}
}

// NewHelper is an Exec whose program is ours: what it asks is what messages are about, and it says why that failed.
func NewHelper(argv []string, asks string, run Run) *Exec {
	return &Exec{argv: argv, name: asks, says: true, run: run}
}

func (p *Exec) check(ctx context.Context, deadline time.Time) *Failure {
	limit := time.Until(deadline)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	if p.left != nil {
		select {
		case <-p.left:
			p.left = nil
		case <-timer.C:
			return &Failure{Why: p.name + ": the one before has been killed and does not end"}
		case <-ctx.Done():
			return nil
		}
	}
	out, write, err := newOutput()
	if err != nil {
		return &Failure{Why: p.name + ": " + reason(err), ours: ours(err)}
	}
	defer out.close()
	gone := make(chan Exit, 1)
	kill, err := p.run(p.argv, write, func(e Exit) { gone <- e })
	unix.Close(write)
	if err != nil {
		return &Failure{Why: p.name + ": " + err.Error(), ours: ours(err)}
	}
	go out.read()
	select {
	case e := <-gone:
		if e == (Exit{}) {
			return nil
		}
		select { // all of it is gone, so the end of its output is there, unless somebody has got away with it
		case <-out.done:
		case <-timer.C:
		case <-ctx.Done():
		}
		why, rest := e.String(), out.tail()
		if p.says && rest != "" {
			why, rest, _ = strings.Cut(rest, "\n")
		}
		return &Failure{Why: p.name + ": " + why, Output: rest}
	case <-timer.C:
		kill()
		p.left = gone
		return &Failure{Why: fmt.Sprintf("%s: not done within %s, and killed", p.name, words(limit)), Output: out.tail()}
	case <-ctx.Done():
		kill()
		return nil
	}
}

func (e Exit) String() string {
	if e.Signal != 0 {
		return "killed by " + unix.SignalName(e.Signal)
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// output is the end of what a program writes.
type output struct {
	file *os.File
	done chan struct{}

	mu   sync.Mutex
	last []byte
}

func newOutput() (o *output, write int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return nil, -1, err
	}
	return &output{file: os.NewFile(uintptr(p[0]), "probe's output"), done: make(chan struct{})}, p[1], nil
}

// read keeps the tail, whatever is written.
func (o *output) read() {
	defer close(o.done)
	b := make([]byte, maxOutput)
	for {
		n, err := o.file.Read(b)
		o.mu.Lock()
		o.last = append(o.last, b[:n]...)
		if over := len(o.last) - maxOutput; over > 0 {
			o.last = append(o.last[:0], o.last[over:]...)
		}
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return printable(o.last)
}

func (o *output) close() { o.file.Close() }

func clip(s string, most int) string {
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
