package nodeipc

import (
	"fmt"
	"sync"
	"time"

	"goinit/epoll"

	"golang.org/x/sys/unix"
)

// Hub is the goroutine that reads all channels and accepts for all balances.
type Hub struct {
	set    *epoll.Busy
	broken func(error)

	mu        sync.Mutex
	workers   map[uint32]*Worker   // by the number that epoll knows them by
	listeners map[uint32]*listener // likewise
	balances  map[*Balance]bool
	nextID    uint32
	seq       int // of messages, to all workers
	closed    bool
	timer     *time.Timer
	due       time.Time // when the timer goes off; zero: it does not

	// Of the loop alone, but under the lock: workers are read to their ends elsewhere too.
	buf     []byte
	control []byte
}

// NewHub makes one and starts its goroutine, which ends with Close. broken is told of defects of ours, from which the Hub goes
// on.
func NewHub(broken func(error)) (*Hub, error) {
	h, err := newHub(broken)
	if err == nil {
		go h.loop()
	}
	return h, err
}

func newHub(broken func(error)) (*Hub, error) {
	set, err := epoll.NewBusy()
	if err != nil {
		return nil, err
	}
	h := &Hub{set: set, broken: broken, workers: map[uint32]*Worker{}, listeners: map[uint32]*listener{}, balances: map[*Balance]bool{},
		buf: make([]byte, readSize), control: make([]byte, unix.CmsgSpace(4*maxHandles))}
	h.timer = time.AfterFunc(time.Hour, h.tick)
	h.timer.Stop()
	return h, nil
}

// Close ends it. Workers that are still there are let go: their channels are closed, at which Node's cluster workers end.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	h.timer.Stop()
	for _, w := range h.workers {
		w.leaveChannel()
	}
	h.set.Close()
}

// patient is how long the loop's thread waits for what comes soon, as it does while connections are accepted: each is told of
// three times.
const patient = time.Millisecond

// gather is for how long connections gather while every worker has one to go on with: each that is given by itself costs a
// wake-up of the worker, and two of ours for what it answers. (As SCHED_BATCH, which gathers by itself, the loop would wait for
// milliseconds where others want the processors, with few connections and idle workers too.)
const gather = 300 * time.Microsecond

func (h *Hub) loop() {
	events := make([]unix.EpollEvent, 64)
	var soon time.Duration
	for {
		n, err := h.set.Wait(events, soon)
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			h.happened(uint32(e.Fd), e.Events)
		}
		soon = patient
		if h.crowded() {
			h.set.Rest(gather)
		}
	}
}

// crowded says that some listener was, in this turn.
func (h *Hub) crowded() (crowded bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.survive()
	for _, l := range h.listeners {
		crowded = l.crowded() || crowded
	}
	return crowded
}

// happened is one event. The lock is for one event only, so that nobody waits for more than one read.
func (h *Hub) happened(id, events uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.survive()
	if w := h.workers[id]; w != nil {
		w.happened(events)
	} else if l := h.listeners[id]; l != nil {
		l.accept()
	}
}

// survive is deferred where a panic would end PID 1, and with it the container.
func (h *Hub) survive() {
	if p := recover(); p != nil && h.broken != nil {
		h.broken(fmt.Errorf("a defect of goinit's Node channel: %v", p))
	}
}

// id is a new number for epoll.
func (h *Hub) id() uint32 {
	for {
		h.nextID++
		if h.workers[h.nextID] == nil && h.listeners[h.nextID] == nil {
			return h.nextID
		}
	}
}

// number is the next message's.
func (h *Hub) number() int {
	h.seq++
	return h.seq
}

// wakeBy has tick called by then.
func (h *Hub) wakeBy(at time.Time) {
	if h.closed || !h.due.IsZero() && !at.Before(h.due) {
		return
	}
	h.due = at
	h.timer.Reset(time.Until(at))
}

// tick does what is due, and asks to be called again for what will be.
func (h *Hub) tick() {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.survive()
	h.due = time.Time{}
	if h.closed {
		return
	}
	now := time.Now()
	for _, w := range h.workers {
		w.tick(now)
	}
	for _, l := range h.listeners {
		l.tick(now)
	}
	for b := range h.balances {
		b.tick(now)
	}
}
