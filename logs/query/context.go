package query

import "bytes"

// stepper is a source that hands out every line, and tells which are asked for.
type stepper interface {
	step(*Line) (asked, ok bool)
	close()
}

// contexts shows with each line that is asked for its neighbours.
type contexts struct {
	q       *Query
	from    stepper
	copies  bool   // the memory of lines from before may go
	before  []Line // the last that were not shown, at most q.Before
	ready   []Line // to be shown
	after   int    // how many more to show
	skipped bool
	begun   bool
}

func (c *contexts) next(l *Line) bool {
	for len(c.ready) == 0 {
		var line Line
		asked, ok := c.from.step(&line)
		if !ok {
			return false
		}
		c.ready = c.add(c.ready, line, asked)
	}
	*l = c.ready[0]
	c.ready = c.ready[1:]
	return true
}

// add takes the next line of the app, and appends what is to be shown now.
func (c *contexts) add(out []Line, l Line, asked bool) []Line {
	switch {
	case asked:
		c.after = c.q.After
		first := len(out)
		out = append(append(out, c.before...), l)
		out[first].Skipped = c.skipped && c.begun
		c.before, c.skipped, c.begun = c.before[:0], false, true
	case c.after > 0:
		c.after--
		out = append(out, l)
	default:
		if c.copies && c.q.Before > 0 {
			l.Text = bytes.Clone(l.Text)
		}
		if c.before = append(c.before, l); len(c.before) > c.q.Before {
			c.before = append(c.before[:0], c.before[1:]...)
			c.skipped = true
		}
	}
	return out
}

func (c *contexts) close() { c.from.close() }
