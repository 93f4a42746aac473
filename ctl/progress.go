package ctl

import (
	"fmt"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"

	"goinit/ctl/human"
)

// progress says on stderr how far something is that takes its time. On a terminal it is one line, which is written anew when there
// is news, and each second with the time that has passed, and is wiped out at the end. Elsewhere (a pipe, a file, TERM=dumb)
// news are lines of their own, which say nothing of time.
type progress struct {
	*world
	began time.Time
	quiet time.Duration // nothing is shown on a terminal before

	mu    sync.Mutex
	text  string
	shown bool // the line is there
	ended bool
	stop  chan struct{}
	done  sync.WaitGroup
}

// newProgress begins. What ends within quiet shows nothing on a terminal: a line that comes and goes at once is but a flicker.
func newProgress(w *world, quiet time.Duration) *progress {
	p := &progress{world: w, began: time.Now(), quiet: quiet, stop: make(chan struct{})}
	if p.live() {
		p.done.Go(p.keepTime)
	}
	return p
}

// live says whether a line on stderr can be written anew.
func (w *world) live() bool { return w.errTerminal && w.getenv("TERM") != "dumb" }

// show has news. Elsewhere than on a terminal empty news are none.
func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || text == p.text {
		return
	}
	p.text = text
	switch {
	case p.live():
		p.draw()
	case text != "":
		fmt.Fprintln(p.stderr, human.Printable(text))
	}
}

func (p *progress) keepTime() {
	early := time.NewTimer(p.quiet)
	defer early.Stop()
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for {
		select {
		case <-early.C:
		case <-each.C:
		case <-p.stop:
			return
		}
		p.mu.Lock()
		p.draw()
		p.mu.Unlock()
	}
}

// draw writes the line. It is never as wide as the window, or it would go on in the next, and be left there.
func (p *progress) draw() {
	passed := time.Since(p.began)
	if p.text == "" || passed < p.quiet {
		return
	}
	text := human.Printable(p.text)
	if passed >= time.Second {
		text += ", " + human.Span(passed)
	}
	fmt.Fprint(p.stderr, "\r\x1b[K"+ansi.Truncate(text, max(p.windowWidth()-1, 1), ""))
	p.shown = true
}

// windowWidth is that of stderr's window, whatever has become of it by now.
func (p *progress) windowWidth() int {
	if size, err := unix.IoctlGetWinsize(p.files[2], unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		return int(size.Col)
	}
	return p.width
}

// end wipes the line out. What has come of it is said by others.
func (p *progress) end() {
	p.mu.Lock()
	ended := p.ended
	p.ended = true
	if p.shown && !ended {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
	p.mu.Unlock()
	if !ended {
		close(p.stop)
		p.done.Wait()
	}
}
