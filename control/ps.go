package control

import "time"

// PsRequest asks for workers; with more, again whenever one has changed.
type PsRequest struct {
	Targets []string `json:"targets,omitempty"` // none: all
}

// PsReply is a row a worker.
type PsReply struct {
	Workers []Worker `json:"workers"`
}

// ps lists. A watcher gets at most four lists a second.
func ps(c *call, r PsRequest) error {
	const interval = 250 * time.Millisecond
	for {
		s := c.server.supervisor.Snapshot()
		targets, err := s.targets(r.Targets)
		if err != nil {
			return err
		}
		if err := replyList(c, "workers", c.req.More, c.measured(s, s.rows(targets))); err != nil || !c.req.More {
			return err
		}
		select {
		case <-s.Changed:
		case <-c.ctx.Done():
			return nil
		}
		select {
		case <-time.After(interval):
		case <-c.ctx.Done():
			return nil
		}
	}
}
