package control

// InfoReply is goinit itself.
type InfoReply struct {
	Info Info `json:"info"`
}

func info(c *call, _ struct{}) (InfoReply, error) {
	i := c.server.supervisor.Snapshot().Info
	if s := c.server.socket; s != nil {
		i.Instance, i.Socket = s.Name, s.Path
	}
	i.Clients, i.Dropped = c.server.clients.count()
	i.Refused = c.server.refused.Load()
	i.Access = c.client.peer.access.String()
	return InfoReply{i}, nil
}
