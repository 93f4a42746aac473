package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// ErrThawed is what Freeze returns when somebody has thawed or removed the group meanwhile.
var ErrThawed = errors.New("thawed before it was frozen")

var errNoFreezer = errors.New("the controller freezer is not available here")

// Freeze suspends everybody in the group and beneath it, and returns when the kernel says that it is so; what cannot be
// frozen within the time is let go on, and named. It blocks.
//
// v2 tells by an event of cgroup.events; that the word was written says nothing. v1 has no event: it is asked, less and less
// often.
func (g *Group) Freeze(within time.Duration) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	g.mu.Lock()
	if g.removed {
		g.mu.Unlock()
		return ErrThawed
	}
	g.endWait()
	wait := make(chan struct{})
	g.waiting, g.frozen = wait, true
	g.mu.Unlock()
	if err := g.hold(); err != nil {
		_ = g.Thaw()
		return fmt.Errorf("cannot freeze: %w", err)
	}
	pause := time.Millisecond
	for {
		switch done, err := g.isFrozen(); {
		case err != nil:
			return err
		case done:
			return g.stillFrozen(wait)
		}
		var again <-chan time.Time
		if g.v2 == "" || !g.root.watcher.sees(g) {
			again = time.After(pause)
			pause = min(2*pause, 100*time.Millisecond)
		}
		select {
		case <-wait:
			return g.stillFrozen(wait)
		case <-again:
			_ = g.holdAgain()
		case <-deadline.C:
			who := g.Stuck()
			_ = g.Thaw()
			if who != "" {
				return fmt.Errorf("not frozen within %v: %s", within, who)
			}
			return fmt.Errorf("not frozen within %v", within)
		}
	}
}

// holdAgain: v1 freezes those who have forked meanwhile only when it is asked again (freezer-subsystem.rst).
func (g *Group) holdAgain() error {
	if g.v2 != "" {
		return nil
	}
	return g.hold()
}

// stillFrozen is whether nobody has thawed it since.
func (g *Group) stillFrozen(wait chan struct{}) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting == wait {
		g.waiting = nil
	}
	if !g.frozen {
		return ErrThawed
	}
	return nil
}

func (g *Group) isFrozen() (bool, error) {
	if g.v2 != "" {
		text, err := read(filepath.Join(g.v2, "cgroup.events"))
		n, _ := number(text, "frozen")
		return n == 1, err
	}
	text, err := read(g.freezer)
	return strings.TrimSpace(string(text)) == "FROZEN", err
}

// Thaw lets everybody go on.
func (g *Group) Thaw() error {
	g.mu.Lock()
	g.frozen = false
	g.endWait()
	g.mu.Unlock()
	if g.v2 != "" {
		return ignoreGone(write(filepath.Join(g.v2, "cgroup.freeze"), "0"))
	}
	if g.freezer == "" {
		return errNoFreezer
	}
	return ignoreGone(write(g.freezer, "THAWED"))
}

// endWait ends a Freeze that waits. g.mu is held.
func (g *Group) endWait() {
	if g.waiting != nil {
		close(g.waiting)
		g.waiting = nil
	}
}
