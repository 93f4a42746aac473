// Package desk answers the control socket: it puts what the supervisor, the logs and the history of events know into the
// words of package control, and its orders into theirs.
//
// The invariant: whatever a client asks for, no lock is held while it is being answered, and nothing is kept for it but
// its place in a ring. Package init makes the one Desk there is.
package desk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"goinit/control"
	"goinit/logs"
	"goinit/logs/store"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/set"
)

// Desk is a control.Supervisor. Its fields are set before its first use.
type Desk struct {
	Supervisor *supervise.Supervisor
	Console    *logs.Console
	Store      *store.Store // nil: logs are not kept
	History    *control.History
	// Info is goinit itself, but for what the server fills in.
	Info func() control.Info
	// Spec is the spec that was applied last, for all but its apps.
	Spec func() *spec.Spec
	// Load makes apps of a compiled spec; nil: of the one that was read first, read again.
	Load func(ctx context.Context, compiled []byte) (*spec.Spec, error)
	// Applied is told that a loaded spec is the one that counts now.
	Applied func(*spec.Spec)
	// Save keeps what was added by commands for the next start, and says where.
	Save func([]spec.App) (path string, err error)
	// Program runs a program beside a worker.
	Program func(ctx context.Context, a *spec.App, slot int, e control.Exec) (control.Exit, error)

	// Drained is closed when the last lines of a process can be asked for; nil if that is so.
	Drained func(app string, slot, generation int) <-chan struct{}

	// Budget is how long an ordered stop may take by a spec.
	Budget func(*spec.Spec) time.Duration

	// Gateway is goinit's own app, which no spec has; nil: there can be none.
	Gateway Gateway

	changes control.Changes
	reading sync.Mutex    // held by whoever reads what somebody uses
	turn    chan struct{} // whose turn it is to apply: from reading a spec to its being the one that counts
}

// New completes a Desk whose fields are set.
func New(d *Desk) *Desk {
	d.turn = make(chan struct{}, 1)
	return d
}

// Changed is to be called after something that a snapshot shows has changed.
func (d *Desk) Changed() { d.changes.Tell() }

// Snapshot is what is so now.
func (d *Desk) Snapshot() *control.Snapshot {
	s := &control.Snapshot{Changed: d.changes.Next(), Info: d.Info()} // before the look: what changes meanwhile is told
	whole := *d.Spec()
	whole.Apps = d.Supervisor.Apps()
	s.Spec = &whole
	all := d.Supervisor.Snapshot()
	workers := byApp(all)
	leaving := maps.Clone(workers)
	s.Apps = make([]control.App, 0, len(whole.Apps))
	for i := range whole.Apps {
		a := &whole.Apps[i]
		waits := d.Supervisor.Waits(a.Name)
		of := snapshotOf(a, workers[a.Name], waitsOf(waits, workers))
		for i := range of.Workers {
			w := &of.Workers[i]
			w.InVain = w.State == control.Waiting && anyInVain(waits, workers)
		}
		of.Runs = runsOf(d.Supervisor.Runs(a.Name))
		s.Apps = append(s.Apps, of)
		delete(leaving, a.Name)
	}
	s.Apps = d.ownApps(s.Apps)
	for _, w := range all { // those that are leaving
		if rest, is := leaving[w.App]; is {
			s.Apps = append(s.Apps, snapshotOf(&spec.App{Name: w.App}, rest, nil))
			delete(leaving, w.App)
		}
	}
	return s
}

// byApp finds each app's workers, which are beside one another.
func byApp(all []supervise.Worker) map[string][]supervise.Worker {
	of := map[string][]supervise.Worker{}
	for begin, end := 0, 0; begin < len(all); begin = end {
		for end = begin; end < len(all) && all[end].App == all[begin].App; end++ {
		}
		of[all[begin].App] = all[begin:end:end]
	}
	return of
}

// waitsOf says what an app waits for, each with what has become of it so far.
func waitsOf(waits []set.Wait, workers map[string][]supervise.Worker) (all []string) {
	for _, w := range waits {
		text := w.App + ": " + w.Condition
		switch of := workers[w.App]; {
		case len(of) == 0:
			text += " (there is no such app)"
		case w.InVain:
			text += " (" + of[0].State + ", in vain)"
		default:
			text += " (" + holdsUp(of) + ")"
		}
		all = append(all, text)
	}
	return all
}

// anyInVain reports whether nothing will come of one of them by itself. What somebody has just started is on its way, though
// the set may not know yet.
func anyInVain(waits []set.Wait, workers map[string][]supervise.Worker) bool {
	return slices.ContainsFunc(waits, func(w set.Wait) bool {
		of := workers[w.App]
		return w.InVain && (len(of) == 0 || slices.ContainsFunc(of, func(w supervise.Worker) bool {
			return w.State == "failed" || w.State == "stopped" || w.State == "completed" || w.State == "waiting"
		}))
	})
}

// holdsUp is the state of the first worker that is not ready; of any, if all are.
func holdsUp(workers []supervise.Worker) string {
	for _, w := range workers {
		if !w.Ready {
			return w.State
		}
	}
	return workers[0].State
}

func snapshotOf(a *spec.App, workers []supervise.Worker, waits []string) control.App {
	out := control.App{Name: a.Name, Spec: a, Workers: make([]control.Worker, 0, len(workers))}
	for i := range workers {
		w := &workers[i]
		out.State, out.Since = control.State(w.State), w.StateSince.UTC()
		if w.State == "waiting" {
			out.WaitsFor = waits
		}
		if w.Slot != nil {
			out.Workers = append(out.Workers, workerOf(w, waits))
		}
	}
	return out
}

func workerOf(w *supervise.Worker, waits []string) control.Worker {
	out := control.Worker{
		App: w.App, Slot: w.Slot, Worker: w.Worker, PID: w.PID, State: control.State(w.State), Ready: w.Ready,
		Generation: w.Generation, Beside: w.Beside, Restarts: w.Restarts, Failures: w.Failures, StartedAt: utc(w.StartedAt), StateSince: w.StateSince.UTC(), NextAt: utc(w.NextAt),
	}
	out.Kills = uint64(w.OOMKills)
	switch {
	case w.State == "waiting" && len(waits) > 0:
		out.Message = "for " + strings.Join(waits, ", ")
	case w.NotReady != "" && !w.Ready:
		out.Message, _, _ = strings.Cut(w.NotReady, "\n")
	default:
		out.Message = w.Said
	}
	if e := w.LastExit; e != nil {
		out.LastExit = exitOf(e)
		out.LastExit.Error = ""
		if e.Error != "" && w.PID == nil {
			out.Message = e.Error
		}
	}
	return out
}

func exitOf(e *supervise.LastExit) *control.Exit {
	return &control.Exit{Code: e.Code, Signal: e.Signal, Status: e.Status, Reason: e.Reason, At: e.At.UTC(), Error: e.Error}
}

func runsOf(runs []supervise.Run) (all []control.Run) {
	for _, r := range runs {
		run := control.Run{Worker: r.Worker, Generation: r.Generation, StartedAt: r.StartedAt.UTC(), EndedAt: utc(r.EndedAt)}
		if r.Exit != nil {
			run.Exit = exitOf(r.Exit)
		}
		all = append(all, run)
	}
	return all
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// Events hands over what is kept, and with Follow whatever comes.
func (d *Desk) Events(ctx context.Context, q control.EventsQuery, send func(control.Event) error) error {
	return d.History.Events(ctx, q, send)
}

// Logs hands over the lines that PID 1 has in memory, and with Follow whatever comes. Those are the last of each app; the
// store has more.
func (d *Desk) Logs(ctx context.Context, q control.LogsQuery, send func(control.LogLine) error) error {
	of := logs.Query{Stream: q.Stream, Since: q.Since, Until: q.Until, Tail: q.Tail, Follow: q.Follow}
	for _, t := range q.Targets {
		slot := t.Slot
		if slot == control.WholeApp {
			slot = logs.WholeApp
		}
		of.Targets = append(of.Targets, logs.Target{App: t.App, Slot: slot})
	}
	return d.Console.Read(ctx, of, func(l logs.Line) error {
		slot, worker := l.Slot, l.Worker
		return send(control.LogLine{At: l.At.UTC(), App: l.App, Slot: &slot, Worker: &worker, Stream: l.Stream.String(),
			Line: string(l.Line), Partial: l.Partial})
	})
}

// Exec runs a program beside a worker.
func (d *Desk) Exec(ctx context.Context, e control.Exec) (control.Exit, error) {
	for _, a := range d.Supervisor.Apps() {
		if a.Name == e.Target.App {
			return d.Program(ctx, &a, e.Target.Slot, e)
		}
	}
	return control.Exit{}, control.Errorf(control.NoSuchTarget, "no app %q", e.Target.App)
}
