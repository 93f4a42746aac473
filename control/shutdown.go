package control

// ShutdownRequest ends goinit in order. The answer comes at once; the connection ends with goinit.
type ShutdownRequest struct {
	Status *int   `json:"status,omitempty"` // goinit's own; absent: by the rules
	Reason string `json:"reason,omitempty"`
}

func shutdown(c *call, r ShutdownRequest) (struct{}, error) {
	const longest = 4096 // the termination log takes no more
	switch {
	case r.Status != nil && (*r.Status < 0 || *r.Status > 255):
		return struct{}{}, invalid("status", "status: %d is not between 0 and 255", *r.Status)
	case len(r.Reason) > longest:
		return struct{}{}, invalid("reason", "reason: longer than %d bytes", longest)
	}
	_, err := c.server.supervisor.Do(c.ctx, Shutdown(r))
	return struct{}{}, err
}
