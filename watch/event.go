package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// run reads what the kernel has to tell. Between two readings it waits on the runtime's poller.
func (w *Watcher) run() {
	w.mu.Lock()
	w.locked(func() {
		w.walkAll()
		if early := w.newest(w.began); early != "" {
			w.touch(early)
		}
	})
	w.started, w.empty = true, time.Now()
	w.tell(News{Kind: Watching, Directories: len(w.dirs)})
	w.mu.Unlock()
	for {
		some := false
		err := w.conn.Read(func(fd uintptr) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			some = w.drain(int(fd))
			return some
		})
		if err != nil {
			return
		}
	}
}

// drain reads what there is, up to a bound, and reports whether there was something. Whoever reads has the lock from before the reading, so that
// events keep their order.
func (w *Watcher) drain(fd int) bool {
	if w.buffer == nil {
		w.buffer = make([]byte, readBuffer)
	}
	for i := range drainBound {
		n, err := unix.Read(fd, w.buffer)
		if err != nil || n <= 0 {
			w.empty = time.Now()
			return i > 0
		}
		w.read(w.buffer[:n])
	}
	return true
}

// read takes the events of one reading (inotify(7)).
func (w *Watcher) read(b []byte) {
	for len(b) >= unix.SizeofInotifyEvent {
		e := *(*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		end := unix.SizeofInotifyEvent + int(e.Len)
		if end > len(b) {
			return
		}
		name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
		w.happened(e.Wd, e.Mask, name)
		b = b[end:]
	}
}

func (w *Watcher) happened(wd int32, mask uint32, name string) {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		w.lost()
		return
	}
	dir, ok := w.dirs[wd]
	switch {
	case !ok: // of a watch that is over
	case mask&unix.IN_IGNORED != 0:
		delete(w.dirs, wd)
	case name == "":
		w.self(dir)
	default:
		w.entry(filepath.Join(dir, name), mask)
	}
}

// self is told of a folder that was deleted or renamed. Of one whose parent is watched that is told there as well.
func (w *Watcher) self(dir string) {
	counts, below := w.interest(dir, true)
	if below && !w.root(dir) {
		return
	}
	if counts {
		w.touch(dir)
	}
	w.rewalk()
}

// root reports whether a folder is one of the plan's paths, or on the way to one.
func (w *Watcher) root(dir string) bool {
	return slices.ContainsFunc(w.patterns, func(p pattern) bool {
		_, ok := under(p.base, dir)
		return ok
	})
}

// entry is told of something in a folder.
func (w *Watcher) entry(full string, mask uint32) {
	folder := mask&unix.IN_ISDIR != 0
	counts, below := w.interest(full, folder)
	if mask&unix.IN_CREATE != 0 && !folder && counts && !complete(full) {
		return
	}
	if w.exact[full] || folder && w.root(full) { // what is behind it may be another one now
		if counts {
			w.touch(full)
		}
		w.rewalk()
		return
	}
	switch {
	case folder && mask&unix.IN_MOVED_FROM != 0:
		if counts {
			w.touch(full)
		}
		w.forget(full)
	case folder && mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		if below {
			w.locked(func() { w.walk(full, true) })
		}
	case folder || !counts: // an empty folder has gone: what was in it has been told
	default:
		w.touch(full)
	}
}

// complete reports whether what was just made is what it is going to be. A file that was opened for writing is not: its closing is
// told as well.
func complete(full string) bool {
	info, err := os.Lstat(full)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode()&fs.ModeType != 0 || ok && st.Nlink > 1
}
