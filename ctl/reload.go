package ctl

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
)

func reloadVerb(s *session) *cobra.Command {
	return s.completeTargets(&cobra.Command{
		Use:   "reload TARGET...",
		Short: "replace workers one after another, each when its successor is ready",
		Args:  targetsWanted,
		RunE: func(c *cobra.Command, args []string) error {
			format, err := s.format("table")
			if err != nil {
				return err
			}
			if !s.noWait && format != "json" && format != "yaml" {
				defer s.watchReloads(c.Context(), args)()
			}
			return s.order(c, "Reload", control.OrderRequest{Targets: args, NoWait: s.noWait, TimeoutSeconds: s.seconds()})
		},
	})
}

// reloads shows on stderr how far reloads have come: on a terminal in one line, elsewhere in a line each time.
type reloads struct {
	*session

	mu      sync.Mutex
	under   int           // way
	shown   bool          // the line is there, and not ended
	settled chan struct{} // closed when one was seen, and none is under way any more
}

// lastProgress is how long the answer waits for what the events tell of the same end.
const lastProgress = time.Second

// watchReloads shows what the events tell of reloads, until end. It is a view only: where it fails, nothing is shown.
func (s *session) watchReloads(ctx context.Context, targets []string) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	r := &reloads{session: s, settled: make(chan struct{})}
	now := s.now()
	var watching sync.WaitGroup
	watching.Go(func() {
		_ = follow(ctx, s, true, "Events", control.EventsRequest{Targets: targets, Since: &now, Follow: true}, func(instance string, e control.EventsReply) error {
			if e.Event != nil {
				r.tell(instance, e.Event)
			}
			return nil
		})
	})
	return func() {
		r.wait()
		cancel()
		watching.Wait()
		r.end()
	}
}

func (r *reloads) tell(instance string, e *control.Event) {
	var data struct{ Replaced, Workers int }
	if json.Unmarshal(e.Data, &data) != nil {
		return
	}
	app := e.App
	if instance != "" {
		app = instance + ":" + app
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Type {
	case "reload.started":
		r.under++
	case "reload.progress":
		r.show(fmt.Sprintf("%s: %d of %d replaced", app, data.Replaced, data.Workers))
	case "reload.finished", "reload.failed":
		if r.under--; r.under == 0 {
			close(r.settled)
			r.settled = make(chan struct{})
		}
	}
}

func (r *reloads) show(text string) {
	if r.errTerminal {
		text = "\r\x1b[K" + human.Printable(text)
		r.shown = true
	} else {
		text += "\n"
	}
	fmt.Fprint(r.stderr, text)
}

// wait lets the last events come, where there are any.
func (r *reloads) wait() {
	r.mu.Lock()
	under, settled := r.under, r.settled
	r.mu.Unlock()
	if under > 0 {
		select {
		case <-settled:
		case <-time.After(lastProgress):
		}
	}
}

func (r *reloads) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shown {
		fmt.Fprint(r.stderr, "\r\x1b[K")
	}
}
