package top

import (
	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// suspend stops us, where there is a shell that would let us go on. In "docker exec -it" there is none: the process group is
// orphaned, the kernel ignores SIGTSTP, and whoever waits for SIGCONT waits for ever.
func suspend(m *model) tea.Cmd {
	if orphaned() {
		m.status = "there is no shell to go back to; q leaves"
		return nil
	}
	return tea.Suspend
}

// orphaned is POSIX' word for a process group without a parent in another group of its session (credentials(7)). We look at
// our own parent: who starts us from a shell is a child of it.
func orphaned() bool {
	parent := unix.Getppid()
	if parent == 0 { // outside of our PID namespace
		return true
	}
	own, err1 := unix.Getsid(0)
	its, err2 := unix.Getsid(parent)
	group, err3 := unix.Getpgid(parent)
	return err1 != nil || err2 != nil || err3 != nil || own != its || group == unix.Getpgrp()
}
