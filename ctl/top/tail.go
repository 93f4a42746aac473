package top

import (
	"sync"
	"unicode/utf8"
)

// Bounds of what a pane keeps: more than fits any window, and not more in a day than in a minute.
const (
	linesKept = 1000
	lineKept  = 2048 // bytes of a line: the rest is not shown
)

// tail is the last lines of something that goes on, written by one goroutine and shown by another. Whoever waits for Changed
// is woken once for however many lines.
type tail struct {
	mu      sync.Mutex
	lines   []string // a ring
	n       int      // all that ever came
	changed chan struct{}
	closed  chan struct{} // nobody shows it any more
}

func newTail() *tail { return &tail{changed: make(chan struct{}, 1), closed: make(chan struct{})} }

func (t *tail) add(line string) {
	t.mu.Lock()
	if len(line) > lineKept {
		end := lineKept
		for end > 0 && !utf8.RuneStart(line[end]) {
			end--
		}
		line = string([]byte(line[:end])) // not a part of the long one, which would be kept with it
	}
	if len(t.lines) < linesKept {
		t.lines = append(t.lines, line)
	} else {
		t.lines[t.n%linesKept] = line
	}
	t.n++
	t.mu.Unlock()
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// last are up to n lines that end so many lines before the newest.
func (t *tail) last(n, before int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := max(0, len(t.lines)-before)
	start := max(0, end-n)
	out := make([]string, 0, end-start)
	for i := start; i < end; i++ {
		at := i
		if t.n > linesKept {
			at = (t.n + i) % linesKept
		}
		out = append(out, t.lines[at])
	}
	return out
}

func (t *tail) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines)
}
