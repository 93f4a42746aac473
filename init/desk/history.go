package desk

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"goinit/control"
	"goinit/supervise"
)

// historyBound is how many events are kept: an hour of a quiet day, a minute of a bad one, 300 KB at most.
const historyBound = 1000

// History keeps the last events, in a ring that readers walk at their own pace.
type History struct {
	mu    sync.Mutex
	ring  []control.Event
	first uint64 // the number of the oldest that is kept
	more  chan struct{}
}

// NewHistory is an empty one.
func NewHistory() *History { return &History{more: make(chan struct{})} }

// Add keeps an event. It does not block.
func (h *History) Add(e supervise.Event) {
	out := control.Event{At: e.At, Type: e.Type, App: e.App, Slot: e.Slot}
	if e.Worker != "" {
		worker, generation := e.Worker, e.Generation
		out.Worker, out.Generation = &worker, &generation
	}
	if len(e.Data) > 0 {
		out.Data, _ = json.Marshal(e.Data)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ring) == historyBound {
		copy(h.ring, h.ring[1:])
		h.ring = h.ring[:historyBound-1]
		h.first++
	}
	h.ring = append(h.ring, out)
	close(h.more)
	h.more = make(chan struct{})
}

// next is the event with that number or the oldest after it, whether there is one, and what to wait for if not.
func (h *History) next(number uint64) (e control.Event, is uint64, ok bool, more <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	number = max(number, h.first)
	if i := number - h.first; i < uint64(len(h.ring)) {
		return h.ring[i], number, true, nil
	}
	return control.Event{}, number, false, h.more
}

func (h *History) read(ctx context.Context, q control.EventsQuery, send func(control.Event) error) error {
	for number := uint64(0); ; number++ {
		e, is, ok, more := h.next(number)
		for !ok {
			if !q.Follow {
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-more:
			}
			e, is, ok, more = h.next(number)
		}
		if number > 0 && is > number {
			missed, _ := json.Marshal(map[string]uint64{"events": is - number})
			if err := send(control.Event{At: time.Now(), Type: "events.missed", Data: missed}); err != nil {
				return err
			}
		}
		number = is
		if e.At.Before(q.Since) || !wanted(e, q.Targets) {
			continue
		}
		if err := send(e); err != nil {
			return err
		}
	}
}

func wanted(e control.Event, targets []control.Target) bool {
	for _, t := range targets {
		if t.App == e.App && (t.Slot == control.WholeApp || e.Slot == nil || *e.Slot == t.Slot) {
			return true
		}
	}
	return len(targets) == 0
}
