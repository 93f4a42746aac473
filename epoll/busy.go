package epoll

import (
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Busy is a Bare for a loop that has much to do at times. Right after there was something it is waited for as a thread: to park
// a goroutine, and to wake another thread for it and the runtime's monitor, costs as much as what most loops do. And the runtime
// does not watch it, which would wake its thread with ours, but a Set with the Bare in it, and that only when nothing has come
// for a while. Where there is one processor it is never held: others could not run.
type Busy struct {
	Bare
	parked *Set
	alone  bool

	mu      sync.Mutex
	waiting bool
	closed  bool
}

const (
	parkedEvents = unix.EPOLLIN | unix.EPOLLONESHOT
	parkedID     = 0
)

// NewBusy makes an empty one.
func NewBusy() (*Busy, error) {
	bare, err := NewBare()
	if err != nil {
		return nil, err
	}
	parked, err := New()
	if err != nil {
		bare.Close()
		return nil, err
	}
	b := &Busy{Bare: *bare, parked: parked, alone: runtime.GOMAXPROCS(0) == 1}
	if err := parked.Watch(b.FD(), parkedID, parkedEvents); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Alone says that there is one processor for all of the program.
func (b *Busy) Alone() bool { return b.alone }

// Wait returns how many are ready, at least one, and writes them to events; an error means that it was closed. Where something
// may come soon it holds a thread for up to soon, as WaitFor does. One goroutine at a time may wait.
func (b *Busy) Wait(events []unix.EpollEvent, soon time.Duration) (n int, err error) {
	if !b.enter() {
		return 0, os.ErrClosed
	}
	defer b.leave()
	if soon > 0 && !b.alone {
		n = b.WaitFor(events, soon)
	}
	for n == 0 {
		if err = b.parked.Rearm(b.FD(), parkedID, parkedEvents); err != nil {
			return 0, err
		}
		if _, err = b.parked.Wait(events); err != nil {
			return 0, err
		}
		n = b.Now(events)
	}
	return n, nil
}

func (b *Busy) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = !b.closed
	return b.waiting
}

func (b *Busy) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	if b.closed {
		b.Bare.Close()
	}
}

// Close ends a Wait. What is watched is not closed.
func (b *Busy) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	b.parked.Close()
	if !b.waiting { // else its number may be another's before that thread is back
		b.Bare.Close()
	}
}
