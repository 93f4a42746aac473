package cgroup

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Files that statistics and events are read from. The first ones are read at each reading, and their descriptors are held
// from then on: opening one costs four times as much as reading it.
const (
	fileCPU = iota
	fileMemory
	filePids
	heldFiles
)

// The others are read when they may have something new.
const (
	filePeak = heldFiles + iota
	fileThrottled
	fileMemoryLimit
	fileMemoryStat
	fileSwap
	filePidsLimit
	fileIO
	fileOOM
	filePidsEvents
	fileEvents
	fileCPUPressure
	fileMemoryPressure
	fileIOPressure
	files
)

// fileNames are their names; without a controller they are the unified tree's own. fileCPU and fileThrottled are not so
// regular: see statFile.
var fileNames = [files]struct{ controller, v2, v1 string }{
	fileMemory:         {"memory", "memory.current", "memory.usage_in_bytes"},
	filePids:           {"pids", "pids.current", "pids.current"},
	filePeak:           {"memory", "memory.peak", "memory.max_usage_in_bytes"},
	fileMemoryLimit:    {"memory", "memory.max", "memory.limit_in_bytes"},
	fileMemoryStat:     {"memory", "memory.stat", "memory.stat"},
	fileSwap:           {"memory", "memory.swap.current", ""},
	filePidsLimit:      {"pids", "pids.max", "pids.max"},
	fileIO:             {"io", "io.stat", "blkio.throttle.io_service_bytes"},
	fileOOM:            {"memory", "memory.events", "memory.oom_control"},
	filePidsEvents:     {"pids", "pids.events", "pids.events"},
	fileEvents:         {"", "cgroup.events", ""},
	fileCPUPressure:    {"", "cpu.pressure", ""},
	fileMemoryPressure: {"", "memory.pressure", ""},
	fileIOPressure:     {"", "io.pressure", ""},
}

// held are the descriptors; -1: not opened yet.
type held [heldFiles]int32

func nothingHeld() (h held) {
	for i := range h {
		h[i] = -1
	}
	return h
}

// close closes what is held, and returns how many those were.
func (h *held) close() (n int32) {
	for _, fd := range h {
		if fd >= 0 {
			unix.Close(int(fd))
			n++
		}
	}
	*h = nothingHeld()
	return n
}

// mostHeld bounds the descriptors that all groups hold: each has a page of the kernel's memory once it was read. And no more
// than a quarter of those that we may have.
const mostHeld = 16 << 10

func holdable() int32 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int32(min(limit.Cur/4, mostHeld))
}

// statFile is where a file is here; an empty directory: nowhere.
func (g *Group) statFile(file int) (dir, name string) {
	switch {
	case file == fileCPU && g.v2 == "":
		return g.v1["cpuacct"], "cpuacct.usage"
	case file == fileCPU:
		return g.v2, "cpu.stat"
	case file == fileThrottled: // on v2 it is in the file of the CPU time
		return g.v1["cpu"], "cpu.stat"
	}
	n := fileNames[file]
	if n.controller == "" {
		return g.v2, n.v2
	}
	dir, v2, _ := g.controllerDir(n.controller)
	if v2 {
		return dir, n.v2
	}
	if n.v1 == "" {
		return "", ""
	}
	return dir, n.v1
}

// statPath is statFile as a path; empty: nowhere.
func (g *Group) statPath(file int) string {
	dir, name := g.statFile(file)
	if dir == "" {
		return ""
	}
	return dir + "/" + name
}

// text reads a file into the buffer. g.mu is held.
func (g *Group) text(file int, buffer []byte) []byte {
	if file < heldFiles && g.held[file] >= 0 {
		return pread(int(g.held[file]), buffer)
	}
	fd := g.open(file)
	if fd < 0 {
		return nil
	}
	text := pread(fd, buffer)
	if file < heldFiles && g.root.hold() {
		g.held[file] = int32(fd)
	} else {
		unix.Close(fd)
	}
	return text
}

// hold reports whether one descriptor more may be held; then it counts.
func (r *Root) hold() bool {
	if r.holding.Add(1) > r.mayHold {
		r.holding.Add(-1)
		return false
	}
	return true
}

// open opens a file to read. It allocates nothing, and looks once only for what is not there.
func (g *Group) open(file int) (fd int) {
	if g.absent&(1<<file) != 0 {
		return -1
	}
	dir, name := g.statFile(file)
	if dir == "" {
		g.absent |= 1 << file
		return -1
	}
	var room [256]byte
	path := append(append(append(append(room[:0], dir...), '/'), name...), 0)
	for {
		n, _, e := unix.Syscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&path[0])), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0) // AT_FDCWD; the path is absolute
		switch e {
		case 0:
			return int(n)
		case unix.EINTR:
			continue
		case unix.EMFILE, unix.ENFILE, unix.ENOMEM: // that may pass; until then nothing is known, which is not nothing
			g.unread = e
		default:
			g.absent |= 1 << file
		}
		return -1
	}
}

func pread(fd int, buffer []byte) []byte {
	n, _, e := unix.Syscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0, 0, 0)
	if e != 0 {
		return nil
	}
	return buffer[:n]
}
