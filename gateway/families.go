package gateway

import (
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"

	"goinit/control"
)

// states are all that a worker can be in, for an app has a sample of each.
var states = []control.State{control.Waiting, control.Starting, control.Running, control.Draining, control.Stopping, control.Backoff,
	control.Paused, control.Scheduled, control.Completed, control.Stopped, control.Failed}

// phases are what goinit as a whole can be at.
var phases = []string{"booting", "running", "stopping"}

// families makes metrics of what goinit has answered. Every label is of a closed set, or the name of an app, or a slot's
// number: nothing that a request or a worker says becomes one.
func families(info *control.Info, rows []control.Metrics, own *usage) []*dto.MetricFamily {
	all := ofGoinit(info, own)
	a, w := newAppFamilies(), newWorkerFamilies()
	count := map[control.State]int{}
	for i := 0; i < len(rows); {
		app := &rows[i]
		clear(count)
		if app.State != "" && app.Slot == nil {
			count[app.State] = 1
		}
		name := label("app", app.App)
		for i++; i < len(rows) && rows[i].Slot != nil && rows[i].App == app.App; i++ {
			count[rows[i].State]++
			w.add(name, &rows[i])
		}
		a.add(name, app, count)
	}
	for _, f := range append(a.all(), w.all()...) {
		if len(f.Metric) > 0 { // an empty family is a mistake in some formats
			all = append(all, &f.MetricFamily)
		}
	}
	return all
}

// ofGoinit is goinit as a whole.
func ofGoinit(info *control.Info, own *usage) (all []*dto.MetricFamily) {
	put := func(f *family, of labels, value float64) *family {
		f.add(of, value)
		all = append(all, &f.MetricFamily)
		return f
	}
	put(gauge("goinit_build_info", "Which goinit this is."), labels{label("version", info.Version)}, 1)
	put(gauge("goinit_start_time_seconds", "When goinit was started, in seconds since the Unix epoch."), nil, seconds(info.StartedAt))
	if info.SpecAt != nil {
		put(gauge("goinit_spec_applied_time_seconds", "When a spec was applied last, in seconds since the Unix epoch."), nil, seconds(*info.SpecAt))
	}
	phase := gauge("goinit_phase", "What goinit as a whole is at: 1 for one of booting, running, stopping.")
	for _, p := range phases {
		phase.add(labels{label("phase", p)}, truth(info.State == p))
	}
	all = append(all, &phase.MetricFamily)
	put(gauge("goinit_cgroups_usable", "Whether each worker has a control group (1)."), nil, truth(info.Cgroups.Usable))
	put(counter("goinit_orphans_reaped_total", "Processes that goinit has inherited and waited for."), nil, float64(info.Orphans))
	put(gauge("goinit_control_clients", "Clients of the control socket now."), nil, float64(info.Clients))
	put(counter("goinit_control_clients_dropped_total", "Clients of the control socket that had to go, being idle or slow."), nil, float64(info.Dropped))
	put(counter("goinit_control_clients_refused_total", "Clients of the control socket that were refused."), nil, float64(info.Refused))
	if own != nil {
		put(counter("goinit_cpu_seconds_total", "CPU time that goinit itself has used."), nil, own.cpuSeconds)
		put(gauge("goinit_resident_memory_bytes", "Memory that goinit itself has in use."), nil, own.residentBytes)
		put(gauge("goinit_threads", "Threads of goinit itself."), nil, own.threads)
	}
	return all
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// appFamilies are the metrics of apps.
type appFamilies struct {
	workers, exits, probes, probeTime, reloads, reloadTime, lastReload, logBytes, logLines, logDropped *family
}

func newAppFamilies() *appFamilies {
	return &appFamilies{
		workers:    gauge("goinit_app_workers", "Workers of an app by state."),
		exits:      counter("goinit_app_exits_total", "Processes of an app that have ended, by reason; start-failed were never executed."),
		probes:     counter("goinit_app_probes_total", "Probes of an app that were answered, by kind and result."),
		probeTime:  summary("goinit_app_probe_duration_seconds", "How long the answers of probes took, by kind."),
		reloads:    counter("goinit_app_reloads_total", "Rolling replacements of an app's workers that have come to their end, by result."),
		reloadTime: summary("goinit_app_reload_duration_seconds", "How long rolling replacements took."),
		lastReload: gauge("goinit_app_last_reload_duration_seconds", "How long the last rolling replacement took."),
		logBytes:   counter("goinit_app_log_bytes_total", "Bytes that an app has written to its stdout and stderr."),
		logLines:   counter("goinit_app_log_lines_total", "Lines that an app has written to its stdout and stderr, since there is a gateway."),
		logDropped: counter("goinit_app_log_lines_dropped_total", "Lines of an app that were lost, by where: the store could not take them, they were over logs.rate_limit, or the console did not show them."),
	}
}

func (f *appFamilies) all() []*family {
	return []*family{f.workers, f.exits, f.probes, f.probeTime, f.reloads, f.reloadTime, f.lastReload, f.logBytes, f.logLines, f.logDropped}
}

func (f *appFamilies) add(name *dto.LabelPair, m *control.Metrics, count map[control.State]int) {
	app := labels{name}
	for _, s := range states {
		f.workers.add(labels{name, label("state", string(s))}, float64(count[s]))
	}
	for _, e := range m.Exits {
		f.exits.add(labels{name, label("reason", e.Reason)}, float64(e.Count))
	}
	for _, p := range []struct {
		kind  string
		count *control.ProbeCount
	}{{"readiness", m.Readiness}, {"liveness", m.Liveness}} {
		if p.count == nil {
			continue
		}
		kind := label("probe", p.kind)
		f.probes.add(labels{name, kind, label("result", "success")}, float64(p.count.Successes))
		f.probes.add(labels{name, kind, label("result", "failure")}, float64(p.count.Failures))
		f.probeTime.addSum(labels{name, kind}, p.count.Successes+p.count.Failures, p.count.Seconds)
	}
	if r := m.Reloads; r != nil {
		f.reloads.add(labels{name, label("result", "finished")}, float64(r.Finished))
		f.reloads.add(labels{name, label("result", "failed")}, float64(r.Failed))
		f.reloadTime.addSum(app, r.Finished+r.Failed, r.Seconds)
		if r.Finished+r.Failed > 0 {
			f.lastReload.add(app, r.LastSeconds)
		}
	}
	if l := m.Log; l != nil {
		f.logBytes.add(app, float64(l.Bytes))
		f.logLines.add(app, float64(l.Lines))
		f.logDropped.add(labels{name, label("where", "store")}, float64(l.Lost))
		f.logDropped.add(labels{name, label("where", "rate_limit")}, float64(l.Limited))
		f.logDropped.add(labels{name, label("where", "console")}, float64(l.Hidden))
	}
}

// workerFamilies are the metrics of workers.
type workerFamilies struct {
	state, ready, restarts, oomKills, started           *family
	cpu, throttled, throttledPeriods, pressure          *family
	memory, memoryPeak, memoryLimit, swap               *family
	pids, pidsLimit, pidsRefused, bytesRead, bytesWrote *family

	user, system, onCPU, onMemory, onIO *dto.LabelPair
}

func newWorkerFamilies() *workerFamilies {
	return &workerFamilies{
		state:            gauge("goinit_worker_state", "1 for the state that a worker is in; there is no sample of the others."),
		ready:            gauge("goinit_worker_ready", "Whether a worker is ready (1)."),
		restarts:         counter("goinit_worker_restarts_total", "How often a worker was started again."),
		oomKills:         counter("goinit_worker_oom_kills_total", "Processes of a worker that were killed for want of memory."),
		started:          gauge("goinit_worker_start_time_seconds", "When a worker's process was started, in seconds since the Unix epoch."),
		cpu:              counter("goinit_worker_cpu_seconds_total", "CPU time that a worker's process and its descendants have used, by mode."),
		throttled:        counter("goinit_worker_cpu_throttled_seconds_total", "Time for which a worker was kept from running by its limit of CPU."),
		throttledPeriods: counter("goinit_worker_cpu_throttled_periods_total", "Periods in which a worker was kept from running by its limit of CPU."),
		pressure:         counter("goinit_worker_pressure_waiting_seconds_total", "Time for which something of a worker waited for a resource."),
		memory:           gauge("goinit_worker_memory_bytes", "Memory that a worker uses."),
		memoryPeak:       gauge("goinit_worker_memory_peak_bytes", "The most memory that a worker's process has used."),
		memoryLimit:      gauge("goinit_worker_memory_limit_bytes", "How much memory a worker may use."),
		swap:             gauge("goinit_worker_memory_swap_bytes", "Swap that a worker uses."),
		pids:             gauge("goinit_worker_pids", "Processes and threads of a worker."),
		pidsLimit:        gauge("goinit_worker_pids_limit", "How many processes and threads a worker may have."),
		pidsRefused:      counter("goinit_worker_pids_refused_total", "Forks of a worker that its limit of processes has refused."),
		bytesRead:        counter("goinit_worker_io_read_bytes_total", "Bytes that a worker has read from block devices."),
		bytesWrote:       counter("goinit_worker_io_written_bytes_total", "Bytes that a worker has written to block devices."),
		user:             label("mode", "user"), system: label("mode", "system"),
		onCPU: label("resource", "cpu"), onMemory: label("resource", "memory"), onIO: label("resource", "io"),
	}
}

func (f *workerFamilies) all() []*family {
	return []*family{f.state, f.ready, f.restarts, f.oomKills, f.started, f.cpu, f.throttled, f.throttledPeriods, f.pressure, f.memory, f.memoryPeak,
		f.memoryLimit, f.swap, f.pids, f.pidsLimit, f.pidsRefused, f.bytesRead, f.bytesWrote}
}

func (f *workerFamilies) add(app *dto.LabelPair, m *control.Metrics) {
	slot := label("slot", strconv.Itoa(*m.Slot))
	of := labels{app, slot}
	f.state.add(labels{app, slot, label("state", string(m.State))}, 1)
	f.ready.add(of, truth(m.Ready))
	f.restarts.add(of, float64(m.Restarts))
	f.oomKills.add(of, float64(m.OOMKills))
	if m.StartedAt != nil {
		f.started.add(of, seconds(*m.StartedAt))
	}
	f.cpu.addIf(labels{app, f.user, slot}, m.CPUUserSeconds)
	f.cpu.addIf(labels{app, f.system, slot}, m.CPUSystemSeconds)
	f.throttled.addIf(of, m.CPUThrottledSeconds)
	f.throttledPeriods.addCount(of, m.CPUThrottledPeriods)
	f.pressure.addIf(labels{app, f.onCPU, slot}, m.CPUPressureSeconds)
	f.pressure.addIf(labels{app, f.onMemory, slot}, m.MemoryPressureSeconds)
	f.pressure.addIf(labels{app, f.onIO, slot}, m.IOPressureSeconds)
	f.memory.addCount(of, m.MemoryBytes)
	f.memoryPeak.addCount(of, m.MemoryPeakBytes)
	f.memoryLimit.addCount(of, m.MemoryLimitBytes)
	f.swap.addCount(of, m.MemorySwapBytes)
	f.pids.addCount(of, m.Pids)
	f.pidsLimit.addCount(of, m.PidsLimit)
	f.pidsRefused.addCount(of, m.PidsRefused)
	f.bytesRead.addCount(of, m.IOReadBytes)
	f.bytesWrote.addCount(of, m.IOWrittenBytes)
}
