package pid1

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// mailbox is where signals wait to be attended to, in their order. Who puts one in never waits: it is the one that reaps.
type mailbox struct {
	mu    sync.Mutex
	queue []unix.Signal
	wake  chan struct{} // has room for one
}

// Bounds of the mailbox. Of what asks for the end two say all there is to say, and both have their place whatever else comes.
const (
	mailboxBound = 256
	stopsKept    = 2
)

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// put keeps a signal, or drops it: one of which the same is there and means no more twice, and what is too much.
func (m *mailbox) put(sig unix.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	there := 0
	for _, s := range m.queue {
		if s == sig {
			there++
		}
	}
	switch meaningOf(sig, false) {
	case meansStop:
		if there >= stopsKept {
			return
		}
	case meansApply, meansState:
		if there > 0 {
			return
		}
	default:
		if len(m.queue) >= mailboxBound {
			return
		}
	}
	m.queue = append(m.queue, sig)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take empties it.
func (m *mailbox) take() []unix.Signal {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.queue)
	m.queue = m.queue[:0]
	return all
}
