package logs

import (
	"context"
	"runtime"
	"time"
)

// Query says which of the lines that are kept.
type Query struct {
	Targets []Target // none: all
	Stream  string   // stdout, stderr; empty: both
	Since   time.Time
	Until   time.Time // zero: no end
	Tail    int       // the last so many of those; negative: all
	Follow  bool      // then whatever comes
}

// maxTail bounds what is remembered while the last lines are looked for.
const maxTail = 1 << 16

// Target is a worker, or with WholeApp all of an app's.
type Target struct {
	App  string
	Slot int
}

// WholeApp is a Target's Slot.
const WholeApp = -1

// Read calls send for each line in the order in which they were read, and returns send's error; or nil at the end of what
// is kept; or, with Follow, when ctx ends. send may block for as long as it likes: nothing is queued for it. What is
// overwritten before it comes back is counted in the next line's Missed.
func (c *Console) Read(ctx context.Context, q Query, send func(Line) error) error {
	wake := c.kept.subscribe()
	defer c.kept.unsubscribe(wake)
	r := newReader(c.kept, q)
	for ctx.Err() == nil {
		lines := r.next()
		for _, l := range lines {
			if err := send(l); err != nil {
				return err
			}
		}
		switch {
		case len(lines) > 0:
		case r.more:
			runtime.Gosched() // much to look through: others have their turn
		case !q.Follow:
			return nil
		default:
			select {
			case <-wake:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// Tail is the last n lines that are kept of a worker or an app; for messages about how something ended.
func (c *Console) Tail(t Target, n int) []Line {
	var lines []Line
	_ = c.Read(context.Background(), Query{Targets: []Target{t}, Tail: n}, func(l Line) error {
		if len(lines) < n { // more may come while we read
			lines = append(lines, l)
		}
		return nil
	})
	return lines
}
