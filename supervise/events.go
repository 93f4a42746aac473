package supervise

import (
	"sync"
)

// Bounds of the stream of events.
const (
	subscriberBound = 128
	eventBound      = 256 // events that a reader may be behind
)

// Subscription is a reader of events. One that is too slow is cut off: its channel is closed and Lost is true.
type Subscription struct {
	C <-chan Event

	bus  *bus
	send chan Event
	lost bool
}

// Lost reports whether it was cut off for being too slow.
func (s *Subscription) Lost() bool {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	return s.lost
}

// Close ends it, and its channel.
func (s *Subscription) Close() { s.bus.remove(s, false) }

// bus hands events to whoever reads. It never waits for a reader.
type bus struct {
	sink func(Event)

	mu          sync.Mutex
	subscribers map[*Subscription]struct{}
	closed      bool
}

func (b *bus) subscribe() (*Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, ErrEnded
	}
	if len(b.subscribers) >= subscriberBound {
		return nil, ErrBusy
	}
	c := make(chan Event, eventBound)
	s := &Subscription{C: c, send: c, bus: b}
	b.subscribers[s] = struct{}{}
	return s, nil
}

func (b *bus) publish(e Event) {
	if b.sink != nil {
		b.sink(e)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subscribers {
		select {
		case s.send <- e:
		default:
			b.drop(s, true)
		}
	}
}

func (b *bus) remove(s *Subscription, lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(s, lost)
}

func (b *bus) drop(s *Subscription, lost bool) {
	if _, there := b.subscribers[s]; there {
		delete(b.subscribers, s)
		s.lost = lost
		close(s.send)
	}
}

func (b *bus) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.subscribers {
		b.drop(s, false)
	}
}
