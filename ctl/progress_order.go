package ctl

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"goinit/control"
)

// orderProgress shows what the events tell of an order that is being carried out. It is a view only: where it fails, nothing is
// shown.
type orderProgress struct {
	line    *progress
	cancel  context.CancelFunc
	watched sync.WaitGroup

	mu    sync.Mutex
	steps steps
	news  chan struct{} // has one when an event has come
}

// steps is what is counted of an order.
type steps interface {
	// take enters an event. news is what is to be shown now, or empty.
	take(name string, e *control.Event) (news string)
	// pending says that some of what was seen to begin has not ended.
	pending() bool
}

// lastProgress is how long the answer waits for what the events tell of the same end: on a busy machine they may lag.
const lastProgress = 5 * time.Second

// watchOrder shows how far an order is, until end; nil where nobody would see it, or nothing is counted of it.
func (s *session) watchOrder(ctx context.Context, method string, in any) *orderProgress {
	if s.noWait || s.output == "json" || s.output == "yaml" {
		return nil
	}
	const quiet = 300 * time.Millisecond
	now := s.now()
	counted, targets := s.stepsOf(ctx, method, in)
	if counted == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &orderProgress{line: newProgress(s.world, quiet), cancel: cancel, steps: counted, news: make(chan struct{}, 1)}
	p.watched.Go(func() {
		in := control.EventsRequest{Targets: targets, Since: &now, Follow: true}
		_ = follow(ctx, s, true, "Events", in, func(instance string, e control.EventsReply) error {
			if e.Event != nil {
				p.tell(instance, e.Event)
			}
			return nil
		})
	})
	return p
}

// stepsOf is what is counted of a request, and of whom; nil: nothing.
func (s *session) stepsOf(ctx context.Context, method string, in any) (steps, []string) {
	switch r := in.(type) {
	case control.OrderRequest:
		switch method {
		case "Reload":
			return &reloadSteps{live: s.live(), far: make(map[string]string)}, r.Targets
		case "Stop", "Restart":
			return s.workerSteps(ctx, method, r.Targets), r.Targets
		}
	case control.ScaleRequest:
		if s.live() {
			return newChangeSteps(), []string{r.App}
		}
	case control.ApplyRequest:
		if s.live() && !r.DryRun {
			return newChangeSteps(), nil
		}
	}
	return nil, nil
}

func (p *orderProgress) tell(instance string, e *control.Event) {
	name := e.App
	if e.Worker != nil {
		name = *e.Worker
	}
	if instance != "" {
		name = instance + ":" + name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if news := p.steps.take(name, e); news != "" {
		p.line.show(news)
	}
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// end lets the last events come, where what they tell stays on the screen, and wipes out a line that does not.
func (p *orderProgress) end(failed bool) {
	if p == nil {
		return
	}
	if !failed && !p.line.live() {
		p.wait()
	}
	p.cancel()
	p.watched.Wait()
	p.line.end()
}

func (p *orderProgress) wait() {
	enough := time.NewTimer(lastProgress)
	defer enough.Stop()
	for {
		p.mu.Lock()
		pending := p.steps.pending()
		p.mu.Unlock()
		if !pending {
			return
		}
		select {
		case <-p.news:
		case <-enough.C:
			return
		}
	}
}

// reloadSteps counts replaced workers, by app.
type reloadSteps struct {
	live  bool // one line for all of them
	under int  // way
	far   map[string]string
}

func (r *reloadSteps) pending() bool { return r.under > 0 }

func (r *reloadSteps) take(app string, e *control.Event) string {
	app = strings.TrimSuffix(app, "/"+slotOf(e)) // progress is told of a worker
	var data struct{ Replaced, Workers int }
	if json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	switch e.Type {
	case "reload.started":
		r.under++
		r.far[app] = fmt.Sprintf("%s: 0 of %d replaced", app, data.Workers)
	case "reload.progress":
		r.far[app] = fmt.Sprintf("%s: %d of %d replaced", app, data.Replaced, data.Workers)
		if !r.live {
			return r.far[app]
		}
	case "reload.finished", "reload.failed":
		r.under--
	default:
		return ""
	}
	if !r.live {
		return ""
	}
	return strings.Join(inOrderOf(r.far), "; ")
}

func slotOf(e *control.Event) string {
	if e.Slot == nil {
		return ""
	}
	return fmt.Sprint(*e.Slot)
}

// inOrderOf are the values in the order of their keys.
func inOrderOf(of map[string]string) (values []string) {
	var keys []string
	for k := range of {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		values = append(values, of[k])
	}
	return values
}

// workerSteps counts the workers that ran when they were told to stop, or to start anew.
type workerSteps struct {
	live bool
	done string   // stopped, started again
	at   []string // types of events that say so
	left []string // names of those that are still awaited
	of   int
	told int // so many tenths, elsewhere than on a terminal
}

// workerSteps finds out who runs. One worker is not worth counting where nobody sees a line change.
func (s *session) workerSteps(ctx context.Context, method string, targets []string) steps {
	ctx, cancel := s.context(ctx)
	defer cancel()
	answers, err := ask[control.PsReply](ctx, s, "Ps", control.PsRequest{Targets: targets})
	if err != nil {
		return nil
	}
	w := &workerSteps{live: s.live(), done: "stopped", at: []string{"worker.stopped", "worker.removed"}}
	switch {
	case method == "Restart" && w.live:
		w.done, w.at = "ready again", []string{"worker.ready", "worker.completed"}
	case method == "Restart": // the answer need not wait for more
		w.done, w.at = "started again", []string{"worker.started"}
	}
	for _, a := range answers {
		for _, one := range a.value.Workers {
			if one.PID == nil {
				continue
			}
			name := one.Name()
			if a.instance != "" {
				name = a.instance + ":" + name
			}
			if !slices.Contains(w.left, name) {
				w.left = append(w.left, name)
			}
		}
	}
	if w.of = len(w.left); w.of == 0 || w.of == 1 && !w.live {
		return nil
	}
	return w
}

func (w *workerSteps) pending() bool { return len(w.left) > 0 }

func (w *workerSteps) take(name string, e *control.Event) string {
	if n := slices.Index(w.left, name); n >= 0 && slices.Contains(w.at, e.Type) {
		w.left = slices.Delete(w.left, n, n+1)
	} else if !w.live || e.Type != "worker.stopping" && e.Type != "worker.killed" {
		return ""
	}
	n := w.of - len(w.left)
	text := fmt.Sprintf("%d of %d %s", n, w.of, w.done)
	if w.live {
		return text + awaited(w.left)
	}
	const lines = 10 // of however many workers
	tenths := n * lines / w.of
	if tenths == w.told {
		return ""
	}
	w.told = tenths
	return text
}

// awaited names who is still to come, the first few.
func awaited(left []string) string {
	const most = 3
	switch {
	case len(left) == 0:
		return ""
	case len(left) > most:
		return fmt.Sprintf("; waiting for %s and %d more", strings.Join(left[:most], ", "), len(left)-most)
	}
	return "; waiting for " + strings.Join(left, ", ")
}
