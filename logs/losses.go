package logs

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Loss is lines that the console did not show.
type Loss struct {
	App   string // empty: goinit's own messages, or whosever were in a queue that could not be written
	Lines uint64
}

// String is the message for it, without "goinit: ".
func (l Loss) String() string {
	lines, were := " lines", " were"
	if l.Lines == 1 {
		lines, were = " line", " was"
	}
	of := "of " + l.App
	if l.App == "" {
		of = "of output"
	}
	return thousands(l.Lines) + lines + " " + of + were + " not shown here: the reader was too slow"
}

// thousands writes n as 1,234,567.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// losses counts them by app until they are told.
type losses struct {
	total   atomic.Uint64
	untold  atomic.Bool
	telling sync.Mutex
	mu      sync.Mutex
	byApp   map[string]uint64
}

func (l *losses) add(app string, lines uint64) {
	if lines == 0 {
		return
	}
	l.total.Add(lines)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byApp == nil {
		l.byApp = make(map[string]uint64)
	}
	l.byApp[app] += lines
	l.untold.Store(true)
}

func (l *losses) take() []Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Loss
	for _, app := range slices.Sorted(maps.Keys(l.byApp)) {
		out = append(out, Loss{app, l.byApp[app]})
	}
	l.byApp = nil
	l.untold.Store(false)
	return out
}

// lossRoom is what must be free in stderr's queue before losses are told, so that telling them is not lost as well.
const lossRoom = 16 << 10

// tellLosses is called by a sink that has become able to take lines again. When it returns, they are told.
func (c *Console) tellLosses() {
	c.losses.telling.Lock()
	defer c.losses.telling.Unlock()
	defer c.survive()
	if !c.losses.untold.Load() || c.stderr == nil || !c.stderr.fits(lossRoom) { // nil: within New
		return
	}
	for _, loss := range c.losses.take() {
		if c.options.Lost != nil {
			c.options.Lost(loss)
		} else {
			c.Messages().Write([]byte("goinit: " + loss.String() + "\n"))
		}
	}
}

// countLines is how many lines are in b, an unfinished one included.
func countLines(b []byte) uint64 {
	n := bytes.Count(b, []byte{'\n'})
	if len(b) > 0 && b[len(b)-1] != '\n' {
		n++
	}
	return uint64(n)
}
