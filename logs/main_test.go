package logs

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// soon is a deadline that a test must not meet.
func soon() time.Time { return time.Now().Add(20 * time.Second) }

// until waits for a state; what says which.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := soon(); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not so after 20s: %s", what)
		}
	}
}

// collected is what has come out of a pipe.
type collected struct {
	mu  sync.Mutex
	b   bytes.Buffer
	end chan struct{}
}

func (c *collected) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}

// pipe makes a pipe for a console.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil { // blocking, as a console is
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(p[0]), "r"), os.NewFile(uintptr(p[1]), "w")
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func collect(r *os.File) *collected {
	c := &collected{end: make(chan struct{})}
	go func() {
		defer close(c.end)
		b := make([]byte, 64<<10)
		for {
			n, err := r.Read(b)
			c.mu.Lock()
			c.b.Write(b[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

// console is a Console with pipes that are read.
type console struct {
	*Console
	t                *testing.T
	stdoutW, stderrW *os.File
	out, err         *collected
}

func newConsole(t *testing.T, o Options) *console {
	t.Helper()
	or, ow := pipe(t)
	er, ew := pipe(t)
	o.Stdout, o.Stderr = int(ow.Fd()), int(ew.Fd())
	c := &console{t: t, stdoutW: ow, stderrW: ew, out: collect(or), err: collect(er)}
	var err error
	if c.Console, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(time.Now()) })
	return c
}

// end flushes and returns what was shown.
func (c *console) end() (stdout, stderr string) {
	c.t.Helper()
	c.Close(soon())
	c.stdoutW.Close()
	c.stderrW.Close()
	// The sinks' own open files are closed by their goroutines, soon after.
	<-c.out.end
	<-c.err.end
	return c.out.String(), c.err.String()
}

func (c *console) open(w Worker) *Output {
	c.t.Helper()
	o, err := c.Open(w)
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// write writes to a worker's end.
func write(t *testing.T, fd int, s string) {
	t.Helper()
	for b := []byte(s); len(b) > 0; {
		n, err := unix.Write(fd, b)
		if err != nil {
			t.Error(err)
			return
		}
		b = b[n:]
	}
}

// start runs a shell script as a worker.
func start(t *testing.T, o *Output, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", script)
	files := []*os.File{dup(t, o.Stdout()), dup(t, o.Stderr())}
	cmd.Stdout, cmd.Stderr = files[0], files[1]
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		f.Close()
	}
	o.Started()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

func dup(t *testing.T, fd int) *os.File {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(n), "worker's")
}

func joined(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.Write(l.Line)
		b.WriteByte('\n')
	}
	return b.String()
}
