package watch

import "time"

// touch notes that something has changed.
func (w *Watcher) touch(full string) {
	if !w.pending || w.first == "" {
		w.first = full
	}
	w.pending = true
	w.unsettle()
}

// lost notes that the kernel has forgotten what it had to tell.
func (w *Watcher) lost() {
	if !w.pending {
		w.lostAfter = w.empty
	}
	w.pending = true
	w.rewalk()
}

// rewalk has everything walked once more, when it is quiet.
func (w *Watcher) rewalk() {
	w.stale = true
	w.unsettle()
}

// unsettle begins the time of quiet anew. The timer is left as it is, and looks at the clock: a checkout of a thousand files
// arms it once.
func (w *Watcher) unsettle() {
	w.at = time.Now()
	if w.timer == nil && !w.closed {
		w.since = w.at
		w.timer = time.AfterFunc(w.plan.Delay, w.settle)
	}
}

// settle tells, if it has been quiet for long enough, or never seems to be.
func (w *Watcher) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	_ = w.conn.Control(func(fd uintptr) { w.drain(int(fd)) }) // where the machine is busy, we may be here before run
	if rest := w.plan.Delay - time.Since(w.at); rest > 0 && time.Since(w.since) < patience {
		w.timer = time.AfterFunc(rest, w.settle)
		return
	}
	w.timer = nil
	if w.stale {
		w.stale = false
		w.locked(func() {
			w.walkAll()
			if w.pending && w.first == "" {
				w.first = w.newest(w.lostAfter.Add(-time.Second)) // a file system's clock may be coarse
			}
		})
	}
	if !w.pending {
		return
	}
	path := w.first
	if path == "" {
		path = w.plan.Dir // gone, then
	}
	w.pending, w.first = false, ""
	w.tell(News{Kind: Changed, Path: w.relative(path), Directories: len(w.dirs)})
}
