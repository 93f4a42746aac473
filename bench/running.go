package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// running is a process, most often an init as PID 1 of a PID namespace of its own, with a program below it that
// answers on a pipe.
type running struct {
	name     string
	cmd      *exec.Cmd
	requests *os.File // the program's descriptor 0
	answers  *os.File // the program's descriptor 1
}

// patience is how long an answer may take before the bench gives up.
const patience = time.Minute

// environment of the inits: the same for all, whatever ours holds.
var environment = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}

// startPID1 starts a peer as PID 1 with command below it (the bare command as PID 1 itself).
func startPID1(p peer, command []string) (*running, error) {
	argv := p.argv(true, command)
	r := &running{name: p.name, cmd: &exec.Cmd{Path: argv[0], Args: argv, Env: environment, Stderr: os.Stderr}}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	return r, r.start()
}

// startPlain starts a command as an ordinary process.
func startPlain(name string, command []string) (*running, error) {
	r := &running{name: name, cmd: &exec.Cmd{Path: command[0], Args: command, Env: environment, Stderr: os.Stderr}}
	return r, r.start()
}

func (r *running) start() error {
	in, requests, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	answers, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	r.cmd.Stdin, r.cmd.Stdout, r.requests, r.answers = in, out, requests, answers
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", r.name, err)
	}
	return nil
}

func (r *running) pid() int { return r.cmd.Process.Pid }

// ready waits for the first byte of the program.
func (r *running) ready() error { return r.read(make([]byte, 1)) }

// ask lets the program go on to its next step.
func (r *running) ask() error {
	_, err := r.requests.Write([]byte{'g'})
	return err
}

// answer is a time in ns that the program wrote.
func (r *running) answer() (int64, error) {
	var b [8]byte
	err := r.read(b[:])
	return int64(binary.NativeEndian.Uint64(b[:])), err
}

func (r *running) read(b []byte) error {
	_ = r.answers.SetReadDeadline(time.Now().Add(patience))
	for done := 0; done < len(b); {
		n, err := r.answers.Read(b[done:])
		if err != nil {
			return fmt.Errorf("no answer from the program below %s: %w", r.name, err)
		}
		done += n
	}
	return nil
}

// stop kills the process; if it is PID 1 the kernel kills all that are below it (pid_namespaces(7)).
func (r *running) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.requests.Close()
	r.answers.Close()
}

// closeInherited marks what the bench was given beyond descriptor 2 close-on-exec: the inits are not to have it too.
func closeInherited() {
	const closeRange, cloexec = 436, 4 // close_range(2), CLOSE_RANGE_CLOEXEC: the same number on every architecture
	_, _, _ = syscall.RawSyscall(closeRange, 3, 1<<32-1, cloexec)
}

// mayMakeNamespaces finds out in time.
func mayMakeNamespaces(programs *programSet) error {
	r, err := startPID1(bare, programs.sleeper)
	if err != nil {
		return fmt.Errorf("cannot make a PID namespace (run it as root): %w", err)
	}
	defer r.stop()
	return r.ready()
}
