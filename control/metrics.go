package control

import (
	"iter"
	"time"
)

// MetricsReply is everything that there is to count, a row for each app and then one for each of its workers. It is what the
// gateway asks for, and like Stats it costs PID 1 some files a worker.
type MetricsReply struct {
	Rows []Metrics `json:"rows"`
}

// Metrics is an app, or with a slot one of its workers. Counts begin when goinit gets to know the app, and never go back but
// when it is replaced as a whole. What is not known, or nobody limits, is left out.
type Metrics struct {
	App string `json:"app"`

	// Of an app.
	Own       bool         `json:"own,omitempty"` // goinit's own
	Exits     []ExitCount  `json:"exits,omitempty"`
	Readiness *ProbeCount  `json:"readiness,omitempty"` // of probes that goinit makes; without such a probe it is absent
	Liveness  *ProbeCount  `json:"liveness,omitempty"`
	Reloads   *ReloadCount `json:"reloads,omitempty"`
	Log       *LogCount    `json:"log,omitempty"`

	// Of a worker.
	Slot       *int       `json:"slot,omitempty"`
	State      State      `json:"state,omitempty"` // of an app too, if it has no workers
	Ready      bool       `json:"ready,omitempty"`
	Generation int        `json:"generation,omitempty"`
	Restarts   int        `json:"restarts,omitempty"`
	OOMKills   uint64     `json:"oom_kills,omitempty"` // of the slot's processes
	StartedAt  *time.Time `json:"started_at,omitempty"`

	// What it uses, as in Stats.
	CPUUserSeconds        *float64 `json:"cpu_user_seconds,omitempty"`
	CPUSystemSeconds      *float64 `json:"cpu_system_seconds,omitempty"`
	CPUThrottledSeconds   *float64 `json:"cpu_throttled_seconds,omitempty"`
	CPUThrottledPeriods   *uint64  `json:"cpu_throttled_periods,omitempty"`
	MemoryBytes           *uint64  `json:"memory_bytes,omitempty"`
	MemoryPeakBytes       *uint64  `json:"memory_peak_bytes,omitempty"`
	MemoryLimitBytes      *uint64  `json:"memory_limit_bytes,omitempty"`
	MemorySwapBytes       *uint64  `json:"memory_swap_bytes,omitempty"`
	Pids                  *uint64  `json:"pids,omitempty"`
	PidsLimit             *uint64  `json:"pids_limit,omitempty"`
	IOReadBytes           *uint64  `json:"io_read_bytes,omitempty"`
	IOWrittenBytes        *uint64  `json:"io_written_bytes,omitempty"`
	CPUPressureSeconds    *float64 `json:"cpu_pressure_seconds,omitempty"` // that some of it waited, ever
	MemoryPressureSeconds *float64 `json:"memory_pressure_seconds,omitempty"`
	IOPressureSeconds     *float64 `json:"io_pressure_seconds,omitempty"`
	PidsRefused           *uint64  `json:"pids_refused,omitempty"`
}

// ExitCount is how many processes have ended for a reason; of those, how many were never started is start-failed.
type ExitCount struct {
	Reason string `json:"reason"`
	Count  uint64 `json:"count"`
}

// ProbeCount is of probes that were answered.
type ProbeCount struct {
	Successes uint64  `json:"successes"`
	Failures  uint64  `json:"failures"`
	Seconds   float64 `json:"seconds"` // of all of them together
}

// ReloadCount is of reloads that have come to their end.
type ReloadCount struct {
	Finished    uint64  `json:"finished"`
	Failed      uint64  `json:"failed"`
	Seconds     float64 `json:"seconds"` // of all of them together
	LastSeconds float64 `json:"last_seconds"`
}

// LogCount is what has come from an app's workers.
type LogCount struct {
	Bytes   uint64 `json:"bytes"`
	Lines   uint64 `json:"lines"`   // counted where there is a gateway
	Lost    uint64 `json:"lost"`    // lines that the store could not take
	Limited uint64 `json:"limited"` // lines over logs.rate_limit
	Hidden  uint64 `json:"hidden"`  // lines that the console did not show
}

// metrics reads row by row, as the answer is written.
func metrics(c *call, _ struct{}) error {
	s := c.server.supervisor.Snapshot()
	counts := c.server.supervisor.Counts()
	return replyList(c, "rows", false, c.metricsOf(s, counts))
}

func (c *call) metricsOf(s *Snapshot, counts map[string]Metrics) iter.Seq[Metrics] {
	return func(yield func(Metrics) bool) {
		for i := range s.Apps {
			a := &s.Apps[i]
			row := counts[a.Name]
			row.App, row.Own = a.Name, a.Own
			if len(a.Workers) == 0 {
				row.State = a.State
			}
			if !yield(row) {
				return
			}
			for _, w := range alone(a.Workers) {
				if w.Slot != nil && !yield(c.metric(w)) {
					return
				}
			}
		}
	}
}

func (c *call) metric(w Worker) Metrics {
	m := Metrics{App: w.App, Slot: w.Slot, State: w.State, Ready: w.Ready, Generation: w.Generation, Restarts: w.Restarts, OOMKills: w.Kills, StartedAt: w.StartedAt}
	if w.PID == nil {
		return m
	}
	u := c.server.supervisor.Usage(Target{w.App, *w.Slot})
	m.CPUUserSeconds, m.CPUSystemSeconds = u.CPUUserSeconds, u.CPUSystemSeconds
	m.CPUThrottledSeconds, m.CPUThrottledPeriods = u.CPUThrottledSeconds, u.CPUThrottledPeriods
	m.MemoryBytes, m.MemoryPeakBytes, m.MemoryLimitBytes, m.MemorySwapBytes = u.MemoryBytes, u.MemoryPeakBytes, u.MemoryLimitBytes, u.MemorySwapBytes
	m.Pids, m.PidsLimit, m.PidsRefused = u.Pids, u.PidsLimit, u.PidsRefused
	m.IOReadBytes, m.IOWrittenBytes = u.IOReadBytes, u.IOWrittenBytes
	m.CPUPressureSeconds, m.MemoryPressureSeconds, m.IOPressureSeconds = u.CPUPressure.total(), u.MemoryPressure.total(), u.IOPressure.total()
	return m
}

func (p *Pressure) total() *float64 {
	if p == nil {
		return nil
	}
	return &p.TotalSeconds
}
