package logs

import (
	"time"

	"goinit/epoll"

	"golang.org/x/sys/unix"
)

// pipes is the epoll set of all workers' pipes, which are written to all the time or hardly ever.
type pipes struct {
	*epoll.Busy
	wake  bell
	timer *time.Timer   // where there is no processor to hold
	hurry chan struct{} // likewise
}

const (
	pipeEvents = unix.EPOLLIN | unix.EPOLLONESHOT

	// patient is how long a thread waits for what may come soon: less than the runtime lets it, which takes its processor away
	// after 10 ms.
	patient = 5 * time.Millisecond
)

func newPipes() (*pipes, error) {
	set, err := epoll.NewBusy()
	if err != nil {
		return nil, err
	}
	p := &pipes{Busy: set, timer: time.NewTimer(time.Hour), hurry: make(chan struct{}, 1)}
	p.timer.Stop()
	if p.wake, err = newBell(); err != nil {
		set.Close()
		return nil, err
	}
	if err := p.Watch(int(p.wake), wakeID, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// rest lasts until it is interrupted, or for d.
func (p *pipes) rest(d time.Duration) {
	if d > patient || !epoll.Hold() {
		p.timer.Reset(d)
		select {
		case <-p.timer.C:
		case <-p.hurry:
		}
		return
	}
	defer epoll.Release()
	t := unix.NsecToTimespec(int64(d))
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(p.wake), Events: unix.POLLIN}}, &t, nil)
}

// interrupt ends a rest, and makes Wait return wakeID.
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
	p.wake.close()
	p.Close()
}
