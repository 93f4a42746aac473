package logs

import (
	"bytes"
	"sync/atomic"

	"goinit/logs/store"
)

// Tally is what has come from an app since goinit knows it.
type Tally struct {
	App          string
	Bytes, Lines uint64 // Lines: since CountLines
	Hidden       uint64 // lines that the console did not show: its reader was too slow
	Lost         uint64 // lines that the store could not take
	Limited      uint64 // lines over the app's rate
}

// tally counts an app. The loop adds to it, and whoever looks reads it.
type tally struct {
	bytes, lines, hidden atomic.Uint64
	app                  atomic.Pointer[store.App] // nil: there is no store
}

// CountLines begins to count lines. Who reads 64 KiB at a time otherwise looks at none of them, and to look costs a tenth of
// what it costs to keep them: so it is for those who want to know.
func (c *Console) CountLines() { c.counting.Store(true) }

// read counts what was read.
func (t *tally) read(fresh []byte, lines bool) {
	t.bytes.Add(uint64(len(fresh)))
	if lines {
		t.lines.Add(uint64(bytes.Count(fresh, []byte{'\n'})))
	}
}

// Tallies are of all apps that have had a worker, in no order.
func (c *Console) Tallies() []Tally {
	c.kept.mu.Lock()
	defer c.kept.mu.Unlock()
	all := make([]Tally, 0, len(c.kept.rings))
	for name, r := range c.kept.rings {
		t := Tally{App: name, Bytes: r.tally.bytes.Load(), Lines: r.tally.lines.Load(), Hidden: r.tally.hidden.Load()}
		if a := r.tally.app.Load(); a != nil {
			t.Lost, t.Limited = a.Losses()
		}
		all = append(all, t)
	}
	return all
}
