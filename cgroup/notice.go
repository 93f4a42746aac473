package cgroup

import (
	"time"
)

// What follows runs in the watcher's goroutine. Every look compares what the kernel counts with what was told; so two events
// that became one lose nothing, and one too many tells nothing.

// tell calls whoever watches, without the group's lock.
func (g *Group) tell(e Event) {
	g.mu.Lock()
	f := g.watching.Events
	if g.removed {
		f = nil
	}
	g.mu.Unlock()
	if f != nil {
		f(e)
	}
}

// lookEvents is about cgroup.events.
func (g *Group) lookEvents() {
	g.mu.Lock()
	if g.removed {
		g.mu.Unlock()
		return
	}
	var buffer [256]byte
	text := g.text(fileEvents, buffer[:])
	populated, known := number(text, "populated")
	frozen, _ := number(text, "frozen")
	if frozen == 1 && g.frozen {
		g.endWait()
	}
	g.mu.Unlock()
	if known && populated == 0 {
		g.tell(Event{Kind: Emptied})
	}
}

func (g *Group) lookPids() {
	if n := g.more(filePidsEvents, "max", func(w *watching) *uint64 { return &w.refused }); n > 0 {
		g.tell(Event{Kind: PidsRefused, Count: n})
	}
}

// more is by how much a counter has grown since it was last looked at.
func (g *Group) more(file int, word string, counted func(*watching) *uint64) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return 0
	}
	var buffer [1024]byte
	now, known := number(g.text(file, buffer[:]), word)
	old := counted(&g.watching)
	if !known || now < *old {
		return 0
	}
	n := now - *old
	*old = now
	return n
}

func (g *Group) lookKills() bool {
	n := g.more(fileOOM, "oom_kill", func(w *watching) *uint64 { return &w.oom })
	if n > 0 {
		g.tell(Event{Kind: OOMKilled, Count: n})
	}
	return n > 0
}

// lookMemory is about memory.events of v2: somebody was killed, or memory.high was exceeded.
func (g *Group) lookMemory() {
	g.lookKills()
	g.lookUsage()
}

// lookOOM is about v1, which tells that memory is out a moment before it counts whom it has killed for it.
func (g *Group) lookOOM() {
	if !g.lookKills() {
		g.lookLater(10 * time.Millisecond)
	}
}

func (g *Group) lookLater(after time.Duration) {
	const longest = 320 * time.Millisecond
	time.AfterFunc(after, func() {
		if !g.lookKills() && after < longest {
			g.lookLater(2 * after)
		}
	})
}

// lookUsage is about memory in use: what is merely cached of files, and could be given back, is not counted. On v2, where
// memory.high keeps the group just about there, a little less is enough.
func (g *Group) lookUsage() {
	g.root.reading.Lock()
	g.mu.Lock()
	inUse, reached := g.reachedMemory()
	g.mu.Unlock()
	g.root.reading.Unlock()
	if reached {
		g.tell(Event{Kind: MemoryReached, Bytes: inUse})
	}
}

// reachedMemory is asked with both locks held. On v1 thresholds are of what is used, and cached files may have crossed one: then
// there are new ones on both sides, half as far away as what is missing. Below, since files that are given back from outside
// (they are deleted, or the machine wants memory) make room in which programs can grow without crossing one above.
func (g *Group) reachedMemory() (inUse uint64, reached bool) {
	const leastStep = 1 << 20
	for !g.removed && g.watching.Memory > 0 && !g.watching.reached {
		var s Stats
		s.Memory = digits(g.text(fileMemory, g.root.buffer))
		g.memoryStat(&s, g.root.buffer)
		inUse = s.Memory + s.Swap - min(s.reclaimable, s.Memory)
		enough := g.watching.Memory
		v2 := g.root.on2("memory")
		if v2 {
			enough -= enough / 32
		}
		if inUse >= enough {
			g.watching.reached = true
			return inUse, true
		}
		step := max((enough-inUse)/2, leastStep)
		above, below := s.Memory+step, s.Memory-min(step, s.Memory)
		if v2 || g.thresholds(above, below) != nil {
			break
		}
		now := digits(g.text(fileMemory, g.root.buffer))
		if now < above && (now > below || below == 0) { // where there is none below, nothing was missed; 0 is used of an empty group
			break
		}
	}
	return inUse, false
}
