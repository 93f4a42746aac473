package control

import "strings"

// ExecRequest runs a program beside a worker. Its standard descriptors, three of them, come with the request as
// SCM_RIGHTS (unix(7)), on its first byte; nothing else is sent before the answer. With terminal the first is the slave
// of a pseudo-terminal that the client has made and keeps the other side of: sizes and keys are between the two. When the
// client leaves, the program is ended.
type ExecRequest struct {
	Target      string   `json:"target"` // an app stands for its first worker
	Args        []string `json:"args"`
	Environment []string `json:"environment,omitempty"` // NAME=VALUE, on top of the worker's
	Terminal    bool     `json:"terminal,omitempty"`
}

// ExecReply comes when the program has ended.
type ExecReply struct {
	Exit Exit `json:"exit"`
}

func execute(c *call, r ExecRequest) (ExecReply, error) {
	const most = 64 // variables, such as TERM and the size of the window
	switch {
	case len(c.files) != maxFiles:
		return ExecReply{}, invalid("", "%d descriptors came with the request, not the program's %d", len(c.files), maxFiles)
	case len(r.Args) == 0 || r.Args[0] == "":
		return ExecReply{}, invalid("args", "args: no program is given")
	case len(r.Environment) > most:
		return ExecReply{}, invalid("environment", "environment: more than %d variables", most)
	}
	for _, s := range r.Args {
		if strings.ContainsRune(s, 0) {
			return ExecReply{}, invalid("args", "args: there is a NUL in one")
		}
	}
	for _, s := range r.Environment {
		if strings.ContainsRune(s, 0) || strings.IndexByte(s, '=') < 1 {
			return ExecReply{}, invalid("environment", "environment: %q is not NAME=VALUE", clip(s))
		}
	}
	s := c.server.supervisor.Snapshot()
	targets, err := s.subjects([]string{r.Target})
	if err != nil {
		return ExecReply{}, err
	}
	if len(targets) != 1 {
		return ExecReply{}, noTarget(r.Target, "%q is more than one app", clip(r.Target))
	}
	t := targets[0]
	if t.Slot == WholeApp {
		t.Slot = 0
	}
	exit, err := c.server.supervisor.Exec(c.ctx, Exec{
		Target: t, Args: r.Args, Environment: r.Environment, Terminal: r.Terminal, Files: [3]int(c.files),
	})
	return ExecReply{exit}, err
}
