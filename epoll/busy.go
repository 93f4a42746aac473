package epoll

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Busy is a Bare for a loop that has much to do at times. Right after there was something it is waited for as a thread: to park
// a goroutine, and to wake another thread for it and the runtime's monitor, costs as much as what most loops do. And the runtime
// does not watch it, which would wake its thread with ours, but a Set with the Bare in it, and that only when nothing has come
// for a while. One processor is never held: others could not run.
type Busy struct {
	Bare
	parked *Set

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
	b := &Busy{Bare: *bare, parked: parked}
	if err := parked.Watch(b.FD(), parkedID, parkedEvents); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Wait returns how many are ready, at least one, and writes them to events; an error means that it was closed. Where something
// may come soon it holds a thread for up to soon, as WaitFor does, if there is a processor for that. One goroutine at a time
// may wait.
func (b *Busy) Wait(events []unix.EpollEvent, soon time.Duration) (n int, err error) {
	if !b.enter() {
		return 0, os.ErrClosed
	}
	defer b.leave()
	if soon > 0 && Hold() {
		n = b.WaitFor(events, soon)
		Release()
	}
	if n > 0 {
		return n, nil
	}
	for n == 0 {
		// Closed meanwhile, its number may be another's already: whose set does not have ours, which is an error as well.
		if err = b.parked.Rearm(b.FD(), parkedID, parkedEvents); err != nil {
			return 0, err
		}
		if _, err = b.parked.Wait(events); err != nil {
			return 0, err
		}
		n = b.Now(events)
	}
	// The thread that has brought us this was the one that waits for everybody's descriptors and timers, and is about to be
	// ours alone. A new goroutine has the runtime wake another, which waits in its place; without it nobody does for 10 ms.
	go func() {}()
	return n, nil
}

// Rest lets more come before the next Wait: it holds the thread for d, if there is a processor for that. What holds for
// WaitFor's d holds for this.
func (b *Busy) Rest(d time.Duration) {
	if !Hold() {
		return
	}
	defer Release()
	t := unix.NsecToTimespec(int64(d))
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0) // a signal ends it early
}

var holders atomic.Int32

// Hold asks for a processor for a thread that waits by a system call of which the scheduler is not told; Release gives it back. It
// is false where nobody else would have one: the second loop of two, or any with one processor, has to park.
func Hold() bool {
	if int(holders.Add(1)) < runtime.GOMAXPROCS(0) {
		return true
	}
	Release()
	return false
}

// Release is after a Hold that was true.
func Release() { holders.Add(-1) }

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
	if !b.waiting { // else the number may be another's before that thread is back
		b.Bare.Close()
	}
}
