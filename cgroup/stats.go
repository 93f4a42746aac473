package cgroup

import (
	"bytes"
	"errors"
	"path/filepath"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Stats is what a group uses. What the kernel does not tell here is 0.
type Stats struct {
	CPU, User, System         time.Duration
	Throttled                 time.Duration // how long it had to wait for its quota
	Periods, ThrottledPeriods uint64
	Memory, Peak, Limit       uint64 // bytes; Limit 0: none
	Anon, File, Kernel, Swap  uint64
	reclaimable               uint64 // files' pages that could be given back
	Pids, PidsLimit           uint64
	Read, Written             uint64 // bytes of block devices
	Pressure                  [3]Pressure
	OOMKills, PidsRefused     uint64
}

// Pressures of Stats.
const (
	CPUPressure = iota
	MemoryPressure
	IOPressure
)

// Pressure is how much of the time some or all processes waited (Documentation/accounting/psi.rst), in percent of the last
// 10, 60 and 300 seconds.
type Pressure struct {
	Known      bool // the kernel counts it here
	Some, Full Stall
}

// Stall is one line of a pressure file.
type Stall struct {
	Avg10, Avg60, Avg300 float64
	Total                time.Duration
}

// Files of a group that are read again and again: their descriptors are held from the first time on. In the order of
// heldNames.
const (
	fileCPU = iota
	fileCPUTime
	fileMemory
	filePeak
	fileMemoryLimit
	fileMemoryStat
	fileSwap
	filePids
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

var heldNames = [files]struct{ controller, v2, v1 string }{
	fileCPU:            {"", "cpu.stat", ""}, // of v1 it is the controller's, and has the throttling only
	fileCPUTime:        {"cpuacct", "", "cpuacct.usage"},
	fileMemory:         {"memory", "memory.current", "memory.usage_in_bytes"},
	filePeak:           {"memory", "memory.peak", "memory.max_usage_in_bytes"},
	fileMemoryLimit:    {"memory", "memory.max", "memory.limit_in_bytes"},
	fileMemoryStat:     {"memory", "memory.stat", "memory.stat"},
	fileSwap:           {"memory", "memory.swap.current", ""},
	filePids:           {"pids", "pids.current", "pids.current"},
	filePidsLimit:      {"pids", "pids.max", "pids.max"},
	fileIO:             {"io", "io.stat", "blkio.throttle.io_service_bytes"},
	fileOOM:            {"memory", "memory.events", "memory.oom_control"},
	filePidsEvents:     {"pids", "pids.events", "pids.events"},
	fileEvents:         {"", "cgroup.events", ""},
	fileCPUPressure:    {"", "cpu.pressure", ""},
	fileMemoryPressure: {"", "memory.pressure", ""},
	fileIOPressure:     {"", "io.pressure", ""},
}

// held are the descriptors; -1: not opened yet, -2: not there.
type held [files]int32

func nothingHeld() (h held) {
	for i := range h {
		h[i] = -1
	}
	return h
}

// close closes what is held, and returns how many those were.
func (h *held) close() (n int32) {
	for i, fd := range h {
		if fd >= 0 {
			unix.Close(int(fd))
			n++
		}
		h[i] = -2
	}
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

// descriptor is that of a file, and whether it is held; else it is to be closed. Negative: there is none. g.mu is held, or
// nobody else knows the group.
func (g *Group) descriptor(file int) (fd int, keep bool) {
	if fd := g.held[file]; fd != -1 {
		return int(fd), true
	}
	path := g.statPath(file)
	if path == "" {
		g.held[file] = -2
		return -2, true
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	switch {
	case err == unix.EMFILE || err == unix.ENFILE: // that may pass; until then nothing is known, which is not nothing
		g.unread = err
		return -2, true
	case err != nil:
		g.held[file] = -2
		return -2, true
	case g.root.holding.Add(1) > g.root.mayHold:
		g.root.holding.Add(-1)
		return fd, false
	}
	g.held[file] = int32(fd)
	return fd, true
}

// statPath is where a file is here; empty: nowhere.
func (g *Group) statPath(file int) string {
	n := heldNames[file]
	if n.controller == "" {
		if g.v2 == "" {
			if dir, ok := g.v1["cpu"]; file == fileCPU && ok {
				return filepath.Join(dir, n.v2)
			}
			return ""
		}
		return filepath.Join(g.v2, n.v2)
	}
	dir, v2, ok := g.controllerDir(n.controller)
	name := n.v1
	if v2 {
		name = n.v2
	}
	if !ok || name == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

// text reads a file into the buffer.
func (g *Group) text(file int, buffer []byte) []byte {
	fd, keep := g.descriptor(file)
	if fd < 0 {
		return nil
	}
	if !keep {
		defer unix.Close(fd)
	}
	n, _, e := unix.Syscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0, 0, 0)
	if e != 0 {
		return nil
	}
	return buffer[:n]
}

// ErrRemoved is of a group that is no more.
var ErrRemoved = errors.New("the group has been removed")

// Stat reads what the group uses into s. It allocates nothing, but at the first time.
func (g *Group) Stat(s *Stats) error {
	if err := g.stat(s, (*Group).readAll); err != nil {
		return err
	}
	if s.PidsRefused > 0 && !g.root.on2("pids") { // v1 has a file of events there that tells of none
		g.lookPids()
	}
	return nil
}

// Brief is of Stat what costs least, for all groups at once: CPU time, memory in use and its peak. A file each.
func (g *Group) Brief(s *Stats) error { return g.stat(s, (*Group).readBrief) }

func (g *Group) stat(s *Stats, read func(*Group, *Stats)) error {
	g.root.reading.Lock()
	defer g.root.reading.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return ErrRemoved
	}
	*s, g.unread = Stats{}, nil
	read(g, s)
	return g.unread
}

func (g *Group) readBrief(s *Stats) {
	b := g.root.buffer
	if g.v2 != "" {
		g.cpuStat(s, b)
	} else {
		s.CPU = time.Duration(digits(g.text(fileCPUTime, b)))
	}
	s.Memory, s.Peak = digits(g.text(fileMemory, b)), digits(g.text(filePeak, b))
}

func (g *Group) readAll(s *Stats) {
	b := g.root.buffer
	g.cpuStat(s, b)
	if g.v2 == "" {
		s.CPU = time.Duration(digits(g.text(fileCPUTime, b)))
	} else if s.Periods == 0 {
		g.throttledV1(s, b)
	}
	s.Pids = digits(g.text(filePids, b))
	s.OOMKills, _ = number(g.text(fileOOM, b), "oom_kill")
	g.memoryStat(s, b)
	s.PidsLimit = digits(g.text(filePidsLimit, b))
	g.ioStat(s, b)
	s.PidsRefused, _ = number(g.text(filePidsEvents, b), "max")
	for i, file := range [3]int{fileCPUPressure, fileMemoryPressure, fileIOPressure} {
		parsePressure(g.text(file, b), &s.Pressure[i])
	}
}

// cpuStat: v2 counts in µs; of v1 it is the throttling alone, in ns.
func (g *Group) cpuStat(s *Stats, b []byte) {
	text := g.text(fileCPU, b)
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		word, value, _ := bytes.Cut(line, space)
		n := digits(value)
		switch string(word) {
		case "usage_usec":
			s.CPU = time.Duration(n) * time.Microsecond
		case "user_usec":
			s.User = time.Duration(n) * time.Microsecond
		case "system_usec":
			s.System = time.Duration(n) * time.Microsecond
		case "nr_periods":
			s.Periods = n
		case "nr_throttled":
			s.ThrottledPeriods = n
		case "throttled_usec":
			s.Throttled = time.Duration(n) * time.Microsecond
		case "throttled_time":
			s.Throttled = time.Duration(n)
		}
		text = rest
	}
}

// throttledV1 is for the hybrid, where the quota is v1's.
func (g *Group) throttledV1(s *Stats, b []byte) {
	if _, ok := g.v1["cpu"]; !ok {
		return
	}
	fd, err := unix.Open(filepath.Join(g.v1["cpu"], "cpu.stat"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	n, _ := unix.Read(fd, b)
	unix.Close(fd)
	if n > 0 {
		s.Periods, _ = number(b[:n], "nr_periods")
		s.ThrottledPeriods, _ = number(b[:n], "nr_throttled")
		waited, _ := number(b[:n], "throttled_time")
		s.Throttled = time.Duration(waited)
	}
}

var space = []byte{' '}

func (g *Group) memoryStat(s *Stats, b []byte) {
	s.Memory, s.Peak = digits(g.text(fileMemory, b)), digits(g.text(filePeak, b))
	if s.Limit = digits(g.text(fileMemoryLimit, b)); s.Limit >= unlimitedV1 {
		s.Limit = 0
	}
	s.Swap = digits(g.text(fileSwap, b))
	if g.split.of(s) {
		s.Anon, s.File, s.Kernel, s.reclaimable, s.Swap = g.split.anon, g.split.file, g.split.kernel, g.split.reclaimable, max(s.Swap, g.split.swap)
		return
	}
	text := g.text(fileMemoryStat, b)
	v1Swap := parseMemoryStat(text, s)
	g.split = split{len(text) > 0, s.CPU, s.Memory, s.Anon, s.File, s.Kernel, s.reclaimable, v1Swap}
	s.Swap = max(s.Swap, v1Swap)
}

// split is what memory.stat has said. It is by far the dearest file, for the kernel has to add up some sixty numbers; where
// nobody in the group has run since, and it uses as much as then, it would say the same.
type split struct {
	known                                 bool
	cpu                                   time.Duration
	memory                                uint64
	anon, file, kernel, reclaimable, swap uint64
}

func (old *split) of(s *Stats) bool {
	return old.known && s.CPU == old.cpu && s.Memory == old.memory
}

// parseMemoryStat reads memory.stat of both: of v2 in the words that it has, of v1 those with total_, which count what is
// beneath and come after the same words without it.
func parseMemoryStat(text []byte, s *Stats) (swap uint64) {
	var active, inactive uint64
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		word, value, _ := bytes.Cut(line, space)
		switch string(word) {
		case "anon", "total_rss":
			s.Anon = digits(value)
		case "file", "total_cache":
			s.File = digits(value)
		case "kernel":
			s.Kernel = digits(value)
		case "total_swap":
			swap = digits(value)
		case "inactive_file", "total_inactive_file":
			inactive = digits(value)
		case "active_file", "total_active_file":
			active = digits(value)
		}
		text = rest
	}
	s.reclaimable = active + inactive
	return swap
}

// ioStat adds up all devices: "8:0 rbytes=4096 wbytes=0 …" of v2, "8:0 Read 4096" of v1.
func (g *Group) ioStat(s *Stats, b []byte) {
	text := g.text(fileIO, b)
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		s.Read += after(line, readWords)
		s.Written += after(line, writtenWords)
		text = rest
	}
}

var readWords, writtenWords = [][]byte{[]byte(" rbytes="), []byte(" Read ")}, [][]byte{[]byte(" wbytes="), []byte(" Write ")}

// after is the number behind one of the words.
func after(line []byte, words [][]byte) uint64 {
	for _, word := range words {
		if i := bytes.Index(line, word); i >= 0 {
			return digits(line[i+len(word):])
		}
	}
	return 0
}

// parsePressure reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same for "full".
func parsePressure(text []byte, p *Pressure) {
	p.Known = len(text) > 0
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, newline)
		stall := &p.Some
		if bytes.HasPrefix(line, fullWord) {
			stall = &p.Full
		}
		stall.Avg10, stall.Avg60, stall.Avg300 = percent(line, avg10), percent(line, avg60), percent(line, avg300)
		if i := bytes.Index(line, totalWord); i >= 0 {
			stall.Total = time.Duration(digits(line[i+len(totalWord):])) * time.Microsecond
		}
		text = rest
	}
}

var fullWord, totalWord, avg10, avg60, avg300 = []byte("full "), []byte("total="), []byte("avg10="), []byte("avg60="), []byte("avg300=")

// percent reads a number with two decimals.
func percent(line, word []byte) float64 {
	i := bytes.Index(line, word)
	if i < 0 {
		return 0
	}
	text := line[i+len(word):]
	whole := digits(text)
	if dot := bytes.IndexByte(text, '.'); dot >= 0 && dot+2 < len(text) {
		return float64(whole) + float64(digits(text[dot+1:dot+3]))/100
	}
	return float64(whole)
}

// deaths is a descriptor of its own of what counts deaths for want of memory, and a lock of its own: who asks at a death
// may not wait for a limit that is being set, for which the kernel may have to get memory back.
type deaths struct {
	mu sync.Mutex
	fd int // -1: there is none
}

// OOMKills is how often somebody in the group was killed for want of memory. It opens nothing and does not wait: it may be
// asked at a death, before anything else is done to the group.
func (g *Group) OOMKills() uint64 {
	g.deaths.mu.Lock()
	defer g.deaths.mu.Unlock()
	if g.deaths.fd < 0 {
		return 0
	}
	var buffer [1024]byte
	n, err := unix.Pread(g.deaths.fd, buffer[:], 0)
	if err != nil {
		return 0
	}
	kills, _ := number(buffer[:n], "oom_kill")
	return kills
}

func (g *Group) openDeaths() {
	g.deaths.fd = -1
	if path := g.statPath(fileOOM); path != "" {
		if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			g.deaths.fd = fd
		}
	}
}

func (g *Group) closeDeaths() {
	g.deaths.mu.Lock()
	defer g.deaths.mu.Unlock()
	if g.deaths.fd >= 0 {
		unix.Close(g.deaths.fd)
		g.deaths.fd = -1
	}
}
