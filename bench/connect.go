package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// connectWord, as the first argument, makes the bench a client; behind it come the port, how many at a time, and the ms.
const connectWord = "connect"

// connect measures what wrk cannot, which has a request answered: it connects, waits until the server has closed, and begins
// again. It prints how many connections that were, and how many of them failed.
func connect(args []string) error {
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(args[i]); err != nil {
			return err
		}
	}
	c := connector{to: unix.SockaddrInet4{Port: n[0], Addr: [4]byte{127, 0, 0, 1}}}
	var err error
	if c.set, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	for range n[1] {
		if err := c.open(); err != nil {
			return err
		}
	}
	if err := c.turn(time.Now().Add(time.Duration(n[2]) * time.Millisecond)); err != nil {
		return err
	}
	fmt.Println(c.done, c.failed)
	return nil
}

type connector struct {
	to           unix.SockaddrInet4
	set          int
	done, failed int
}

func (c *connector) open() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &c.to); err != nil && err != unix.EINPROGRESS {
		return os.NewSyscallError("connect", err)
	}
	return unix.EpollCtl(c.set, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// turn goes on until then.
func (c *connector) turn(end time.Time) error {
	events, b := make([]unix.EpollEvent, 64), make([]byte, 256)
	for time.Now().Before(end) {
		n, err := unix.EpollWait(c.set, events, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:max(n, 0)] {
			n, err := unix.Read(int(e.Fd), b)
			switch {
			case n > 0 || err == unix.EAGAIN:
				continue
			case err != nil:
				c.failed++
			default:
				c.done++
			}
			unix.Close(int(e.Fd))
			if err := c.open(); err != nil {
				return err
			}
		}
	}
	return nil
}

// startConnect runs connect in a process of its own; wait has what it has counted.
func startConnect(port, connections int, most time.Duration) (wait func() (done, failed int, err error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, connectWord, strconv.Itoa(port), strconv.Itoa(connections), strconv.FormatInt(most.Milliseconds(), 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return func() (done, failed int, err error) {
		if _, err := fmt.Fscan(out, &done, &failed); err != nil {
			return 0, 0, errors.Join(fmt.Errorf("connecting: %w", err), cmd.Wait())
		}
		return done, failed, cmd.Wait()
	}, cmd.Start()
}
