package query

import (
	"encoding/binary"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// changes are directories in which something has changed since they were looked at, and whether files came or went.
type changes struct {
	all  bool
	dirs map[string]bool
}

var everything = changes{all: true}

func (c changes) changed(dir string) bool {
	_, ok := c.dirs[dir]
	return c.all || ok
}

func (c changes) listed(dir string) bool { return c.all || c.dirs[dir] }

// watcher hears of changes in directories: inotify(7). Without inotify it hears nothing.
type watcher struct {
	wake chan struct{} // there are changes to take

	file *os.File
	fd   int

	mu      sync.Mutex
	names   map[int32]string
	pending changes
}

func newWatcher() *watcher {
	w := &watcher{wake: make(chan struct{}, 1), names: make(map[int32]string), fd: -1}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	w.fd = fd
	w.file = os.NewFile(uintptr(fd), "inotify")
	go w.run()
	return w
}

// add watches a directory; one that is watched already stays so.
func (w *watcher) add(dir string) {
	if w.fd < 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(w.fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE_SELF|unix.IN_ONLYDIR)
	if err == nil {
		w.names[int32(wd)] = dir
	}
}

func (w *watcher) close() {
	if w.file != nil {
		w.file.Close() // ends run
	}
}

// take returns what has changed, once.
func (w *watcher) take() changes {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.pending
	w.pending = changes{}
	return c
}

func (w *watcher) run() {
	b := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(b)
		if err != nil {
			return
		}
		w.note(b[:n])
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// note reads events: a watch descriptor, a mask, a cookie and the length of the name that follows, 32 bits each.
func (w *watcher) note(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending.dirs == nil {
		w.pending.dirs = make(map[string]bool)
	}
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		length := int(binary.NativeEndian.Uint32(b[12:]))
		b = b[min(unix.SizeofInotifyEvent+length, len(b)):]
		switch name, known := w.names[wd]; {
		case mask&unix.IN_Q_OVERFLOW != 0:
			w.pending.all = true
		case mask&unix.IN_IGNORED != 0:
			delete(w.names, wd)
		case known:
			w.pending.dirs[name] = w.pending.dirs[name] || mask&^unix.IN_MODIFY != 0
		}
	}
}
