package top

import (
	"math"
	"time"

	"goinit/control"
)

// kept is how many readings the graphs go back: the widest has two for each column of its cells.
const kept = 64

// samples is what somebody used at the last readings.
type samples struct {
	values [kept]float32
	n      int // all that ever came
}

// add takes what is not known for nothing.
func (s *samples) add(v float64) {
	if math.IsNaN(v) {
		v = 0
	}
	s.values[s.n%kept] = float32(v)
	s.n++
}

// last are the newest, at most n of them, the oldest first.
func (s *samples) last(n int) []float32 {
	n = min(n, s.n, kept)
	out := make([]float32, n)
	for i := range out {
		out[i] = s.values[(s.n-n+i)%kept]
	}
	return out
}

// use is what is known of how much a worker, or an app, uses. NaN is what nobody knows.
type use struct {
	cpu    float64 // percent of one CPU
	memory float64 // bytes
	limit  float64 // bytes
	tasks  float64
	stats  *control.Stats // the newest; nil: none was asked for yet

	cpus, memories samples

	pid     int // whose the next two are
	at      time.Time
	seconds float64
	seen    int // the reading that it was in last
}

func newUse() *use {
	return &use{cpu: math.NaN(), memory: math.NaN(), limit: math.NaN(), tasks: math.NaN()}
}

// take enters what a reading says of a worker. Its Stats may be nil: then its row of ps has to do, which tells of memory and
// CPU time where there are cgroups.
func (u *use) take(w *control.Worker, st *control.Stats, at time.Time) {
	if w.PID == nil {
		seen := u.seen
		cpus, memories := u.cpus, u.memories
		*u = *newUse()
		u.seen, u.cpus, u.memories = seen, cpus, memories
		u.cpus.add(0)
		u.memories.add(0)
		return
	}
	if u.pid != *w.PID {
		u.stats = nil
	}
	cpu, memory := w.CPUSeconds, w.MemoryBytes
	if st != nil {
		u.stats = st
		u.limit, u.tasks = known(st.MemoryLimitBytes), known(st.Pids)
		if cpu == nil {
			cpu, at = st.CPUSeconds, st.At
		}
		if memory == nil {
			memory = st.MemoryBytes
		}
	}
	if memory != nil {
		u.memory = float64(*memory)
		u.memories.add(u.memory)
	}
	if cpu != nil {
		u.spend(*w.PID, *cpu, at)
	}
}

// spend makes a share of two readings of one process's CPU time. A new process has none yet.
func (u *use) spend(pid int, seconds float64, at time.Time) {
	passed := at.Sub(u.at).Seconds()
	switch {
	case u.pid != pid:
		u.cpu = math.NaN()
	case passed <= 0:
		return
	default:
		u.cpu = max(0, 100*(seconds-u.seconds)/passed)
		u.cpus.add(u.cpu)
	}
	u.pid, u.seconds, u.at = pid, seconds, at
}

func known(n *uint64) float64 {
	if n == nil {
		return math.NaN()
	}
	return float64(*n)
}

// sum adds what is known: of an app, what is known of its workers.
func sum(of []*item, value func(*item) float64) float64 {
	total := math.NaN()
	for _, i := range of {
		if v := value(i); !math.IsNaN(v) {
			if math.IsNaN(total) {
				total = 0
			}
			total += v
		}
	}
	return total
}
