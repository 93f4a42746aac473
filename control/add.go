package control

import "encoding/json"

// AddRequest adds an app.
type AddRequest struct {
	App            json.RawMessage `json:"app"` // compiled: an entry of a compiled spec's apps
	NoWait         bool            `json:"no_wait,omitempty"`
	TimeoutSeconds float64         `json:"timeout_seconds,omitempty"`
}

func add(c *call, r AddRequest) (OrderReply, error) {
	if len(r.App) == 0 {
		return OrderReply{}, invalid("app", "app: none is given")
	}
	result, err := c.do(r.TimeoutSeconds, Add{App: r.App, NoWait: r.NoWait})
	return result.order(), err
}
