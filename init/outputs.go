package pid1

import (
	"sync"
	"time"

	"goinit/logs"
	"goinit/logs/store"
	"goinit/spec"
	"goinit/supervise/launch"
	"goinit/supervise/tree"
)

// drainTime is how long the end of a worker waits for a console that is moving, to show the worker's last lines.
const drainTime = 2 * time.Second

// outputs gives workers their stdout and stderr: it is the log room as package launch wants it.
type outputs struct {
	console *logs.Console
	daemon  *daemon
	heard   func(outputKey) func(line []byte) bool // who wants a process' lines; nil: nobody
	mu      sync.Mutex
	open    map[outputKey]output
}

type output struct {
	*logs.Output
	drained chan struct{} // closed when its lines can be asked for, to the last
}

type outputKey struct {
	app              string
	slot, generation int
}

// Open is called for each start.
func (o *outputs) Open(a *spec.App, slot, generation int) (stdout, stderr int, closeOurs func(), err error) {
	mode, err := logs.ParseMode(a.Logs.Console)
	if err != nil {
		return 0, 0, nil, err
	}
	w := logs.Worker{App: a.Name, Slot: slot, Generation: generation, Console: o.daemon.mode(mode), Limits: limitsOf(a)}
	if o.heard != nil {
		w.Heard = o.heard(outputKey{a.Name, slot, generation})
	}
	if a.User != "" {
		if account, err := (launch.Accounts{}).Resolve(a.User); err == nil {
			w.Owner = &logs.Owner{UID: int(account.UID), GID: int(account.GID)}
		}
	}
	out, err := o.console.Open(w)
	if err != nil {
		return 0, 0, nil, err
	}
	o.mu.Lock()
	o.open[outputKey{a.Name, slot, generation}] = output{out, make(chan struct{})}
	o.mu.Unlock()
	return out.Stdout(), out.Stderr(), out.Started, nil
}

// limitsOf is what the app's log may be.
func limitsOf(a *spec.App) store.Limits {
	l := store.Limits{MaxSize: int64(a.Logs.MaxSize), MaxFiles: a.Logs.MaxFiles, MaxAge: time.Duration(a.Logs.MaxAge), Drop: a.Logs.WhenFull == "drop"}
	if a.Logs.RateLimit != nil {
		l.Rate = *a.Logs.RateLimit
	}
	return l
}

// Drain is called when nothing of the process is left; it does not wait.
func (o *outputs) Drain(app string, slot, generation int) {
	key := outputKey{app, slot, generation}
	o.mu.Lock()
	out, is := o.open[key]
	o.mu.Unlock()
	if !is {
		return
	}
	go func() {
		out.Output.Drain(time.Now().Add(drainTime))
		close(out.drained)
		o.mu.Lock()
		if o.open[key].drained == out.drained { // a hook and its worker are of one generation
			delete(o.open, key)
		}
		o.mu.Unlock()
	}()
}

// drained is closed when a process' last lines can be asked for; nil if that is so.
func (o *outputs) drained(app string, slot, generation int) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open[outputKey{app, slot, generation}].drained
}

// plan tells the console who is to be expected, for the width of the names.
func plan(console *logs.Console, apps []spec.App) {
	var names []string
	for _, a := range apps {
		for slot := range max(1, a.Workers.Count) {
			names = append(names, tree.Worker(a.Name, slot))
		}
	}
	console.Plan(names...)
}
