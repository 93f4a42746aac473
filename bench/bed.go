package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// bed is a supervisor with its apps, in a directory and a PID namespace of its own; see inside.
type bed struct {
	*supervisor
	dir    string
	n      int
	app    string // path of the app's program
	cmd    *exec.Cmd
	begin  int64    // when the supervisor was started, as now() says
	starts *os.File // the FIFO on which apps say that they started
	usage  *os.File
}

// bedPatience is how long a step may take; a supervisor that is slower is said to have failed.
const bedPatience = 90 * time.Second

// openBed starts a supervisor with n apps. It does not wait for them.
func openBed(s *supervisor, n int, programs *programSet) (b *bed, err error) {
	b = &bed{supervisor: s, n: n, app: programs.app[0]}
	if b.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	fifo := filepath.Join(b.dir, "starts")
	if err = syscall.Mkfifo(fifo, 0o600); err != nil {
		return b, err
	}
	if b.starts, err = os.OpenFile(fifo, os.O_RDWR, 0); err != nil {
		return b, err
	}
	apps := make([][]string, n)
	for i := range apps {
		apps[i] = append(programs.app[:len(programs.app):len(programs.app)], fifo, fmt.Sprint(i))
	}
	argv, err := s.write(s, b.dir, apps)
	if err != nil {
		return b, fmt.Errorf("cannot write the configuration of %s: %w", s.name, err)
	}
	return b, b.start(argv)
}

func (b *bed) start(argv []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	said, err := os.Create(filepath.Join(b.dir, "stderr"))
	if err != nil {
		return err
	}
	defer said.Close()
	usage, end, err := os.Pipe()
	if err != nil {
		return err
	}
	defer end.Close()
	b.usage = usage
	b.cmd = &exec.Cmd{Path: self, Args: append([]string{self, insideWord}, argv...), Dir: b.dir, Env: b.environment(),
		Stderr: said, ExtraFiles: []*os.File{end}}
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	b.begin = now()
	return b.cmd.Start()
}

// environment keeps to the bed whatever else would be found by others: a goinit ctl that looks for every goinit of the
// machine would wake ours, which is to be idle.
func (b *bed) environment() []string {
	return append(environment[:len(environment):len(environment)], "HOME="+b.dir, "PEBBLE="+b.dir, "PM2_HOME="+b.dir+"/pm2",
		"GOINIT_SOCKET_DIRECTORY="+b.dir, "GOINIT_LOG_DIRECTORY="+b.dir+"/logs")
}

// nextStart is the next start of an app: when, and which one.
func (b *bed) nextStart() (ns int64, app int, err error) {
	var word [2]int64
	_ = b.starts.SetReadDeadline(time.Now().Add(bedPatience))
	if err = binary.Read(b.starts, binary.NativeEndian, &word); err != nil {
		err = fmt.Errorf("%s with %d apps: an app does not start: %w%s", b.name, b.n, err, b.lastWords())
	}
	return word[0], int(word[1]), err
}

// allStarted waits until each app has started, and returns when the last one did.
func (b *bed) allStarted() (last int64, err error) {
	for range b.n {
		ns, _, err := b.nextStart()
		if err != nil {
			return 0, err
		}
		last = max(last, ns)
	}
	return last, nil
}

// lastWords is the end of what the supervisor wrote to stderr.
func (b *bed) lastWords() string {
	text, _ := os.ReadFile(filepath.Join(b.dir, "stderr"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\n  " + strings.Join(lines[max(0, len(lines)-3):], "\n  ")
}

// shutDown has the supervisor stop everything in order: ms until nothing is left, and the CPU time in ns that
// everything of the bed has had since its start.
func (b *bed) shutDown() (wall, cpu float64, err error) {
	begin := time.Now()
	if err := b.cmd.Process.Signal(b.stopSignal); err != nil {
		return 0, 0, err
	}
	var ns int64
	_ = b.usage.SetReadDeadline(begin.Add(bedPatience))
	if err := binary.Read(b.usage, binary.NativeEndian, &ns); err != nil {
		return 0, 0, fmt.Errorf("%s with %d apps does not stop: %w%s", b.name, b.n, err, b.lastWords())
	}
	return time.Since(begin).Seconds() * 1e3, float64(ns), nil
}

// close kills what there is, and removes the directory; the kernel ends all of a PID namespace with its PID 1.
func (b *bed) close() {
	if b.cmd != nil && b.cmd.Process != nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	}
	for _, f := range []*os.File{b.starts, b.usage} {
		if f != nil {
			_ = f.Close()
		}
	}
	_ = os.RemoveAll(b.dir)
}

// statusOnce runs the supervisor's status command: ms of wall and CPU time of the whole process.
func (b *bed) statusOnce() (wall, cpu float64, err error) {
	argv := b.status(b.supervisor, b.dir, b.n)
	cmd := &exec.Cmd{Path: argv[0], Args: argv, Dir: b.dir, Env: b.environment()}
	begin := time.Now()
	out, err := cmd.Output()
	wall = time.Since(begin).Seconds() * 1e3
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n  %s", err, exit.Stderr)
		}
		return 0, 0, fmt.Errorf("cannot ask %s for its apps: %w", b.name, err)
	}
	if len(out) < b.n {
		return 0, 0, fmt.Errorf("cannot ask %s for its apps: it answers %q", b.name, out)
	}
	return wall, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() * 1e3, nil
}
