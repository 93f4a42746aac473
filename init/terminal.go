package pid1

import (
	"golang.org/x/sys/unix"
)

// terminal is our controlling terminal, if we have one. The child gets its foreground when we have it and only then: an
// init started in the background of somebody's shell steals nothing.
type terminal struct {
	fd    int // -1: none
	group int // our own process group
}

// openTerminal finds the controlling terminal: descriptors 0 to 2 first, then /dev/tty. A session leader without one
// takes the terminal on its standard input, so that the child has job control.
func openTerminal() *terminal {
	t := &terminal{fd: -1, group: unix.Getpgrp()}
	for fd := range 3 {
		if _, err := unix.IoctlGetInt(fd, unix.TIOCGSID); err == nil { // fails where it is not *our* terminal
			t.fd = fd
			return t
		}
	}
	if sid, err := unix.Getsid(0); err == nil && sid == unix.Getpid() {
		if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil && unix.IoctlSetInt(0, unix.TIOCSCTTY, 0) == nil {
			t.fd = 0
			return t
		}
	}
	if fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
		t.fd = fd
	}
	return t
}

// ours reports whether we are the terminal's foreground process group.
func (t *terminal) ours() bool {
	if t.fd < 0 {
		return false
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && group == t.group
}

// give makes group the foreground if we are it, take makes us the foreground if group is it. SIGTTOU, which a
// background process gets for the latter, is blocked or caught in all our threads.
func (t *terminal) give(group int) {
	if t.ours() {
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group)
	}
}

func (t *terminal) take(group int) {
	if t.fd < 0 {
		return
	}
	if now, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP); err == nil && now == group {
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, t.group)
	}
}
