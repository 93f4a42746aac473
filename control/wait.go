package control

import "slices"

// WaitRequest waits for a state.
type WaitRequest struct {
	Targets        []string `json:"targets"`
	For            string   `json:"for,omitempty"` // ready (default), completed, stopped
	TimeoutSeconds float64  `json:"timeout_seconds,omitempty"`
}

func wait(c *call, r WaitRequest) error {
	ctx, cancel, err := c.within(r.TimeoutSeconds)
	if err != nil {
		return err
	}
	defer cancel()
	switch {
	case r.For == "":
		r.For = "ready"
	case !slices.Contains([]string{"ready", "completed", "stopped"}, r.For):
		return invalid("for", "for: %q is none of ready, completed, stopped", clip(r.For))
	case len(r.Targets) == 0:
		return invalid("targets", "targets: what is to be waited for?")
	}
	for {
		s := c.server.supervisor.Snapshot()
		targets, err := s.targets(r.Targets)
		if err != nil {
			return err
		}
		rows := s.selected(targets)
		left := slices.DeleteFunc(slices.Clone(rows), func(w Worker) bool { return w.is(r.For) || w.Beside && r.For != "stopped" })
		if len(left) == 0 {
			return replyList(c, "workers", false, slices.Values(rows))
		}
		if i := slices.IndexFunc(left, func(w Worker) bool { return w.never(r.For) }); i >= 0 {
			why := string(left[i].State)
			if left[i].InVain && left[i].Message != "" {
				why += " " + left[i].Message
			}
			return Errorf(Failure, "%s will not be %s: it is %s", left[i].Name(), r.For, why)
		}
		select {
		case <-s.Changed:
		case <-ctx.Done():
			if c.ctx.Err() != nil {
				return c.ctx.Err()
			}
			return Errorf(TimedOut, "%s is still %s, not %s", left[0].Name(), left[0].State, r.For)
		}
	}
}

// is says whether a worker is what was waited for.
func (w *Worker) is(what string) bool {
	switch what {
	case "ready":
		return w.Ready
	case "completed":
		return w.State == Completed
	}
	return w.PID == nil && (w.State == Stopped || w.State == Completed || w.State == Failed)
}

// never says that it will not become that by itself. A job is ready now and then, and never completed: between its runs
// there is nothing to wait for. What is to be stopped is always waited for: somebody stops it.
func (w *Worker) never(what string) bool {
	switch w.State {
	case Failed, Stopped, Scheduled:
		return what != "stopped"
	case Waiting:
		return what != "stopped" && w.InVain
	case Completed:
		return what == "ready"
	}
	return false
}
