package control

// RmRequest stops an app and forgets it.
type RmRequest struct {
	App            string  `json:"app"`
	NoWait         bool    `json:"no_wait,omitempty"`
	TimeoutSeconds float64 `json:"timeout_seconds,omitempty"`
}

func rm(c *call, r RmRequest) (OrderReply, error) {
	if err := c.knows(r.App); err != nil {
		return OrderReply{}, err
	}
	result, err := c.do(r.TimeoutSeconds, Remove{App: r.App, NoWait: r.NoWait})
	return result.order(), err
}
