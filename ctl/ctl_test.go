package ctl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goinit/control"
	"goinit/control/controltest"
)

// What fits 80 columns for people does so whatever the names and the messages are; -o wide is never cut.
func TestTableFits(t *testing.T) {
	long := control.Worker{App: "a", State: control.Backoff, Message: strings.Repeat("é", 200) + "\x1b[31m"}
	b := newBed(t)
	s := &session{world: &b.world}
	if err := s.workers([]control.Worker{long}, false, &b.out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.out.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Contains(b.out.String(), "\x1b") {
		t.Error("a worker's escape sequence reached the terminal")
	}
	b.out.Reset()
	if err := s.workers([]control.Worker{long}, true, &b.out); err != nil || !strings.Contains(b.out.String(), strings.Repeat("é", 200)) {
		t.Errorf("wide: %v\n%s", err, b.out.String())
	}
}

func TestColors(t *testing.T) {
	for _, tt := range []struct {
		terminal      bool
		noColor, term string
		want          bool
	}{{true, "", "xterm", true}, {false, "", "xterm", false}, {true, "1", "xterm", false}, {true, "", "dumb", false}} {
		b := newBed(t, "shop")
		b.world.terminal = tt.terminal
		b.world.getenv = func(k string) string {
			switch k {
			case "NO_COLOR":
				return tt.noColor
			case "TERM":
				return tt.term
			}
			return b.getenv(k)
		}
		out, _ := b.run(t, "ps")
		if got := strings.Contains(out, "\x1b[32mrunning\x1b[0m"); got != tt.want {
			t.Errorf("%+v: colours %v\n%s", tt, got, out)
		}
	}
}

func TestYAML(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:  "{}\n",
		`[]`:  "[]\n",
		`"x"`: "x\n",
		`{"a":[],"b":{},"c":[[1,2],[{"d":null}]],"e":{"f":{"g":true}},"h":[{"i":1,"j":[2]}]}`: "a: []\nb: {}\nc:\n  - - 1\n    - 2\n  - - d: null\n" +
			"e:\n  f:\n    g: true\nh:\n  - i: 1\n    j:\n      - 2\n",
		`["yes","No","1.5","a b","a: b","","-","x-y","2026-01-01","~","é\n"]`: "- \"yes\"\n- \"No\"\n- \"1.5\"\n- \"a b\"\n- \"a: b\"\n- \"\"\n- \"-\"\n- x-y\n- \"2026-01-01\"\n- \"~\"\n- \"é\\n\"\n",
		`123456789012345678901`: "123456789012345678901\n",
	} {
		if got, err := yamlOf([]byte(in)); err != nil || got != want {
			t.Errorf("%s\n got %q, %v\nwant %q", in, got, err, want)
		}
	}
}

// With several goinits, the one of this working directory is meant.
func TestInstanceOfThisDirectory(t *testing.T) {
	b := newBed(t, "one")
	dir, err := os.MkdirTemp("", "goinit")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	t.Chdir(dir)
	b.another(t, "two")
	b.another(t, "three").Close()
	b.fakes["two"].Become("db", control.Failed)
	out, status := b.run(t, "ps", "db")
	if status != 0 || !strings.Contains(out, "failed") {
		t.Errorf("status %d, %s", status, out)
	}
	out, _ = b.run(t, "ps", "-A", "-o", "json", "db")
	var workers []control.Worker
	if err := json.Unmarshal([]byte(out), &workers); err != nil || len(workers) != 2 || workers[0].Instance != "one" || workers[1].Instance != "two" {
		t.Errorf("%v: %s", err, out)
	}
}

// One that does not answer in time hides nobody: the rows of the others are there, and which it is.
func TestOneInstanceIsLate(t *testing.T) {
	b := newBed(t)
	b.late(t, "stuck")
	const said = "goinit ctl: stuck: not done in time\n"
	if out, status := b.run(t, "ps", "-A"); status != exitTimedOut || !strings.HasPrefix(out, said) {
		t.Errorf("alone: status %d, %s", status, out)
	}
	b.another(t, "one")
	b.another(t, "two")
	for _, args := range [][]string{{"ps", "db"}, {"stats"}, {"stats", "-o", "json"}, {"describe", "db"}, {"info"}, {"stop", "db"}} {
		out, status := b.run(t, append(args, "-A")...)
		if status != exitTimedOut || !strings.Contains(out, "one") || !strings.Contains(out, "two") || strings.Count(out, said) != 1 || strings.Count(out, "goinit ctl: ") != 1 {
			t.Errorf("%q: status %d, %s", args, status, out)
		}
	}
}

// late is one more goinit, to whom nothing is done in time.
func (b *bed) late(t *testing.T, name string) {
	t.Helper()
	socket, err := control.Listen(control.Listening{Name: name, Exact: true, ReadGroup: -1, Getenv: b.getenv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(socket.Close)
	if err := os.Remove(socket.Path); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket.Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					if _, err := r.ReadBytes(0); err != nil {
						return
					}
					if _, err := c.Write([]byte(`{"error":"io.goinit.TimedOut","parameters":{"message":"not done in time"}}` + "\x00")); err != nil {
						return
					}
				}
			}()
		}
	}()
}

func TestWatch(t *testing.T) {
	b := newBed(t, "shop")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w := b.world
	w.stdout = writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "running") {
			b.fakes["shop"].Become("db", control.Completed)
		}
		if strings.Contains(string(p), "completed") {
			cancel()
		}
		return len(p), nil
	})
	run(ctx, &w, []string{"ps", "--watch", "db"}, Build{})
	if ctx.Err() != context.Canceled {
		t.Error("the change was not shown")
	}
}

// stats --watch prints a table after the other, the second with what was used since the first; json, an array a line.
func TestStatsWatch(t *testing.T) {
	for _, tt := range []struct{ format, first, then string }{
		{"table", "db/0    -    12s", "db/0    20.0%  12s"},
		{"json", `"worker":"db/0"`, `"cpu_seconds":12.6`},
	} {
		b := newBed(t, "shop")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		w := b.world
		var seen strings.Builder
		w.stdout = writerFunc(func(p []byte) (int, error) {
			seen.Write(p)
			if strings.Contains(seen.String(), tt.then) {
				cancel()
			}
			return len(p), nil
		})
		run(ctx, &w, []string{"stats", "db", "-o", tt.format, "--watch", "--interval", "1s"}, Build{})
		if ctx.Err() != context.Canceled || !strings.Contains(seen.String(), tt.first) {
			t.Errorf("%s: %s", tt.format, seen.String())
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// exec without a terminal hands our own descriptors on, and passes the status.
func TestExec(t *testing.T) {
	b := newBed(t, "shop")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	b.world.files = [3]int{int(null.Fd()), int(w.Fd()), int(w.Fd())}
	out, status := b.run(t, "exec", "web", "--", "sh", "-c", "echo to stdout; exit 7")
	if status != 7 || out != "" {
		t.Errorf("status %d, %s", status, out)
	}
	text := make([]byte, 100)
	if n, _ := r.Read(text); string(text[:n]) != "to stdout\n" {
		t.Errorf("%q", text[:n])
	}
	if out, status := b.run(t, "exec", "all", "true"); status != 4 {
		t.Errorf("all: status %d, %s", status, out)
	}
	if out, status := b.run(t, "exec", "web"); status != 64 {
		t.Errorf("nothing: status %d, %s", status, out)
	}
}

// exec on a terminal: the program has one of its own, of the same size, and ours is as it was afterwards.
func TestExecOnTerminal(t *testing.T) {
	b := newBed(t, "shop")
	master, slave, err := openPseudoTerminal() // the user's
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer master.Close()
	defer unix.Close(slave)
	if err := unix.IoctlSetWinsize(slave, unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 77}); err != nil {
		t.Fatal(err)
	}
	before, _ := unix.IoctlGetTermios(slave, unix.TCGETS)
	b.world.files = [3]int{slave, slave, slave}
	if _, err := master.Write([]byte("hello\r")); err != nil { // typed ahead
		t.Fatal(err)
	}
	out, status := b.run(t, "exec", "web/0", "sh", "-c", "test -t 0 && stty size </dev/tty; read line; echo got $line; exit 3")
	if status != 3 || out != "" {
		t.Errorf("status %d, %s", status, out)
	}
	after, _ := unix.IoctlGetTermios(slave, unix.TCGETS)
	if *before != *after {
		t.Error("the terminal was not restored")
	}
	seen := ""
	text := make([]byte, 1000)
	_ = master.SetReadDeadline(time.Now().Add(5 * time.Second))
	for !strings.Contains(seen, "got hello") {
		n, err := master.Read(text)
		seen += string(text[:n])
		if err != nil {
			break
		}
	}
	if !strings.Contains(seen, "33 77") || !strings.Contains(seen, "got hello") {
		t.Errorf("seen on the terminal: %q", seen)
	}
}

// shutdown waits until goinit has gone.
func TestShutdownWaits(t *testing.T) {
	b := newBed(t)
	srv := b.another(t, "shop")
	fake := b.fakes["shop"]
	var ended atomic.Bool
	fake.Lock()
	fake.Hook = func(_ context.Context, c control.Command) (control.Result, error) {
		if s, ok := c.(control.Shutdown); !ok || *s.Status != 3 || s.Reason != "a test" {
			t.Errorf("%#v", c)
		}
		time.AfterFunc(10*time.Millisecond, func() { ended.Store(true); srv.Close() })
		return control.Result{}, nil
	}
	fake.Unlock()
	if out, status := b.run(t, "shutdown", "--status", "3", "--reason", "a test"); status != 0 || out != "" || !ended.Load() {
		t.Errorf("status %d, %s", status, out)
	}
}

// A goinit whose apps end at once may be gone before it has answered: that is what was asked for. One that drops the client
// and goes on is another matter.
func TestShutdownWithoutAnswer(t *testing.T) {
	for name, goes := range map[string]bool{"gone": true, "dropped": false} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			path := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = bufio.NewReader(c).ReadString(0)
				if goes {
					l.Close()
				}
			}()
			out, status := b.run(t, "--socket", path, "shutdown")
			if want := map[bool]int{true: 0, false: exitNoAnswer}[goes]; status != want {
				t.Errorf("status %d, wanted %d: %s", status, want, out)
			}
		})
	}
}

// runProgram is what goinit does for exec, without a worker.
func runProgram(ctx context.Context, e control.Exec) (control.Exit, error) {
	var files [3]*os.File
	for i, fd := range e.Files {
		own, err := syscall.Dup(fd)
		if err != nil {
			return control.Exit{}, err
		}
		files[i] = os.NewFile(uintptr(own), "exec")
		defer files[i].Close()
	}
	cmd := exec.CommandContext(ctx, e.Args[0], e.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[1], files[2]
	cmd.Env = append(os.Environ(), e.Environment...)
	if e.Terminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	}
	err := cmd.Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		return control.Exit{}, control.Errorf(control.Failure, "cannot execute %s: %v", e.Args[0], err)
	}
	code := cmd.ProcessState.ExitCode()
	return control.Exit{Code: &code, Status: code, Reason: "exited", At: controltest.Epoch}, nil
}
