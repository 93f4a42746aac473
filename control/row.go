package control

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// A list of a thousand workers is PID 1's to write, each time that somebody looks. So the rows of ps and stats write
// themselves: encoding/json takes three times as long, and leaves the collector as much to do again. Their text is its, to
// the byte; a test compares them field by field.

// row is an object in the making.
type row struct{ text []byte }

// key begins a field; its name is plain ASCII.
func (r *row) key(name string) {
	if last := r.text[len(r.text)-1]; last != '{' {
		r.text = append(r.text, ',')
	}
	r.text = append(append(append(r.text, '"'), name...), '"', ':')
}

func (r *row) null() { r.text = append(r.text, "null"...) }

func (r *row) string(name, value string) {
	r.key(name)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			r.any(value)
			return
		}
	}
	r.text = append(append(append(r.text, '"'), value...), '"')
}

// any writes what is rare, as encoding/json does.
func (r *row) any(value any) {
	b, err := json.Marshal(value)
	if err != nil { // of no value that a row has
		b = []byte("null")
	}
	r.text = append(r.text, b...)
}

func (r *row) bool(name string, value bool) {
	r.key(name)
	r.text = strconv.AppendBool(r.text, value)
}

func (r *row) int(name string, value int) {
	r.key(name)
	r.text = strconv.AppendInt(r.text, int64(value), 10)
}

func (r *row) uint(name string, value *uint64) {
	r.key(name)
	if value == nil {
		r.null()
		return
	}
	r.text = strconv.AppendUint(r.text, *value, 10)
}

func (r *row) float(name string, value *float64) {
	r.key(name)
	switch {
	case value == nil:
		r.null()
	case *value == 0:
		r.text = append(r.text, '0')
	case math.Abs(*value) < 1e-6 || math.Abs(*value) >= 1e21: // with an exponent
		r.any(*value)
	default:
		r.text = strconv.AppendFloat(r.text, *value, 'f', -1, 64)
	}
}

func (r *row) time(name string, value *time.Time) {
	r.key(name)
	if value == nil {
		r.null()
		return
	}
	r.text = append(value.AppendFormat(append(r.text, '"'), time.RFC3339Nano), '"')
}

func (r *row) maybeInt(name string, value *int) {
	if value != nil {
		r.int(name, *value)
		return
	}
	r.key(name)
	r.null()
}

func (r *row) maybeString(name string, value *string) {
	if value != nil {
		r.string(name, *value)
		return
	}
	r.key(name)
	r.null()
}

// knownUint leaves out what is not known.
func (r *row) knownUint(name string, value *uint64) {
	if value != nil {
		r.uint(name, value)
	}
}

// knownFloat leaves out what is not known.
func (r *row) knownFloat(name string, value *float64) {
	if value != nil {
		r.float(name, value)
	}
}

func (r *row) pressure(name string, p *Pressure) {
	r.key(name)
	if p == nil {
		r.null()
		return
	}
	r.text = append(r.text, '{')
	r.float("some_percent", &p.SomePercent)
	r.float("full_percent", &p.FullPercent)
	r.float("total_seconds", &p.TotalSeconds)
	r.text = append(r.text, '}')
}

// who is what rows of workers begin with.
func (r *row) who(instance, app string, slot *int, worker *string, pid *int) {
	if instance != "" {
		r.string("instance", instance)
	}
	r.string("app", app)
	r.maybeInt("slot", slot)
	r.maybeString("worker", worker)
	r.maybeInt("pid", pid)
}

// writer is an element of a list that writes itself.
type writer interface{ appendTo([]byte) []byte }

func (w *Worker) appendTo(b []byte) []byte {
	r := row{append(b, '{')}
	r.who(w.Instance, w.App, w.Slot, w.Worker, w.PID)
	r.string("state", string(w.State))
	r.bool("ready", w.Ready)
	r.int("generation", w.Generation)
	r.int("restarts", w.Restarts)
	if w.Failures != 0 {
		r.int("failures", w.Failures)
	}
	r.time("started_at", w.StartedAt)
	r.time("state_since", &w.StateSince)
	r.time("next_at", w.NextAt)
	r.key("last_exit")
	if w.LastExit == nil {
		r.null()
	} else {
		r.any(w.LastExit)
	}
	if w.Message != "" {
		r.string("message", w.Message)
	}
	r.knownFloat("cpu_seconds", w.CPUSeconds)
	r.knownUint("memory_bytes", w.MemoryBytes)
	r.knownUint("memory_peak_bytes", w.MemoryPeakBytes)
	r.knownUint("oom_kills", w.OOMKills)
	if w.Cgroup != "" {
		r.string("cgroup", w.Cgroup)
	}
	return append(r.text, '}')
}

// Known fields only: these rows are read by a program that has all of them to itself, a thousand at a time.
func (m *Metrics) appendTo(b []byte) []byte {
	r := row{append(b, '{')}
	r.string("app", m.App)
	if m.Own {
		r.bool("own", true)
	}
	m.appendCounts(&r)
	if m.Slot != nil {
		r.int("slot", *m.Slot)
	}
	if m.State != "" {
		r.string("state", string(m.State))
	}
	if m.Ready {
		r.bool("ready", true)
	}
	if m.Generation != 0 {
		r.int("generation", m.Generation)
	}
	if m.Restarts != 0 {
		r.int("restarts", m.Restarts)
	}
	if m.OOMKills != 0 {
		r.uint("oom_kills", &m.OOMKills)
	}
	if m.StartedAt != nil {
		r.time("started_at", m.StartedAt)
	}
	r.knownFloat("cpu_user_seconds", m.CPUUserSeconds)
	r.knownFloat("cpu_system_seconds", m.CPUSystemSeconds)
	r.knownFloat("cpu_throttled_seconds", m.CPUThrottledSeconds)
	r.knownUint("cpu_throttled_periods", m.CPUThrottledPeriods)
	r.knownUint("memory_bytes", m.MemoryBytes)
	r.knownUint("memory_peak_bytes", m.MemoryPeakBytes)
	r.knownUint("memory_limit_bytes", m.MemoryLimitBytes)
	r.knownUint("memory_swap_bytes", m.MemorySwapBytes)
	r.knownUint("pids", m.Pids)
	r.knownUint("pids_limit", m.PidsLimit)
	r.knownUint("io_read_bytes", m.IOReadBytes)
	r.knownUint("io_written_bytes", m.IOWrittenBytes)
	r.knownFloat("cpu_pressure_seconds", m.CPUPressureSeconds)
	r.knownFloat("memory_pressure_seconds", m.MemoryPressureSeconds)
	r.knownFloat("io_pressure_seconds", m.IOPressureSeconds)
	r.knownUint("pids_refused", m.PidsRefused)
	return append(r.text, '}')
}

// appendCounts is of an app's row, of which there are few.
func (m *Metrics) appendCounts(r *row) {
	if len(m.Exits) > 0 {
		r.key("exits")
		r.any(m.Exits)
	}
	if m.Readiness != nil {
		r.key("readiness")
		r.any(m.Readiness)
	}
	if m.Liveness != nil {
		r.key("liveness")
		r.any(m.Liveness)
	}
	if m.Reloads != nil {
		r.key("reloads")
		r.any(m.Reloads)
	}
	if m.Log != nil {
		r.key("log")
		r.any(m.Log)
	}
}

func (s *Stats) appendTo(b []byte) []byte {
	r := row{append(b, '{')}
	r.who(s.Instance, s.App, s.Slot, s.Worker, s.PID)
	r.time("at", &s.At)
	r.string("source", s.Source)
	if s.Cgroup != "" {
		r.string("cgroup", s.Cgroup)
	}
	r.float("cpu_seconds", s.CPUSeconds)
	r.float("cpu_user_seconds", s.CPUUserSeconds)
	r.float("cpu_system_seconds", s.CPUSystemSeconds)
	r.float("cpu_throttled_seconds", s.CPUThrottledSeconds)
	r.uint("cpu_throttled_periods", s.CPUThrottledPeriods)
	r.uint("memory_bytes", s.MemoryBytes)
	r.uint("memory_peak_bytes", s.MemoryPeakBytes)
	r.uint("memory_limit_bytes", s.MemoryLimitBytes)
	r.uint("memory_anon_bytes", s.MemoryAnonBytes)
	r.uint("memory_file_bytes", s.MemoryFileBytes)
	r.uint("memory_swap_bytes", s.MemorySwapBytes)
	r.uint("memory_kernel_bytes", s.MemoryKernelBytes)
	r.uint("pids", s.Pids)
	r.uint("pids_limit", s.PidsLimit)
	r.uint("io_read_bytes", s.IOReadBytes)
	r.uint("io_written_bytes", s.IOWrittenBytes)
	r.pressure("cpu_pressure", s.CPUPressure)
	r.pressure("memory_pressure", s.MemoryPressure)
	r.pressure("io_pressure", s.IOPressure)
	r.uint("oom_kills", s.OOMKills)
	r.uint("pids_refused", s.PidsRefused)
	return append(r.text, '}')
}
