package top

import (
	"slices"
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

// last are up to n lines, the newest at the end.
func (t *tail) last(n int) []string {
	lines, _ := t.still()
	return lines[max(0, len(lines)-n):]
}

// still is a copy of all lines that are kept, and how many ever came.
func (t *tail) still() (lines []string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := 0
	if t.n > linesKept {
		at = t.n % linesKept
	}
	return slices.Concat(t.lines[at:], t.lines[:at]), t.n
}

func (t *tail) total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}
