package control

import "goinit/signame"

// SignalRequest sends a signal to main processes.
type SignalRequest struct {
	OrderRequest
	Signal string `json:"signal"` // TERM, SIGTERM, 15, RTMIN+3
}

func signal(c *call, r SignalRequest) (OrderReply, error) {
	n, ok := signame.Parse(r.Signal)
	if !ok {
		return OrderReply{}, invalid("signal", "signal: there is no signal %q", clip(r.Signal))
	}
	return order(c, r.OrderRequest, func(o Order) Command { return Signal{o, int(n)} })
}
