package control

import (
	"iter"
	"time"
)

// StatsRequest asks what workers and apps use; with more, again and again.
type StatsRequest struct {
	Targets         []string `json:"targets,omitempty"`          // none: all
	IntervalSeconds float64  `json:"interval_seconds,omitempty"` // with more: from one reading to the next, 1 to 3600; absent: 2
}

// StatsReply is a row for each app that is meant as a whole, and then one for each of its workers.
type StatsReply struct {
	Stats []Stats `json:"stats"`
}

// Stats is what a worker uses, or with a null slot what all workers of an app use together. What its source does not know,
// or nobody limits, is null; so is all of a worker without a process.
type Stats struct {
	Instance string    `json:"instance,omitempty"`
	App      string    `json:"app"`
	Slot     *int      `json:"slot"`
	Worker   *string   `json:"worker"`
	PID      *int      `json:"pid"`
	At       time.Time `json:"at"`     // when it was read
	Source   string    `json:"source"` // cgroup; proc: processes added up, what they share is counted in each; empty: there is nothing to read
	Cgroup   string    `json:"cgroup,omitempty"`

	CPUSeconds          *float64 `json:"cpu_seconds"`
	CPUUserSeconds      *float64 `json:"cpu_user_seconds"`
	CPUSystemSeconds    *float64 `json:"cpu_system_seconds"`
	CPUThrottledSeconds *float64 `json:"cpu_throttled_seconds"`
	CPUThrottledPeriods *uint64  `json:"cpu_throttled_periods"`

	MemoryBytes       *uint64 `json:"memory_bytes"`
	MemoryPeakBytes   *uint64 `json:"memory_peak_bytes"`
	MemoryLimitBytes  *uint64 `json:"memory_limit_bytes"`
	MemoryAnonBytes   *uint64 `json:"memory_anon_bytes"`
	MemoryFileBytes   *uint64 `json:"memory_file_bytes"`
	MemorySwapBytes   *uint64 `json:"memory_swap_bytes"`
	MemoryKernelBytes *uint64 `json:"memory_kernel_bytes"`

	Pids      *uint64 `json:"pids"` // tasks: threads too
	PidsLimit *uint64 `json:"pids_limit"`

	IOReadBytes    *uint64 `json:"io_read_bytes"`
	IOWrittenBytes *uint64 `json:"io_written_bytes"`

	CPUPressure    *Pressure `json:"cpu_pressure"`
	MemoryPressure *Pressure `json:"memory_pressure"`
	IOPressure     *Pressure `json:"io_pressure"`

	OOMKills    *uint64 `json:"oom_kills"` // in this group
	PidsRefused *uint64 `json:"pids_refused"`
}

// Name is how it is addressed: web/0, or the app's name.
func (s *Stats) Name() string {
	if s.Worker != nil {
		return *s.Worker
	}
	return s.App
}

// Pressure is how much of the last ten seconds some tasks, or all, waited (the kernel's psi).
type Pressure struct {
	SomePercent  float64 `json:"some_percent"`
	FullPercent  float64 `json:"full_percent"`
	TotalSeconds float64 `json:"total_seconds"` // that some waited, ever
}

// Bounds of a watcher's pace: each reading costs PID 1 some files a worker.
const (
	shortestInterval = time.Second
	longestInterval  = time.Hour
	usualInterval    = 2 * time.Second
)

// stats reads when somebody asks, and never else. The time to send an answer counts as part of the pause, but a client
// that is slow to take one does not get the next at once.
func stats(c *call, r StatsRequest) error {
	interval := usualInterval
	if r.IntervalSeconds != 0 {
		if r.IntervalSeconds < shortestInterval.Seconds() || r.IntervalSeconds > longestInterval.Seconds() {
			return invalid("interval_seconds", "interval_seconds: %v is not between 1 and 3600", r.IntervalSeconds)
		}
		interval = time.Duration(r.IntervalSeconds * float64(time.Second))
	}
	for {
		s := c.server.supervisor.Snapshot()
		targets, err := s.targets(r.Targets)
		if err != nil {
			return err
		}
		if err := replyList(c, "stats", c.req.More, c.statsOf(s, targets)); err != nil || !c.req.More {
			return err
		}
		select {
		case <-time.After(interval):
		case <-c.ctx.Done():
			return nil
		}
	}
}

// statsOf reads row by row, as the answer is written: PID 1 never holds all of it.
func (c *call) statsOf(s *Snapshot, targets []Target) iter.Seq[Stats] {
	return func(yield func(Stats) bool) {
		for i := range s.Apps {
			a := &s.Apps[i]
			if whole := (Target{a.Name, WholeApp}); wanted(targets, whole) {
				if !yield(c.stat(whole, Worker{App: a.Name})) {
					return
				}
			}
			for _, w := range alone(a.Workers) {
				if w.Slot == nil {
					continue
				}
				if t := (Target{a.Name, *w.Slot}); wanted(targets, t) && !yield(c.stat(t, w)) {
					return
				}
			}
		}
	}
}

// stat is one row. That nothing can be read, for the worker has just gone, is no error: its row says so.
func (c *call) stat(t Target, w Worker) Stats {
	st := c.server.supervisor.Usage(t)
	st.App, st.Slot, st.Worker, st.PID = w.App, w.Slot, w.Worker, w.PID
	return st
}

// measured puts what they use into the rows of ps, where there are cgroups to read it from: anything else would cost a
// look at every process of the container.
func (c *call) measured(s *Snapshot, rows iter.Seq[Worker]) iter.Seq[Worker] {
	return func(yield func(Worker) bool) {
		for w := range rows {
			if s.Info.Cgroups.Usable && w.Slot != nil && !w.Beside {
				w = c.measure(w)
			}
			if !yield(w) {
				return
			}
		}
	}
}

func (c *call) measure(w Worker) Worker {
	if w.PID != nil {
		u := c.server.supervisor.Brief(Target{w.App, *w.Slot})
		if u.Source != "cgroup" {
			return w
		}
		w.CPUSeconds, w.MemoryBytes, w.MemoryPeakBytes, w.Cgroup = u.CPUSeconds, u.MemoryBytes, u.MemoryPeakBytes, u.Cgroup
	}
	kills := w.Kills
	w.OOMKills = &kills
	return w
}
