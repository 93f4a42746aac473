package control

import "goinit/spec"

// ConfigRequest asks for the spec that is applied.
type ConfigRequest struct {
	ShowEnvironment bool `json:"show_environment,omitempty"` // for those who may write
}

// ConfigReply is that spec, with defaults, and with what was added by commands.
type ConfigReply struct {
	Spec *spec.Spec `json:"spec"`
}

func config(c *call, r ConfigRequest) (ConfigReply, error) {
	if r.ShowEnvironment && c.client.peer.access != write {
		return ConfigReply{}, Errorf(NotAllowed, "the environment's values are shown to root and goinit's own user")
	}
	s := c.server.supervisor.Snapshot().Spec
	if s == nil {
		return ConfigReply{}, Errorf(NotAvailable, "there is no spec yet")
	}
	shown := *s
	shown.Apps = make([]spec.App, len(s.Apps))
	for i := range s.Apps {
		shown.Apps[i] = *concealed(&s.Apps[i], r.ShowEnvironment)
	}
	return ConfigReply{&shown}, nil
}
