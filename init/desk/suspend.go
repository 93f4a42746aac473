package desk

import (
	"context"

	"goinit/control"
	"goinit/supervise"
)

// suspend is a pause or its end. What did not run stays as it is, which is no failure.
func (d *Desk) suspend(ctx context.Context, o control.Order, done string, c supervise.Command) (control.Result, error) {
	before := map[string]supervise.Worker{}
	for _, w := range d.Supervisor.Snapshot() {
		before[nameOf(w)] = w
	}
	result, err := d.Supervisor.Do(ctx, c)
	var r control.Result
	for _, w := range result.Workers {
		out := outcomeOf(w, done)
		was := before[nameOf(w)]
		switch {
		case o.NoWait:
			out.Outcome = "accepted"
		case was.Generation != w.Generation || was.State == w.State || (w.State == "paused") != (done == "paused"):
			out.Outcome, out.Message = "unchanged", "it is "+w.State
		}
		r.Outcomes = append(r.Outcomes, out)
	}
	return r, d.explain(err, nil)
}
