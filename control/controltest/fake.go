// Package controltest has a supervisor that supervises nothing, for tests of control's server and of its clients.
package controltest

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"goinit/control"
	"goinit/spec"
)

// Epoch is when the fake's apps started.
var Epoch = time.Date(2026, 11, 21, 8, 0, 0, 100_000_000, time.UTC)

// Fake is a control.Supervisor whose state a test sets.
type Fake struct {
	mu       sync.Mutex
	now      *control.Snapshot
	changed  chan struct{}
	Commands []control.Command        // what was asked for, under Lock
	Uses     map[string]control.Stats // by target: web, web/0; under Lock
	Reads    int                      // of Usage; under Lock
	Counted  map[string]control.Metrics
	Lines    []control.LogLine
	History  []control.Event
	Store    control.LogStoreReply
	Files    []LogFile
	Vacuumed []control.LogVacuumRequest // what was asked for, under Lock
	// Hook, if not nil, answers Do instead of the fake.
	Hook func(context.Context, control.Command) (control.Result, error)
	// Program runs what exec is for.
	Program func(context.Context, control.Exec) (control.Exit, error)
}

// Lock guards the fields.
func (f *Fake) Lock() { f.mu.Lock() }

// Unlock ends it.
func (f *Fake) Unlock() { f.mu.Unlock() }

// New has the apps web (two workers and a failed one), db and migrate.
func New() *Fake {
	f := &Fake{}
	apps := []spec.App{
		{Name: "web", Command: []string{"node", "server.js"}, Tags: []string{"frontend"}, WorkingDir: "/srv/web", User: "node",
			Environment: []spec.Variable{{Name: "PORT", Value: "8080"}, {Name: "TOKEN", Value: "hush"}, {Name: "DB_PASSWORD", File: "/run/secrets/db"}},
			DependsOn:   []spec.Dependency{{App: "db", Condition: "ready", Required: true}}},
		{Name: "db", Command: []string{"redis-server"}},
		{Name: "migrate", Command: []string{"npm", "run", "migrate"}},
	}
	whole := &spec.Spec{Version: 1, Name: "shop", Apps: apps}
	later := Epoch.Add(90 * time.Second)
	s := control.Snapshot{
		Info: control.Info{Instance: "shop", Version: "0.0.0", PID: 1, Role: "PID 1", State: "running", StartedAt: Epoch, WorkingDir: "/srv",
			Spec: "/etc/goinit/goinit.yaml", SpecDigest: "sha256:00", SpecAt: &Epoch,
			Limitations: []control.Limitation{{What: "no cgroups: /sys/fs/cgroup is read-only", Remedy: "docker run --security-opt writable-cgroups=true"}}},
		Spec: whole,
		Apps: []control.App{
			{Name: "web", Spec: &apps[0], Workers: []control.Worker{
				Worker("web", 0, 17, control.Running),
				Worker("web", 1, 0, control.Backoff),
			}},
			{Name: "db", Spec: &apps[1], Workers: []control.Worker{Worker("db", 0, 12, control.Running)}},
			{Name: "migrate", Spec: &apps[2], State: control.Waiting, Since: Epoch, WaitsFor: []string{"db: ready"}},
		},
	}
	killed, code := "SIGKILL", 1
	s.Apps[0].Workers[0].Generation, s.Apps[0].Workers[0].Restarts = 3, 2
	s.Apps[0].Workers[0].LastExit = &control.Exit{Signal: &killed, Status: 137, Reason: "oom-killed", At: Epoch}
	s.Apps[0].Workers[1].LastExit = &control.Exit{Code: &code, Status: 1, Reason: "exited", At: later}
	s.Apps[0].Workers[1].NextAt = &later
	s.Apps[0].Workers[0].Kills = 1
	s.Info.Cgroups = control.Cgroups{Mode: "none", Controllers: []string{}, Missing: "/sys/fs/cgroup is read-only", Remedy: "docker run --security-opt writable-cgroups=true"}
	f.Lines = []control.LogLine{Line("web", 0, "stdout", "listening on :8080"), Line("db", 0, "stderr", "a warning"), Line("web", 0, "stdout", "GET /")}
	for _, a := range []string{"db", "web"} {
		w, gen := a+"/0", 1
		f.History = append(f.History, control.Event{At: Epoch, Type: "worker.started", App: a, Slot: new(int), Worker: &w, Generation: &gen,
			Data: json.RawMessage(`{"pid":12}`)})
	}
	f.Set(&s)
	f.uses("proc")
	return f
}

// Worker is one; pid 0 is none.
func Worker(app string, slot, pid int, state control.State) control.Worker {
	name := app + "/" + string(rune('0'+slot))
	w := control.Worker{App: app, Slot: &slot, Worker: &name, State: state, Ready: state == control.Running, Generation: 1, StateSince: Epoch}
	if pid != 0 {
		w.PID, w.StartedAt = &pid, &Epoch
	}
	return w
}

// use is what somebody uses who has used n seconds of CPU: from a cgroup, or from /proc.
func use(n float64, source string) control.Stats {
	at := Epoch.Add(time.Duration(n * float64(time.Second)))
	user, system, memory, pids := n*0.75, n*0.25, uint64(n*(8<<20)), uint64(n)
	s := control.Stats{At: at, Source: source, CPUSeconds: &n, CPUUserSeconds: &user, CPUSystemSeconds: &system, MemoryBytes: &memory, Pids: &pids}
	if source == "cgroup" {
		peak, limit, anon, file, none, written, most := memory+memory/2, uint64(64<<20), memory/2, memory/4, uint64(0), uint64(3<<20), uint64(100)
		throttled := 0.5
		s.MemoryPeakBytes, s.MemoryLimitBytes, s.MemoryAnonBytes, s.MemoryFileBytes, s.MemorySwapBytes, s.MemoryKernelBytes = &peak, &limit, &anon, &file, &none, &file
		s.CPUThrottledSeconds, s.CPUThrottledPeriods, s.PidsLimit, s.IOReadBytes, s.IOWrittenBytes = &throttled, &pids, &most, &none, &written
		s.MemoryPressure, s.OOMKills, s.PidsRefused = &control.Pressure{SomePercent: 1.5, TotalSeconds: 0.25}, &none, &none
	}
	return s
}

// InGroups gives the fake cgroups, and its apps something that they use; without, as before, it is read from /proc.
func (f *Fake) InGroups() {
	s := *f.Snapshot()
	s.Info.Limitations = nil
	s.Apps = slices.Clone(s.Apps)
	web := *s.Apps[0].Spec
	web.Resources = spec.Resources{Limits: spec.Limits{Memory: 64 << 20, CPUs: 0.5, Pids: 100}, Total: &spec.Limits{Memory: 1 << 30}}
	s.Apps[0].Spec = &web
	s.Info.Cgroups = control.Cgroups{Mode: "unified", Usable: true, Place: "/sys/fs/cgroup", Controllers: []string{"cpu", "memory", "pids"},
		Missing: "controller io", Remedy: "echo +io >/sys/fs/cgroup/cgroup.subtree_control"}
	f.Set(&s)
	f.uses("cgroup")
}

func (f *Fake) uses(source string) {
	f.Lock()
	defer f.Unlock()
	f.Uses = map[string]control.Stats{}
	for target, seconds := range map[string]float64{"web": 4, "web/0": 3, "db": 12.5, "db/0": 12.5} {
		u := use(seconds, source)
		if source == "cgroup" {
			u.Cgroup = "/apps/" + target
		}
		f.Uses[target] = u
	}
}

// Brief is Usage.
func (f *Fake) Brief(t control.Target) control.Stats { return f.Usage(t) }

// Usage is of Uses. Each time it is asked, somebody has used a tenth of a second more in half a second.
func (f *Fake) Usage(t control.Target) control.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Reads++
	u, ok := f.Uses[t.String()]
	if !ok {
		return control.Stats{At: Epoch}
	}
	next := u
	seconds := *u.CPUSeconds + 0.1
	next.CPUSeconds, next.At = &seconds, u.At.Add(500*time.Millisecond)
	f.Uses[t.String()] = next
	return u
}

// Line is a log line.
func Line(app string, slot int, stream, text string) control.LogLine {
	name := app + "/" + string(rune('0'+slot))
	return control.LogLine{At: Epoch, App: app, Slot: &slot, Worker: &name, Stream: stream, Line: text}
}

// Counts are those that a test has set.
func (f *Fake) Counts() map[string]control.Metrics {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Counted
}

// Set makes s what is so now.
func (f *Fake) Set(s *control.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changed != nil {
		close(f.changed)
	}
	f.changed = make(chan struct{})
	s.Changed = f.changed
	f.now = s
}

// Become sets the state of all workers of an app.
func (f *Fake) Become(app string, state control.State) {
	s := *f.Snapshot()
	s.Apps = slices.Clone(s.Apps)
	for i := range s.Apps {
		if s.Apps[i].Name != app {
			continue
		}
		s.Apps[i].Workers = slices.Clone(s.Apps[i].Workers)
		for j := range s.Apps[i].Workers {
			w := &s.Apps[i].Workers[j]
			if state == control.Paused && w.PID == nil {
				continue
			}
			w.State, w.Ready = state, state == control.Running
			if state == control.Stopped || state == control.Completed {
				w.PID = nil
			}
		}
	}
	f.Set(&s)
}

// Snapshot is what Set has set.
func (f *Fake) Snapshot() *control.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Do notes the command, and has an outcome for each target.
func (f *Fake) Do(ctx context.Context, c control.Command) (control.Result, error) {
	f.mu.Lock()
	f.Commands = append(f.Commands, c)
	hook := f.Hook
	f.mu.Unlock()
	if hook != nil {
		return hook(ctx, c)
	}
	outcomes := func(o control.Order, what string) (control.Result, error) {
		var r control.Result
		for _, t := range o.Targets {
			for _, a := range f.Snapshot().Apps {
				for _, w := range a.Workers {
					if a.Name == t.App && (t.Slot == control.WholeApp || *w.Slot == t.Slot) {
						r.Outcomes = append(r.Outcomes, control.Outcome{Name: w.Name(), Outcome: what, PID: w.PID})
					}
				}
			}
		}
		return r, nil
	}
	switch c := c.(type) {
	case control.Start:
		return outcomes(c.Order, "started")
	case control.Stop:
		for _, t := range c.Targets {
			f.Become(t.App, control.Stopped)
		}
		return outcomes(c.Order, "stopped")
	case control.Restart:
		return outcomes(c.Order, "restarted")
	case control.Pause:
		for _, t := range c.Targets {
			f.Become(t.App, control.Paused)
		}
		return outcomes(c.Order, "paused")
	case control.Resume:
		for _, t := range c.Targets {
			f.Become(t.App, control.Running)
		}
		return outcomes(c.Order, "resumed")
	case control.Update:
		if !f.Snapshot().Info.Cgroups.Usable {
			return control.Result{}, control.Errorf(control.Failure, "cannot limit %s: there are no cgroups", c.App)
		}
		return control.Result{Outcomes: []control.Outcome{{Name: c.App, Outcome: "updated"}}}, nil
	case control.Signal:
		return outcomes(c.Order, "signaled")
	case control.Scale:
		return control.Result{Outcomes: []control.Outcome{{Name: c.App + "/1", Outcome: "stopped", Message: "scaled"}}}, nil
	case control.Apply:
		return control.Result{Changes: []control.Change{{App: "web", Action: "restart", Keys: []string{"command", "environment"}}, {App: "db", Action: "none"}}}, nil
	case control.Add:
		return control.Result{Outcomes: []control.Outcome{{Name: "new", Outcome: "added"}}}, nil
	case control.Remove:
		return control.Result{Outcomes: []control.Outcome{{Name: c.App, Outcome: "removed"}}}, nil
	case control.Save:
		return control.Result{Path: "/etc/goinit/conf.d/added.json"}, nil
	}
	return control.Result{}, nil
}

// Events sends the History.
func (f *Fake) Events(ctx context.Context, q control.EventsQuery, send func(control.Event) error) error {
	for _, e := range f.History {
		if e.At.Before(q.Since) {
			continue
		}
		if err := send(e); err != nil {
			return err
		}
	}
	if q.Follow {
		<-ctx.Done()
	}
	return nil
}

// Logs sends the Lines.
func (f *Fake) Logs(ctx context.Context, q control.LogsQuery, send func(control.LogLine) error) error {
	var lines []control.LogLine
	for _, l := range f.Lines {
		if wants(q.Targets, l) && (q.Stream == "" || q.Stream == l.Stream) {
			lines = append(lines, l)
		}
	}
	if q.Tail >= 0 && len(lines) > q.Tail {
		lines = lines[len(lines)-q.Tail:]
	}
	for _, l := range lines {
		if err := send(l); err != nil {
			return err
		}
	}
	if q.Follow {
		<-ctx.Done()
	}
	return nil
}

func wants(targets []control.Target, l control.LogLine) bool {
	return len(targets) == 0 || slices.ContainsFunc(targets, func(t control.Target) bool {
		return t.App == l.App && (t.Slot == control.WholeApp || t.Slot == *l.Slot)
	})
}

// Exec is Program's.
func (f *Fake) Exec(ctx context.Context, e control.Exec) (control.Exit, error) {
	if f.Program == nil {
		return control.Exit{}, control.Errorf(control.Failure, "cannot execute %s: this is a fake", e.Args[0])
	}
	return f.Program(ctx, e)
}

// Stuck has the disk of the logs not answer, with so many bytes in memory.
func (f *Fake) Stuck(waiting int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Store.Stuck, f.Store.Waiting, f.Store.Bytes, f.Store.Apps = true, waiting, 0, []control.LogSize{}
}

// LogStore says what Store says.
func (f *Fake) LogStore(_ context.Context, wantDirectory bool) (control.LogStoreReply, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	directory := -1
	if wantDirectory && f.Store.Directory != "" {
		file, err := os.Open(f.Store.Directory)
		if err != nil {
			return f.Store, -1, err
		}
		defer file.Close()
		if directory, err = syscall.Dup(int(file.Fd())); err != nil {
			return f.Store, -1, err
		}
	}
	return f.Store, directory, nil
}

// LogFiles hands over what is in Files.
func (f *Fake) LogFiles(ctx context.Context, q control.LogFilesRequest, send func(control.LogFile, int, int) error) error {
	f.mu.Lock()
	files := slices.Clone(f.Files)
	f.mu.Unlock()
	for _, file := range files {
		if len(q.Apps) > 0 && !slices.Contains(q.Apps, file.App) {
			continue
		}
		f.mu.Lock() // whoever closes the files holds it
		data, index := int(file.Data.Fd()), int(file.Index.Fd())
		f.mu.Unlock()
		if err := send(file.LogFile, data, index); err != nil {
			return err
		}
	}
	if q.Follow {
		<-ctx.Done()
	}
	return nil
}

// Vacuum notes what it was asked for.
func (f *Fake) Vacuum(_ context.Context, r control.LogVacuumRequest) (control.LogVacuumReply, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Vacuumed = append(f.Vacuumed, r)
	return control.LogVacuumReply{Removed: 3, Freed: 24 << 20, Bytes: f.Store.Bytes}, nil
}

// LogFile is a segment that the fake has.
type LogFile struct {
	control.LogFile
	Data, Index *os.File
}
