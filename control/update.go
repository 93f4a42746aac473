package control

// UpdateRequest changes limits of an app that runs.
type UpdateRequest struct {
	App            string  `json:"app"`
	Limits         []Limit `json:"limits"`
	Total          bool    `json:"total,omitempty"` // of all its workers together, not of each
	TimeoutSeconds float64 `json:"timeout_seconds,omitempty"`
}

// Limit is one of a spec's resources: memory, cpus, pids.
type Limit struct {
	Name  string  `json:"name"`
	Value *string `json:"value"` // as a spec has it: 300MiB; null: none
}

// updateLimits leaves the names and values to whoever knows a spec's.
func updateLimits(c *call, r UpdateRequest) (OrderReply, error) {
	const most = 32 // more than there are
	switch {
	case len(r.Limits) == 0:
		return OrderReply{}, invalid("limits", "limits: none is given")
	case len(r.Limits) > most:
		return OrderReply{}, invalid("limits", "limits: more than %d", most)
	}
	if err := c.knows(r.App); err != nil {
		return OrderReply{}, err
	}
	result, err := c.do(r.TimeoutSeconds, Update{App: r.App, Total: r.Total, Limits: r.Limits})
	return result.order(), err
}
