package cgroup

import "time"

// A group in which nobody has run since the last reading, and which uses as much memory as then, has nothing new to tell in
// most of its files: not whom it has killed or refused, nor what of its memory is a file's. Those are the dear ones. For
// memory.stat the kernel adds up some sixty numbers, for pressure the states of all CPUs, and none of their descriptors is
// held. So a reading of a quiet group is three files, and of a busy one fourteen.
//
// It is as exact as the clock of the CPU time, which the kernel moves at each tick. And nothing is believed for ever: a group
// may be charged for what others do.
const believed = time.Minute

// calmAfter is how long a group is quiet before what was read stays so. The kernel takes stock of pressure every two seconds
// (PSI_FREQ in its kernel/sched/psi.c), and who waits without an end must show by then; as often, at the latest, it adds up what
// memory.stat tells (FLUSH_TIME in its mm/memcontrol.c).
const calmAfter = 3 * time.Second

// lately is what the last whole reading of a group has found. It is there from the first one on.
type lately struct {
	Stats
	quietSince         time.Time // as far as was seen
	restAt, pressureAt time.Time // when all but the pressure was read, and when that was; zero: what they said does not count
}

// compare says whether nobody has run since the last reading. Without a CPU time nothing is known.
func (l *lately) compare(s *Stats, now time.Time) (quiet bool) {
	if s.CPU != 0 && s.CPU == l.CPU && s.Memory == l.Memory {
		return true
	}
	l.quietSince = now
	return false
}

// isCalm: nobody waited when it was read last, and nobody has begun to.
func (l *lately) isCalm(now time.Time) bool {
	for _, p := range l.Pressure {
		if p.Some.Avg10 != 0 || p.Full.Avg10 != 0 {
			return false
		}
	}
	return l.pressureAt.Sub(l.quietSince) >= calmAfter && now.Sub(l.pressureAt) < believed
}

// isSettled: what was read last was of a group that had been quiet for long enough.
func (l *lately) isSettled(now time.Time) bool {
	return l.restAt.Sub(l.quietSince) >= calmAfter && now.Sub(l.restAt) < believed
}

// rest fills in what readRest would read.
func (l *lately) rest(s *Stats) {
	pids, pressure := s.Pids, s.Pressure
	*s = l.Stats
	s.Pids, s.Pressure = pids, pressure
}

// forget has the next reading read everything: something was done to the group.
func (l *lately) forget() {
	if l != nil {
		l.restAt, l.pressureAt = time.Time{}, time.Time{}
	}
}

// peak is the last one, and when it was: ps asks for it and for nothing else that is dear.
type peak struct {
	cpu           time.Duration
	memory, bytes uint64
}

func (g *Group) readPeak(s *Stats, b []byte) {
	if p := &g.peak; s.CPU == 0 || p.bytes == 0 || s.CPU != p.cpu || s.Memory != p.memory {
		*p = peak{s.CPU, s.Memory, digits(g.text(filePeak, b))}
	}
	s.Peak = g.peak.bytes
}
