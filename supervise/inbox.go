package supervise

import "sync"

// commandBound is how many commands may wait for one owner.
const commandBound = 64

// inbox is the one place from which an owner takes what has happened. Neither end blocks.
type inbox[F, C any] struct {
	wake chan struct{}

	mu       sync.Mutex
	facts    []F
	commands []C
	closed   bool
}

func newInbox[F, C any]() inbox[F, C] { return inbox[F, C]{wake: make(chan struct{}, 1)} }

// fact is never refused.
func (b *inbox[F, C]) fact(f F) {
	b.mu.Lock()
	if !b.closed {
		b.facts = append(b.facts, f)
	}
	b.mu.Unlock()
	b.ring()
}

// command is refused when too many wait, or the owner is gone.
func (b *inbox[F, C]) command(c C) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrEnded
	}
	if len(b.commands) >= commandBound {
		return ErrBusy
	}
	b.commands = append(b.commands, c)
	b.ring()
	return nil
}

func (b *inbox[F, C]) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties it. Facts come before the commands that were given after them.
func (b *inbox[F, C]) take() (facts []F, commands []C) {
	b.mu.Lock()
	defer b.mu.Unlock()
	facts, commands = b.facts, b.commands
	b.facts, b.commands = nil, nil
	return facts, commands
}

// close refuses everything from now on and returns the commands that nobody will answer.
func (b *inbox[F, C]) close() []C {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	left := b.commands
	b.facts, b.commands = nil, nil
	return left
}
