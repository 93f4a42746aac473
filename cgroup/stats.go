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

func (h *held) close() {
	for i, fd := range h {
		if fd >= 0 {
			unix.Close(int(fd))
		}
		h[i] = -2
	}
}

// descriptor is that of a file; g.mu is held, or nobody else knows the group.
func (g *Group) descriptor(file int) int {
	if fd := g.held[file]; fd != -1 {
		return int(fd)
	}
	path := g.statPath(file)
	if path == "" {
		g.held[file] = -2
		return -2
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		g.held[file] = int32(fd)
		return fd
	case err != unix.EMFILE && err != unix.ENFILE: // those may pass
		g.held[file] = -2
	}
	return -2
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
	fd := g.descriptor(file)
	if fd < 0 {
		return nil
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
	if err := g.stat(s, true); err != nil {
		return err
	}
	if s.PidsRefused > 0 && !g.root.on2("pids") { // v1 has a file of events there that tells of none
		g.lookPids()
	}
	return nil
}

// Brief is Stat without what takes the kernel long, and without what only another group's change can change: it is CPU
// time, memory in use and its peak, processes, and who was killed. It is for all groups at once.
func (g *Group) Brief(s *Stats) error { return g.stat(s, false) }

func (g *Group) stat(s *Stats, all bool) error {
	g.root.reading.Lock()
	defer g.root.reading.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return ErrRemoved
	}
	*s = Stats{}
	b := g.root.buffer
	g.cpuStat(s, b)
	s.Pids = digits(g.text(filePids, b))
	s.OOMKills, _ = number(g.text(fileOOM, b), "oom_kill")
	if !all {
		s.Memory, s.Peak = digits(g.text(fileMemory, b)), digits(g.text(filePeak, b))
		return nil
	}
	g.memoryStat(s, b)
	s.PidsLimit = digits(g.text(filePidsLimit, b))
	g.ioStat(s, b)
	s.PidsRefused, _ = number(g.text(filePidsEvents, b), "max")
	for i, file := range [3]int{fileCPUPressure, fileMemoryPressure, fileIOPressure} {
		parsePressure(g.text(file, b), &s.Pressure[i])
	}
	return nil
}

// cpuStat: v2 counts in µs; v1 in ns, and tells user from system in ticks, which are rounded.
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
	if g.v2 == "" {
		s.CPU = time.Duration(digits(g.text(fileCPUTime, b)))
	}
	if g.v2 != "" && s.Periods == 0 {
		g.throttledV1(s, b)
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
	v1Swap := parseMemoryStat(g.text(fileMemoryStat, b), s)
	s.Swap = max(s.Swap, v1Swap)
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
