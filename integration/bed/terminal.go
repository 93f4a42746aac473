package bed

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo terminal with a program on it, and the hands of a person: what is typed, and the size of the window.
type Terminal struct {
	Output *Output
	master *os.File // non-blocking: a Close ends a Read, whoever else has the other end
	fd     int      // its descriptor
	cmd    *exec.Cmd
}

// NewTerminal starts cmd on a new terminal, which is its controlling one. The program is killed at the end of the test.
func NewTerminal(t testing.TB, cmd *exec.Cmd) *Terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal("/dev/ptmx: ", err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal("unlocking a terminal: ", err)
	}
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal("the number of a terminal: ", err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	term := &Terminal{Output: NewOutput(), master: master, fd: fd, cmd: cmd}
	term.Resize(t, 24, 80)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.Output.Write(buf[:n])
			if err != nil { // EIO: nobody has the terminal open any more
				return
			}
		}
	}()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		master.Close()
		<-copied
	})
	return term
}

// Type sends keys; control keys as the terminal gets them: \x03 is Ctrl-C, \x1a Ctrl-Z, \r Enter.
func (term *Terminal) Type(t testing.TB, keys string) {
	t.Helper()
	if _, err := term.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// Resize makes the window another size, of which the foreground is told with SIGWINCH.
func (term *Terminal) Resize(t testing.TB, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(term.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// WaitForeground waits until the leader of the foreground process group is a program of that name (proc_pid_comm(5)).
func (term *Terminal) WaitForeground(t testing.TB, name string) {
	t.Helper()
	Wait(t, name+" in the foreground", func() (bool, string) {
		group, err := unix.IoctlGetInt(term.fd, unix.TIOCGPGRP)
		if err != nil {
			return false, err.Error()
		}
		comm, _ := os.ReadFile("/proc/" + strconv.Itoa(group) + "/comm")
		return string(comm) == name+"\n", string(comm)
	})
}

// Signal sends a signal to the program, from elsewhere.
func (term *Terminal) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := term.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Close takes the terminal away, as the end of an ssh does: the program gets a SIGHUP, and can no longer read or write.
func (term *Terminal) Close() { term.master.Close() }

// Wait returns the exit status of the program.
func (term *Terminal) Wait() int {
	term.cmd.Wait()
	return status(term.cmd.ProcessState)
}
