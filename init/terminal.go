package pid1

import (
	"golang.org/x/sys/unix"
)

// terminal is our controlling terminal, if we have one. The child gets its foreground when we have it and it is our
// standard input, and only then: a member of a pipeline, or what a script has put into the background, steals nothing.
type terminal struct {
	fd    int // -1: none, or not looked for yet
	stdin bool
	group int // our own process group
}

// openTerminal looks at the standard input. A session leader without a controlling terminal takes the one that is there,
// so that the child has job control.
func openTerminal() *terminal {
	t := &terminal{fd: -1, group: unix.Getpgrp()}
	_, err := unix.IoctlGetInt(0, unix.TIOCGSID) // fails where it is not *our* terminal
	if err != nil {
		if sid, e := unix.Getsid(0); e == nil && sid == unix.Getpid() {
			if _, e := unix.IoctlGetTermios(0, unix.TCGETS); e == nil {
				err = unix.IoctlSetInt(0, unix.TIOCSCTTY, 0)
			}
		}
	}
	if err == nil {
		t.fd, t.stdin = 0, true
	}
	return t
}

// find reports whether there is a controlling terminal, also where it is not our standard input.
func (t *terminal) find() bool {
	if t.fd < 0 {
		if fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
			t.fd = fd
		}
	}
	return t.fd >= 0
}

// ours reports whether we are the terminal's foreground process group.
func (t *terminal) ours() bool { return t.has(t.group) }

// give makes group the foreground if we are it, take makes us the foreground if group is it. SIGTTOU, which a
// background process gets for the latter, is blocked or caught in all our threads.
func (t *terminal) give(group int) {
	if t.ours() {
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group)
	}
}

func (t *terminal) take(group int) {
	if t.has(group) {
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, t.group)
	}
}

// has reports whether group is the terminal's foreground process group.
func (t *terminal) has(group int) bool {
	if t.fd < 0 {
		return false
	}
	now, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && now == group
}
