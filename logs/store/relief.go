package store

import (
	"sync/atomic"
	"time"
)

// reliefTime is how long, at least, a write is under way before somebody else takes: twice this at most. A worker's pipe takes
// 64 KiB meanwhile. With less, who has to wait for a processor on a busy machine is taken for one who waits for a disk.
const reliefTime = 50 * time.Millisecond

// relief watches a taker who writes. He is stuck if the disk is, and nobody reads the pipes; so somebody else then takes, and
// he goes on as the writer. The watch costs a timer that runs while something is written and not for each write.
type relief struct {
	// turn is the number of the write, and in its last two bits what is with it.
	turn  atomic.Uint64
	armed atomic.Bool // the timer runs, or look does
	timer *time.Timer
	seen  uint64 // turn when look was last here
	come  func() // of the write that is under way
}

const (
	resting = iota
	writing
	relieved
	turnBits = 3
)

func (r *relief) init() {
	r.timer = time.AfterFunc(time.Hour, r.look)
	r.timer.Stop()
}

// begin is called before a write, end after it. With nil nobody watches.
func (r *relief) begin(come func()) {
	if come == nil {
		return
	}
	r.come = come
	r.turn.Store(r.turn.Load()&^turnBits + turnBits + 1 | writing)
	if !r.armed.Load() {
		r.arm()
	}
}

func (r *relief) arm() {
	if r.armed.CompareAndSwap(false, true) {
		r.timer.Reset(reliefTime)
	}
}

// end reports whether somebody else takes now.
func (r *relief) end() bool {
	now := r.turn.Load()
	if now&turnBits == resting || r.turn.CompareAndSwap(now, now&^turnBits) && now&turnBits == writing {
		return false
	}
	r.turn.Store(now &^ turnBits)
	return true
}

// came reports it before the end.
func (r *relief) came() bool { return r.turn.Load()&turnBits == relieved }

// look sends for somebody else, if what is under way was so the last time.
func (r *relief) look() {
	now := r.turn.Load()
	if now&turnBits == writing {
		if now != r.seen {
			r.seen = now
			r.timer.Reset(reliefTime)
			return
		}
		if r.turn.CompareAndSwap(now, now&^turnBits|relieved) {
			come := r.come // whose it is stays, until come has begun
			r.armed.Store(false)
			come()
			return
		}
	}
	r.armed.Store(false)
	if later := r.turn.Load(); later != now && later&turnBits == writing { // it has seen that the timer ran
		r.arm()
	}
}
