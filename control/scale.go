package control

// ScaleRequest sets the number of an app's workers.
type ScaleRequest struct {
	App            string  `json:"app"`
	Workers        int     `json:"workers"`
	Relative       bool    `json:"relative,omitempty"` // workers is added
	NoWait         bool    `json:"no_wait,omitempty"`
	TimeoutSeconds float64 `json:"timeout_seconds,omitempty"`
}

func scale(c *call, r ScaleRequest) (OrderReply, error) {
	const most = 10000 // more than a machine has use for
	if r.Workers > most || r.Workers < -most || !r.Relative && r.Workers < 0 {
		return OrderReply{}, invalid("workers", "workers: %d is not between 0 and %d", r.Workers, most)
	}
	if err := c.knows(r.App); err != nil {
		return OrderReply{}, err
	}
	result, err := c.do(r.TimeoutSeconds, Scale{App: r.App, Workers: r.Workers, Relative: r.Relative, NoWait: r.NoWait})
	return result.order(), err
}

// knows refuses what is not the name of an app.
func (c *call) knows(app string) error {
	s := c.server.supervisor.Snapshot()
	if s.app(app) == nil {
		return noTarget(app, "no app %q; there %s", clip(app), s.names())
	}
	_, err := s.subjects([]string{app})
	return err
}
