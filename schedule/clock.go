package schedule

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Clock knows when the wall clock has jumped: somebody has set it, or the machine has slept.
//
// It is a timer of timerfd_create(2) that is never due, armed with TFD_TIMER_CANCEL_ON_SET: its read ends with ECANCELED
// when the clock is set. It waits on the runtime's poller, so it costs a descriptor and a goroutine, and no thread, no
// processor and no system call while nothing happens.
type Clock struct{ file *os.File }

// OpenClock begins to watch.
func OpenClock() (*Clock, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	c := &Clock{os.NewFile(uintptr(fd), "clock")}
	if err := c.arm(fd); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// arm sets it to the year 2242.
func (c *Clock) arm(fd int) error {
	const never = 1 << 33
	err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &unix.ItimerSpec{Value: unix.Timespec{Sec: never}}, nil)
	return os.NewSyscallError("timerfd_settime", err)
}

// Wait returns when the clock was set, or with an error when it cannot be watched any more. The kernel arms the timer again
// by itself: a jump while nobody waits is told by the next Wait.
func (c *Clock) Wait() error {
	var expirations [8]byte
	_, err := c.file.Read(expirations[:])
	if errors.Is(err, syscall.ECANCELED) {
		return nil
	}
	return err
}

// Close ends a Wait.
func (c *Clock) Close() { c.file.Close() }
