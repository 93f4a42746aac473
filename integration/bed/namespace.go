package bed

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// PID1 is a program that was started as PID 1 of a PID namespace of its own, which ends with it and with the test.
type PID1 struct {
	Output *Output // stdout and stderr, in the order in which they were written
	cmd    *exec.Cmd
}

// Namespace starts a program as PID 1, with the /proc of its namespace.
func Namespace(t testing.TB, program string, args ...string) *PID1 {
	t.Helper()
	Need(t, "namespace", "sh", "mount")
	// The shell mounts and becomes the program: so it is PID 1, and the process that we started. Its logs are its own.
	const script = `mount --make-rprivate / && mount -t proc proc /proc && mount -t tmpfs -o size=512m logs /var/log && exec "$@"`
	p := &PID1{Output: NewOutput(), cmd: exec.Command("sh", append([]string{"-c", script, "sh", program}, args...)...)}
	p.cmd.Stdout, p.cmd.Stderr = p.Output, p.Output
	// A session of its own, as a container's: the terminal of whoever runs the tests is not its controlling terminal.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		Without(t, "namespace", err.Error())
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	return p
}

// PID is its id outside of the namespace.
func (p *PID1) PID() int { return p.cmd.Process.Pid }

// Signal sends sig to PID 1, from outside the namespace.
func (p *PID1) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Wait returns the exit status, as a shell has it: 128+N for the end by signal N.
func (p *PID1) Wait() int {
	p.cmd.Wait()
	return status(p.cmd.ProcessState)
}

func status(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}
