package logs

import (
	"runtime"
	"time"

	"goinit/epoll"

	"golang.org/x/sys/unix"
)

// pipes is the epoll set of all workers' pipes. Two things make it cheap to wait for those that are written to all the time.
// Right after there was something the loop waits as a thread: to park a goroutine, and to wake another thread for it and the
// runtime's monitor, would cost half as much as to read and write what has come. And the runtime does not watch the pipes, which
// would wake its thread with ours, but a second set with the first in it, and that only when nothing has come for a while.
// Where there is one processor it is never held: others could not run.
type pipes struct {
	*epoll.Bare
	parked *epoll.Set // of the set above
	wake   bell
	alone  bool
	timer  *time.Timer   // where it is alone
	hurry  chan struct{} // likewise
}

const (
	pipeEvents   = unix.EPOLLIN | unix.EPOLLONESHOT
	parkedEvents = unix.EPOLLIN | unix.EPOLLONESHOT
	parkedID     = 0

	// patient is how long a thread waits for what may come soon: less than the runtime lets it, which takes its processor away
	// after 10 ms.
	patient = 5 * time.Millisecond
)

func newPipes() (*pipes, error) {
	set, err := epoll.NewBare()
	if err != nil {
		return nil, err
	}
	p := &pipes{Bare: set, alone: runtime.GOMAXPROCS(0) == 1, timer: time.NewTimer(time.Hour), hurry: make(chan struct{}, 1)}
	p.timer.Stop()
	if p.parked, err = epoll.New(); err != nil {
		set.Close()
		return nil, err
	}
	if p.wake, err = newBell(); err == nil {
		if err = p.Watch(int(p.wake), wakeID, unix.EPOLLIN); err == nil {
			err = p.parked.Watch(p.FD(), parkedID, parkedEvents)
		}
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// next waits for what is ready; an error means that the set was closed.
func (p *pipes) next(events []unix.EpollEvent, soon bool) (n int, err error) {
	if soon && !p.alone {
		n = p.WaitFor(events, patient)
	}
	for n == 0 {
		if err = p.parked.Rearm(p.FD(), parkedID, parkedEvents); err != nil {
			return 0, err
		}
		if _, err = p.parked.Wait(events); err != nil {
			return 0, err
		}
		n = p.Now(events)
	}
	return n, nil
}

// rest lasts until it is interrupted, or for d.
func (p *pipes) rest(d time.Duration) {
	if p.alone || d > patient {
		p.timer.Reset(d)
		select {
		case <-p.timer.C:
		case <-p.hurry:
		}
		return
	}
	t := unix.NsecToTimespec(int64(d))
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(p.wake), Events: unix.POLLIN}}, &t, nil)
}

// interrupt ends a rest, and makes next return wakeID.
func (p *pipes) interrupt() {
	p.wake.ring()
	select {
	case p.hurry <- struct{}{}:
	default:
	}
}

// interrupted takes note of it.
func (p *pipes) interrupted() { p.wake.still() }

func (p *pipes) close() {
	p.parked.Close()
	p.wake.close()
	p.Close()
}
