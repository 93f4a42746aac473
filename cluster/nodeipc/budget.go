package nodeipc

import "time"

// budget bounds what one worker may have us do, who serve all of them.
type budget struct {
	spent     int       // on what was read from it, in bytes
	extra     int       // likewise, of what a line has cost beyond lineCost
	since     time.Time // since then
	suspended time.Time // not read before that; zero: it is
}

const (
	// A worker may send this many bytes in this time, each line counted as so many more, which is what it costs us; the rest
	// waits in its own process. That is 100,000 lines a second: a connection takes two.
	mostRead   = 4 << 20
	lineCost   = 400
	lookCost   = 10 // of looking at one worker, one address or one socket among many
	readWindow = 100 * time.Millisecond
)

// count keeps it from sending more than we want to read.
func (w *Worker) count(cost int) {
	now := time.Now()
	if now.Sub(w.since) >= readWindow {
		w.since, w.spent = now, 0
	}
	if w.spent += cost; w.spent >= mostRead {
		w.suspended = w.since.Add(readWindow)
		w.hub.wakeBy(w.suspended)
	}
}
