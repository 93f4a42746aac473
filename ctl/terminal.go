package ctl

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// terminal is a pseudo-terminal between the user's and a program's. The program gets its slave; what passes through the
// master is copied here, and the size of the window is kept the same.
type terminal struct {
	in, out int
	slave   int
	master  *os.File
	before  unix.Termios // of the user's terminal, to be restored
	resized chan os.Signal
	copied  chan struct{}
}

func openTerminal(in, out int) (t *terminal, err error) {
	before, err := unix.IoctlGetTermios(in, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	master, slave, err := openPseudoTerminal()
	if err != nil {
		return nil, err
	}
	t = &terminal{in: in, out: out, slave: slave, master: master, before: *before, resized: make(chan os.Signal, 1), copied: make(chan struct{})}
	t.resize()
	if err := unix.IoctlSetTermios(in, unix.TCSETS, raw(*before)); err != nil {
		master.Close()
		unix.Close(slave)
		return nil, err
	}
	signal.Notify(t.resized, unix.SIGWINCH)
	go t.keepSize()
	go t.copyIn()
	go t.copyOut()
	return t, nil
}

// openPseudoTerminal asks the master for its slave (TIOCGPTPEER, Linux 4.13), which works where /dev/pts is not the one
// that /dev/ptmx belongs to.
func openPseudoTerminal() (master *os.File, slave int, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, -1, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(fd)
		return nil, -1, err
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		unix.Close(fd)
		return nil, -1, errno
	}
	return os.NewFile(uintptr(fd), "/dev/ptmx"), int(peer), nil
}

// close waits for what the program wrote last, but not for what it left in the background, and restores the user's terminal.
func (t *terminal) close() {
	const rest = 200 * time.Millisecond
	unix.Close(t.slave)
	_ = t.master.SetReadDeadline(time.Now().Add(rest))
	<-t.copied
	signal.Stop(t.resized)
	close(t.resized)
	t.master.Close()
	_ = unix.IoctlSetTermios(t.in, unix.TCSETS, &t.before)
}

func (t *terminal) keepSize() {
	for range t.resized {
		t.resize()
	}
}

func (t *terminal) resize() {
	size, err := unix.IoctlGetWinsize(t.out, unix.TIOCGWINSZ)
	if err != nil {
		return
	}
	if master, err := t.master.SyscallConn(); err == nil {
		_ = master.Control(func(fd uintptr) { _ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	}
}

// copyIn is left behind in its read when the program ends: so does goinitctl.
func (t *terminal) copyIn() {
	b := make([]byte, 4096)
	for {
		n, err := unix.Read(t.in, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		if _, err := t.master.Write(b[:n]); err != nil {
			return
		}
	}
}

func (t *terminal) copyOut() {
	defer close(t.copied)
	b := make([]byte, 32<<10)
	for {
		n, err := t.master.Read(b)
		for rest := b[:n]; len(rest) > 0; {
			w, err := unix.Write(t.out, rest)
			if err == unix.EAGAIN { // somebody who shares the terminal has made it so
				_, _ = unix.Poll([]unix.PollFd{{Fd: int32(t.out), Events: unix.POLLOUT}}, -1)
				continue
			}
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return
			}
			rest = rest[w:]
		}
		if err != nil { // EIO: nobody has the slave any more
			return
		}
	}
}

// raw is cfmakeraw(3): keys go to the program's terminal, which does with them what the program wants.
func raw(t unix.Termios) *unix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return &t
}
