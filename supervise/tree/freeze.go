package tree

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// freezeTime bounds a Freeze. Only a process in uninterruptible sleep takes longer than some milliseconds.
const freezeTime = 5 * time.Second

// ErrThawed is what a Freeze returns that somebody's Thaw, or the end of the tree, has ended.
var ErrThawed = errors.New("it was let go on meanwhile")

// freezer is what a tree remembers of being suspended.
type freezer struct {
	mu      sync.Mutex
	wanted  bool
	stopped map[identity]process // by us: who was suspended before stays so
}

// Freeze suspends every process of the tree with SIGSTOP, until a look finds nobody who runs. It fails, and lets them all
// go on, if that takes longer than five seconds. A process may notice: SIGSTOP is seen by a parent that asks (waitpid(2),
// WUNTRACED), and anybody's SIGCONT ends it.
func (t *Tree) Freeze() error {
	f := &t.freezer
	f.mu.Lock()
	if f.wanted {
		f.mu.Unlock()
		return nil
	}
	f.wanted, f.stopped = true, map[identity]process{}
	f.mu.Unlock()
	end := time.Now().Add(freezeTime)
	for pause := shortPause; ; pause = min(2*pause, awaitPause) {
		running, err := t.suspend()
		if err != nil || running == 0 {
			if err != nil {
				t.Thaw()
			}
			return err
		}
		if time.Now().After(end) {
			t.Thaw()
			return fmt.Errorf("process %d has not stopped after %v: it waits in the kernel, and cannot be suspended (state D in ps)", running, freezeTime)
		}
		time.Sleep(pause)
	}
}

// suspend makes one look; running is one that was not suspended yet, 0 if there is none.
func (t *Tree) suspend() (running int, err error) {
	members, err := t.keeper.counted(t, 0)
	if err != nil {
		return 0, err
	}
	if len(members) == 0 {
		return 0, ErrNone
	}
	f := &t.freezer
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.wanted {
		return 0, ErrThawed
	}
	var r reader
	for _, p := range members {
		id := identity{p.pid, p.start}
		_, sent := f.stopped[id]
		if p.state == 'T' || p.state == 't' || p.state == 'Z' && sent { // Z: its first thread has ended, and cannot stop
			continue
		}
		running = p.pid
		if !sent {
			f.stopped[id] = p
			send(&r, p, unix.SIGSTOP)
		}
	}
	return running, nil
}

// Thaw lets go on whom Freeze has suspended. It does not block.
func (t *Tree) Thaw() {
	f := &t.freezer
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = false
	var r reader
	for _, p := range f.stopped {
		send(&r, p, unix.SIGCONT)
	}
	f.stopped = nil
}
