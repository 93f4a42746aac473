package pid1

import (
	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// jobControl does to goinit what a terminal has done to the child, which is in a process group of its own: the shell
// that started goinit waits for goinit, and for what else is in goinit's group.
//
// PID 1 cannot be stopped, and a session's leader has no shell above it. Nor has an orphaned process group: the kernel
// discards these signals there, as it would have for the child, had it been in our group (setpgid(2), POSIX 11.1.4).
func (c *command) jobControl() {
	sig := c.stopped
	if c.stopped = 0; sig == 0 || !c.jobOfAShell() {
		return
	}
	child := c.child.PID()
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		if c.terminal.ours() { // it was not given the terminal (a pipeline), and wants it
			c.terminal.give(child)
			_ = c.child.SignalGroup(unix.SIGCONT)
			return
		}
	case unix.SIGSTOP:
		if !c.terminal.has(child) {
			return // somebody has stopped the child, and will continue it
		}
		sig = unix.SIGTSTP
	}
	// The terminal stays with the child meanwhile: a shell that sees us stopped takes it by itself.
	if !stopGroup(sig) && sig == unix.SIGTSTP && c.terminal.has(child) {
		_ = c.child.SignalGroup(unix.SIGCONT)
	}
}

func (c *command) jobOfAShell() bool {
	if c.reaper.Role() == reaper.PID1 || !c.terminal.find() {
		return false
	}
	sid, err := unix.Getsid(0)
	return err == nil && sid != unix.Getpid()
}
