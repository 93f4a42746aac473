package control

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"
)

// History keeps the last events and hands them to whoever asks: what Supervisor.Events is usually made of. Add never
// blocks. A reader that is too slow loses the oldest and is told how many, by an event events.lost.
type History struct {
	mu     sync.Mutex
	kept   []Event // a ring: event n is at n % len
	next   uint64  // the number of the next event
	change Changes
}

// NewHistory keeps n events.
func NewHistory(n int) *History { return &History{kept: make([]Event, n)} }

// Add adds an event.
func (h *History) Add(e Event) {
	h.mu.Lock()
	h.kept[h.next%uint64(len(h.kept))] = e
	h.next++
	h.mu.Unlock()
	h.change.Tell()
}

// Events is Supervisor.Events.
func (h *History) Events(ctx context.Context, q EventsQuery, send func(Event) error) error {
	at := h.oldest()
	for {
		changed := h.change.Next()
		for {
			e, lost, ok := h.take(&at)
			if !ok {
				break
			}
			if lost > 0 {
				if err := send(lostEvents(lost)); err != nil {
					return err
				}
			}
			if e.At.Before(q.Since) || !q.wants(&e) {
				continue
			}
			if err := send(e); err != nil {
				return err
			}
		}
		if !q.Follow {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// oldest is the number of the oldest event that is kept.
func (h *History) oldest() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next - min(h.next, uint64(len(h.kept)))
}

// take is event number *at, or the oldest that is left, and how many were lost before it.
func (h *History) take(at *uint64) (e Event, lost uint64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next > uint64(len(h.kept)) {
		if oldest := h.next - uint64(len(h.kept)); *at < oldest {
			lost, *at = oldest-*at, oldest
		}
	}
	if *at == h.next {
		return Event{}, 0, false
	}
	e = h.kept[*at%uint64(len(h.kept))]
	*at++
	return e, lost, true
}

func lostEvents(n uint64) Event {
	return Event{At: time.Now().UTC(), Type: "events.lost", Data: json.RawMessage(`{"lost":` + strconv.FormatUint(n, 10) + `}`)}
}

// wants says whether an event is about one of the targets. One about no app is for those who ask for all.
func (q *EventsQuery) wants(e *Event) bool {
	return len(q.Targets) == 0 || slices.ContainsFunc(q.Targets, func(t Target) bool {
		return t.App == e.App && (t.Slot == WholeApp || e.Slot != nil && *e.Slot == t.Slot)
	})
}

// Changes tells everybody who waits that something is different: what Snapshot.Changed is usually made of. Who calls Next
// before it looks misses nothing, if Tell is called after what is looked at was changed. The zero value is ready.
type Changes struct {
	mu sync.Mutex
	ch chan struct{}
}

// Next is closed by the next Tell.
func (c *Changes) Next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ch == nil {
		c.ch = make(chan struct{})
	}
	return c.ch
}

// Tell closes it.
func (c *Changes) Tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ch != nil {
		close(c.ch)
		c.ch = nil
	}
}
