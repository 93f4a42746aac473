package desk

import (
	"time"

	"goinit/control"
	"goinit/supervise"
)

// Usage reads what a target uses. What is null in the answer is what its source does not know. Readings take turns: each is
// a handful of system calls, and as many of them at once as there are clients would want more threads than PID 1 has.
func (d *Desk) Usage(t control.Target) control.Stats {
	d.reading.Lock()
	defer d.reading.Unlock()
	u := &reading{}
	var err error
	if t.Slot == control.WholeApp {
		u.Usage, err = d.supervisorOf(t.App).AppUsage(t.App)
	} else {
		u.Usage, err = d.supervisorOf(t.App).Usage(t.App, t.Slot)
	}
	out := control.Stats{At: time.Now().UTC()}
	if err == nil {
		u.fill(&out)
	}
	return out
}

// Brief reads of a worker what a row of ps has.
func (d *Desk) Brief(t control.Target) control.Stats {
	d.reading.Lock()
	defer d.reading.Unlock()
	out := control.Stats{At: time.Now().UTC()}
	if u, err := d.supervisorOf(t.App).Brief(t.App, t.Slot); err == nil {
		r := &struct {
			cpu          float64
			memory, peak uint64
		}{u.CPU.Seconds(), u.Memory, u.MemoryPeak}
		out.Source, out.Cgroup = u.Source, u.Cgroup
		out.CPUSeconds, out.MemoryBytes, out.MemoryPeakBytes = &r.cpu, &r.memory, known(&r.peak)
	}
	return out
}

// Counts are what has happened to apps.
func (d *Desk) Counts() map[string]control.Metrics {
	all := map[string]control.Metrics{}
	for _, s := range []*supervise.Supervisor{d.Supervisor, d.own()} {
		if s == nil {
			continue
		}
		for _, w := range s.Apps() {
			if t, ok := s.Tally(w.Name); ok {
				all[w.Name] = countsOf(&t)
			}
		}
	}
	for _, l := range d.Console.Tallies() {
		if m, known := all[l.App]; known {
			m.Log = &control.LogCount{Bytes: l.Bytes, Lines: l.Lines, Lost: l.Lost, Limited: l.Limited, Hidden: l.Hidden}
			all[l.App] = m
		}
	}
	return all
}

func countsOf(t *supervise.Tally) control.Metrics {
	m := control.Metrics{Exits: make([]control.ExitCount, len(t.Exits)), Readiness: probesOf(&t.Readiness), Liveness: probesOf(&t.Liveness),
		Reloads: &control.ReloadCount{Finished: t.Reloads.Finished, Failed: t.Reloads.Failed, Seconds: t.Reloads.Time.Seconds(), LastSeconds: t.Reloads.Last.Seconds()}}
	for i, e := range t.Exits {
		m.Exits[i] = control.ExitCount(e)
	}
	return m
}

func probesOf(p *supervise.ProbeCount) *control.ProbeCount {
	if !p.Asked {
		return nil
	}
	return &control.ProbeCount{Successes: p.Successes, Failures: p.Failures, Seconds: p.Time.Seconds()}
}

// reading is a Usage and what of it is in other units: the fields of its answer point into it, so that one is one
// allocation.
type reading struct {
	supervise.Usage
	cpu, user, system, throttled float64
	pressure                     [3]control.Pressure
}

func (u *reading) fill(out *control.Stats) {
	u.cpu, u.user, u.system = u.CPU.Seconds(), u.User.Seconds(), u.System.Seconds()
	out.Source, out.Cgroup = u.Source, u.Cgroup
	out.CPUSeconds, out.CPUUserSeconds, out.CPUSystemSeconds = &u.cpu, &u.user, &u.system
	out.MemoryBytes, out.Pids = &u.Memory, &u.Pids
	if u.Source != supervise.FromCgroup {
		return
	}
	u.throttled = u.Throttled.Seconds()
	out.CPUThrottledSeconds, out.CPUThrottledPeriods = &u.throttled, &u.ThrottledPeriods
	out.MemoryPeakBytes, out.MemoryLimitBytes, out.PidsLimit = known(&u.MemoryPeak), known(&u.MemoryLimit), known(&u.PidsLimit)
	out.MemoryAnonBytes, out.MemoryFileBytes, out.MemorySwapBytes, out.MemoryKernelBytes = &u.Anon, &u.File, &u.Swap, &u.Kernel
	out.IOReadBytes, out.IOWrittenBytes = &u.IORead, &u.IOWritten
	out.CPUPressure, out.MemoryPressure, out.IOPressure = u.psi(0, &u.CPUPressure), u.psi(1, &u.MemoryPressure), u.psi(2, &u.IOPressure)
	out.OOMKills, out.PidsRefused = &u.OOMKills, &u.PidsRefused
}

// known is nil where zero says that there is none.
func known(n *uint64) *uint64 {
	if *n == 0 {
		return nil
	}
	return n
}

func (u *reading) psi(n int, p *supervise.Pressure) *control.Pressure {
	if !p.Known {
		return nil
	}
	u.pressure[n] = control.Pressure{SomePercent: p.Some, FullPercent: p.Full, TotalSeconds: p.Total.Seconds()}
	return &u.pressure[n]
}
