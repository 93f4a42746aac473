package desk

import (
	"context"

	"goinit/control"
	"goinit/spec"
	"goinit/supervise"
)

// update changes limits, by their names in a spec.
func (d *Desk) update(ctx context.Context, c control.Update) (control.Result, error) {
	var wrong error
	result, err := d.Supervisor.Do(ctx, supervise.Update{App: c.App, Change: func(r *spec.Resources) error {
		limits := &r.Limits
		if c.Total {
			if r.Total == nil {
				r.Total = &spec.Limits{}
			}
			limits = r.Total
		}
		for _, l := range c.Limits {
			if wrong = limits.Set(l.Name, l.Value); wrong != nil {
				return wrong
			}
		}
		if c.Total && !limits.Any() {
			r.Total = nil
		}
		return nil
	}})
	if wrong != nil {
		return control.Result{}, control.Errorf(control.Failure, "%v", wrong)
	}
	outcome := control.Outcome{Name: c.App, Outcome: "updated"}
	switch {
	case err != nil:
		return control.Result{}, d.explain(err, nil)
	case result.Diff != nil && len(result.Diff.Unchanged) > 0 && len(result.Diff.Updated) == 0:
		outcome.Outcome = "unchanged"
	}
	return control.Result{Outcomes: []control.Outcome{outcome}}, nil
}
