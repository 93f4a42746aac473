package cgroup

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"goinit/epoll"
)

// EventKind is what an Event is about.
type EventKind int

// What the kernel tells of a group.
const (
	Emptied         EventKind = iota // nobody is in it any more (v2 alone)
	OOMKilled                        // Count processes were killed for want of memory
	PidsRefused                      // Count forks were refused; on v1 told late, see watcher
	MemoryReached                    // Bytes are in use, as Watch.Memory said
	PressureReached                  // as Watch.Pressure said
)

// Event is something that happened to a group.
type Event struct {
	Kind  EventKind
	Count uint64
	Bytes uint64
}

// Watch is what somebody wants to know of a group.
type Watch struct {
	// Events is called by the goroutine of all events; it must not block.
	Events func(Event)
	// Memory is told of once, when that many bytes are in use that are not merely cached files; 0: never. On v2 this sets
	// memory.high, unless a limit has it lower: who leaks is slowed down from there on.
	Memory uint64
	// Pressure is told of each time, but at most once in its window; nil: never.
	Pressure *Trigger
}

// Trigger is pressure on memory: some or all processes waited for Stall of a Window.
type Trigger struct {
	Full          bool
	Stall, Window time.Duration
}

// watching is a group's part in the watcher; guarded by the group's lock.
type watching struct {
	Watch
	oom, refused uint64 // counted so far
	reached      bool   // Memory was told of
	armed        bool   // memory.high is set for it
	thresholds   []int  // of v1: their eventfds
	fds          []int  // of eventfds and triggers
	wds          []int  // of inotify
}

// watcher waits for the events of all groups. v2 tells by a change of a file (inotify(7)), memory of v1 by an eventfd,
// pressure by a file that can be polled. Of refused forks v1 tells nothing: they are seen when the group is measured or
// removed.
type watcher struct {
	poller  *epoll.Set
	inotify int
	done    chan struct{}

	mu    sync.Mutex
	files map[int]notice // by watch of inotify
	fds   map[int]notice // by descriptor
}

// notice is what is looked at when something happens.
type notice struct {
	group *Group
	look  func(*Group)
}

func newWatcher() (*watcher, error) {
	p, err := epoll.New()
	if err != nil {
		return nil, err
	}
	w := &watcher{poller: p, inotify: -1, done: make(chan struct{}), files: map[int]notice{}, fds: map[int]notice{}}
	// Where all instances of a user are taken (fs.inotify.max_user_instances), deaths are told of all the same, at the exit.
	if w.inotify, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err == nil {
		if err = p.Watch(w.inotify, uint32(w.inotify), unix.EPOLLIN); err != nil {
			unix.Close(w.inotify)
			w.inotify = -1
		}
	} else {
		w.inotify = -1
	}
	go w.run()
	return w, nil
}

func (w *watcher) run() {
	defer close(w.done)
	events := make([]unix.EpollEvent, 64)
	buffer := make([]byte, 64*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		n, err := w.poller.Wait(events)
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			if int(e.Fd) == w.inotify {
				w.changes(buffer)
				continue
			}
			w.mu.Lock()
			about, ok := w.fds[int(e.Fd)]
			w.mu.Unlock()
			if ok {
				about.look(about.group)
			}
		}
	}
}

// changes reads what inotify has.
func (w *watcher) changes(buffer []byte) {
	n, err := unix.Read(w.inotify, buffer)
	if err != nil {
		return
	}
	seen := 0
	for seen+unix.SizeofInotifyEvent <= n {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&buffer[seen]))
		seen += unix.SizeofInotifyEvent + int(e.Len)
		if e.Mask&unix.IN_Q_OVERFLOW != 0 {
			w.all()
			continue
		}
		w.mu.Lock()
		about, ok := w.files[int(e.Wd)]
		w.mu.Unlock()
		if ok && e.Mask&unix.IN_MODIFY != 0 {
			about.look(about.group)
		}
	}
}

// all looks at everything, after the kernel has forgotten what to tell.
func (w *watcher) all() {
	w.mu.Lock()
	every := make([]notice, 0, len(w.files))
	for _, about := range w.files {
		every = append(every, about)
	}
	w.mu.Unlock()
	for _, about := range every {
		about.look(about.group)
	}
}

func (w *watcher) close() {
	w.poller.Close()
	<-w.done
	if w.inotify >= 0 {
		unix.Close(w.inotify)
	}
}

// sees reports whether the changes of a group's files are told.
func (w *watcher) sees(g *Group) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.watching.wds) > 0
}

// Watch begins to watch. It is to be called before anybody is in the group. What cannot be told here is the error; the rest
// is.
func (g *Group) Watch(want Watch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watching.Watch = want
	w := g.root.watcher
	w.file(g, g.statPath(fileEvents), (*Group).lookEvents)
	if g.root.on2("pids") {
		w.file(g, g.statPath(filePidsEvents), (*Group).lookPids)
	}
	if g.root.on2("memory") {
		w.file(g, g.statPath(fileOOM), (*Group).lookMemory)
	} else if dir, ok := g.v1["memory"]; ok {
		if err := w.event(g, dir, "memory.oom_control", "", (*Group).lookOOM); err != nil {
			return err
		}
	}
	if err := g.watchMemory(); err != nil {
		return err
	}
	if want.Pressure != nil {
		return g.watchPressure(want.Pressure)
	}
	return nil
}

// watchMemory: v2 tells when memory.high is exceeded. v1 tells when a threshold is crossed; and, since files that are cached
// may keep the group above it all the time, when memory is being got back.
func (g *Group) watchMemory() error {
	dir, v2, ok := g.controllerDir("memory")
	switch {
	case g.watching.Memory == 0:
		return nil
	case !ok:
		return &Unavailable{"the controller memory is not available here", "leave out recycle.memory"}
	case v2 && !exists(filepath.Join(dir, "memory.high")):
		return &Unavailable{"the controller memory cannot be had in " + g.root.v2, "leave out recycle.memory"}
	case v2:
		g.armMemory()
		return nil
	}
	again := len(g.watching.thresholds) > 0
	if err := g.thresholds(g.watching.Memory, 0); err != nil || again {
		return err
	}
	return g.root.watcher.event(g, dir, "memory.pressure_level", "low", (*Group).lookUsage)
}

// thresholds has v1 tell when so many bytes are used, cached files among them, or so few (0: never); those before are given up.
func (g *Group) thresholds(above, below uint64) error {
	w := g.root.watcher
	for _, old := range g.watching.thresholds {
		w.drop(g, old)
	}
	g.watching.thresholds = nil
	for _, bytes := range []uint64{above, below} {
		if bytes == 0 {
			continue
		}
		if err := w.event(g, g.v1["memory"], "memory.usage_in_bytes", strconv.FormatUint(bytes, 10), (*Group).lookUsage); err != nil {
			return err
		}
		g.watching.thresholds = append(g.watching.thresholds, g.watching.fds[len(g.watching.fds)-1])
	}
	return nil
}

// WatchMemory changes what Watch.Memory said; 0: it is not watched any more.
func (g *Group) WatchMemory(bytes uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if bytes == g.watching.Memory || g.removed {
		return nil
	}
	g.watching.Memory, g.watching.reached = bytes, false
	g.armMemory()
	return g.watchMemory()
}

// armMemory sets memory.high to what is watched, or to a limit that is lower. g.mu is held.
func (g *Group) armMemory() {
	if !g.root.on2("memory") || g.watching.Memory == 0 && !g.watching.armed {
		return
	}
	g.watching.armed = true
	path := filepath.Join(g.v2, "memory.high")
	high := g.watching.Memory
	if a, ok := g.applied[path+" "]; ok {
		if n := digits([]byte(a.write.Value)); n > 0 && (n < high || high == 0) {
			high = n
		}
	}
	if high == 0 {
		_ = write(path, "max")
		return
	}
	_ = write(path, strconv.FormatUint(high, 10))
}

// file has a file looked at whenever it changes.
func (w *watcher) file(g *Group, path string, look func(*Group)) {
	if path == "" || w.inotify < 0 {
		return
	}
	wd, err := unix.InotifyAddWatch(w.inotify, path, unix.IN_MODIFY)
	if err != nil {
		return // no such file here, or fs.inotify.max_user_watches: what it would tell is seen at the exit
	}
	g.watching.wds = append(g.watching.wds, wd)
	w.mu.Lock()
	w.files[wd] = notice{g, look}
	w.mu.Unlock()
}

// event has v1's memory controller write to an eventfd (Documentation/admin-guide/cgroup-v1/memory.rst, sections 9 to 11).
func (w *watcher) event(g *Group, dir, file, argument string, look func(*Group)) error {
	about, err := unix.Open(filepath.Join(dir, file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot watch %s: %w", file, err)
	}
	defer unix.Close(about)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("cannot watch %s: %w", file, err)
	}
	text := strconv.Itoa(fd) + " " + strconv.Itoa(about)
	if argument != "" {
		text += " " + argument
	}
	if err := write(filepath.Join(dir, "cgroup.event_control"), text); err != nil {
		unix.Close(fd)
		return fmt.Errorf("cannot watch %s: %w", file, err)
	}
	// Edge-triggered, and so never read: by then it may be somebody else's descriptor.
	return w.add(g, fd, unix.EPOLLIN|unix.EPOLLET, look)
}

// add has a descriptor, which is the watcher's from here on, looked at.
func (w *watcher) add(g *Group, fd int, events uint32, look func(*Group)) error {
	w.mu.Lock()
	w.fds[fd] = notice{g, look}
	w.mu.Unlock()
	g.watching.fds = append(g.watching.fds, fd)
	return w.poller.Watch(fd, uint32(fd), events)
}

// drop ends one descriptor of a group; g.mu is held.
func (w *watcher) drop(g *Group, fd int) {
	w.mu.Lock()
	delete(w.fds, fd)
	w.mu.Unlock()
	g.watching.fds = slices.DeleteFunc(g.watching.fds, func(other int) bool { return other == fd })
	unix.Close(fd)
}

// forget ends everything about a group; g.mu is held.
func (w *watcher) forget(g *Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fd := range g.watching.fds {
		delete(w.fds, fd)
		unix.Close(fd) // before the group goes: else its end would be told as an event, for ever
	}
	for _, wd := range g.watching.wds {
		delete(w.files, wd)
		_, _ = unix.InotifyRmWatch(w.inotify, uint32(wd))
	}
	g.watching.fds, g.watching.wds = nil, nil
}
