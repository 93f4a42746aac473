package cgroup

import (
	"bytes"
	"errors"
	"sync"
	"time"

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

// Pressure is how much of the time some or all processes waited (Documentation/accounting/psi.rst).
type Pressure struct {
	Known      bool // the kernel counts it here
	Some, Full Stall
}

// Stall is one line of a pressure file: percent of the last ten seconds, and the time ever.
type Stall struct {
	Avg10 float64
	Total time.Duration
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

// Brief is of Stat what costs least, for all groups at once: CPU time, memory in use and its peak.
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
	g.cpuTime(s, b)
	s.Memory = digits(g.text(fileMemory, b))
	g.readPeak(s, b)
}

// readAll reads what may change at any time, and the rest if it may have changed.
func (g *Group) readAll(s *Stats) {
	b := g.root.buffer
	g.cpuTime(s, b)
	s.Memory, s.Pids = digits(g.text(fileMemory, b)), digits(g.text(filePids, b))
	g.readPeak(s, b)
	if g.lately == nil {
		g.lately = &lately{}
	}
	l, now := g.lately, time.Now()
	quiet := l.compare(s, now)
	if quiet && l.isCalm(now) {
		s.Pressure = l.Pressure
	} else {
		for i, file := range [3]int{fileCPUPressure, fileMemoryPressure, fileIOPressure} {
			parsePressure(g.text(file, b), &s.Pressure[i])
		}
		l.pressureAt = now
	}
	if quiet && l.isSettled(now) {
		l.rest(s)
	} else {
		g.readRest(s, b)
		l.restAt = now
	}
	l.Stats = *s
	if g.unread != nil {
		l.forget()
	}
}

// readRest reads what only somebody who runs can change.
func (g *Group) readRest(s *Stats, b []byte) {
	if s.Periods == 0 { // without a quota on v2: it may be v1's
		cpuStat(g.text(fileThrottled, b), s)
	}
	if s.OOMKills = g.readKills(b); s.OOMKills == 0 && g.deaths.fd < 0 {
		s.OOMKills, _ = number(g.text(fileOOM, b), "oom_kill")
	}
	g.memoryStat(s, b)
	s.PidsLimit = digits(g.text(filePidsLimit, b))
	g.ioStat(s, b)
	s.PidsRefused, _ = number(g.text(filePidsEvents, b), "max")
}

// cpuTime: v2 has more than the time in the same file.
func (g *Group) cpuTime(s *Stats, b []byte) {
	if text := g.text(fileCPU, b); g.v2 != "" {
		cpuStat(text, s)
	} else {
		s.CPU = time.Duration(digits(text))
	}
}

// cpuStat: v2 counts in µs; of v1 it is the throttling alone, in ns.
func cpuStat(text []byte, s *Stats) {
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

var space = []byte{' '}

func (g *Group) memoryStat(s *Stats, b []byte) {
	if s.Limit = digits(g.text(fileMemoryLimit, b)); s.Limit >= unlimitedV1 {
		s.Limit = 0
	}
	s.Swap = digits(g.text(fileSwap, b))
	s.Swap = max(s.Swap, parseMemoryStat(g.text(fileMemoryStat, b), s))
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
		stall.Avg10 = percent(line, avg10)
		if i := bytes.Index(line, totalWord); i >= 0 {
			stall.Total = time.Duration(digits(line[i+len(totalWord):])) * time.Microsecond
		}
		text = rest
	}
}

var fullWord, totalWord, avg10 = []byte("full "), []byte("total="), []byte("avg10=")

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
	var buffer [1024]byte
	return g.readKills(buffer[:])
}

func (g *Group) readKills(b []byte) uint64 {
	g.deaths.mu.Lock()
	defer g.deaths.mu.Unlock()
	if g.deaths.fd < 0 {
		return 0
	}
	n, err := unix.Pread(g.deaths.fd, b, 0)
	if err != nil {
		return 0
	}
	kills, _ := number(b[:n], "oom_kill")
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
