package control

import "context"

// OrderRequest is what start, stop, restart, pause and resume take, and signal and scale in their way.
type OrderRequest struct {
	Targets        []string `json:"targets"`
	NoWait         bool     `json:"no_wait,omitempty"`         // answer when it is accepted
	TimeoutSeconds float64  `json:"timeout_seconds,omitempty"` // of waiting; what was ordered goes on
}

// OrderReply is an outcome a worker.
type OrderReply struct {
	Outcomes []Outcome `json:"outcomes"`
}

// order resolves targets and waits for the outcome.
func order(c *call, r OrderRequest, command func(Order) Command) (OrderReply, error) {
	if len(r.Targets) == 0 {
		return OrderReply{}, invalid("targets", "targets: none is given; all of them is %q", "all")
	}
	targets, err := c.server.supervisor.Snapshot().subjects(r.Targets)
	if err != nil {
		return OrderReply{}, err
	}
	if len(targets) == 0 { // all, of nothing
		return OrderReply{Outcomes: []Outcome{}}, nil
	}
	result, err := c.do(r.TimeoutSeconds, command(Order{Targets: targets, NoWait: r.NoWait}))
	return result.order(), err
}

// do carries a command out within the time its caller has.
func (c *call) do(seconds float64, command Command) (Result, error) {
	ctx, cancel, err := c.within(seconds)
	if err != nil {
		return Result{}, err
	}
	defer cancel()
	result, err := c.server.supervisor.Do(ctx, command)
	if err == context.DeadlineExceeded && c.ctx.Err() == nil {
		e := Errorf(TimedOut, "not done within %gs; what was asked for goes on", seconds)
		e.Outcomes = result.Outcomes
		err = e
	}
	return result, err
}

func (r Result) order() OrderReply {
	if r.Outcomes == nil {
		return OrderReply{Outcomes: []Outcome{}}
	}
	return OrderReply{r.Outcomes}
}
