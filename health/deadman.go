package health

import (
	"context"
	"sync/atomic"
	"time"
)

// deadman tells when nothing was heard for a while: heartbeat and silence. To hear something is an atomic store, for it
// may be a line of output; so the timer is not moved by it, but finds out when it fires.
type deadman struct {
	limit   atomic.Int64 // nanoseconds; WATCHDOG_USEC may change it
	heard   atomic.Int64 // nanoseconds since epoch
	epoch   time.Time    // of a clock that never jumps
	gate    *gate
	silent  func(limit time.Duration)
	changed chan struct{} // limit is another
}

// leastLimit keeps what a worker says (WATCHDOG_USEC=1) from being a timer that never rests.
const leastLimit = 100 * time.Millisecond

func newDeadman(limit time.Duration, g *gate, silent func(time.Duration)) *deadman {
	d := &deadman{epoch: time.Now(), gate: g, silent: silent, changed: make(chan struct{}, 1)}
	d.limit.Store(int64(max(limit, leastLimit)))
	return d
}

// hear is what it wants. It never blocks.
func (d *deadman) hear() { d.heard.Store(int64(time.Since(d.epoch))) }

func (d *deadman) setLimit(limit time.Duration) {
	limit = max(limit, leastLimit)
	if d.limit.Swap(int64(limit)) == int64(limit) {
		return
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// run begins to count after the delay, and tells once in a row.
func (d *deadman) run(ctx context.Context, delay time.Duration) {
	d.heard.Store(int64(time.Since(d.epoch) + delay))
	told := false
	timer := time.NewTimer(delay + time.Duration(d.limit.Load()))
	defer timer.Stop()
	times := d.gate.times()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.changed:
		case <-timer.C:
		}
		now := d.gate.pass(ctx)
		if ctx.Err() != nil {
			return
		}
		if now != times { // it was frozen, and could say nothing
			times = now
			d.hear()
		}
		limit := time.Duration(d.limit.Load())
		quiet := time.Since(d.epoch) - time.Duration(d.heard.Load())
		switch {
		case quiet < limit:
			told = false
			timer.Reset(limit - quiet)
		default:
			if !told {
				told = true
				d.silent(limit)
			}
			timer.Reset(limit)
		}
	}
}
