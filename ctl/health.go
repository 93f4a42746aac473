package ctl

import (
	"errors"

	"github.com/spf13/cobra"

	"goinit/control"
)

// healthVerb is for probes: its status is 0 or 1, whatever went wrong.
func healthVerb(s *session) *cobra.Command {
	var live, ready bool
	verb := &cobra.Command{
		Use:   "health [--live|--ready] [TARGET...]",
		Short: "are the apps well? exit status 0 or 1, for probes",
		RunE: func(c *cobra.Command, args []string) error {
			in := control.HealthRequest{Check: "ready", Targets: args}
			switch {
			case live && ready:
				return exit{exitFailed, errors.New("--live or --ready, not both")}
			case live:
				in.Check = "live"
			}
			ctx, cancel := s.context(c.Context())
			defer cancel()
			answers, err := ask[control.HealthReply](ctx, s, "Health", in)
			if err != nil {
				return exit{exitFailed, err}
			}
			reply := control.HealthReply{Healthy: true, Apps: []control.AppHealth{}}
			for _, a := range answers {
				reply.Healthy = reply.Healthy && a.value.Healthy
				for _, h := range a.value.Apps {
					if a.instance != "" {
						h.App = a.instance + ":" + h.App
					}
					reply.Apps = append(reply.Apps, h)
				}
			}
			if err := s.value("table", reply, func(bool) error { return s.health(reply) }); err != nil {
				return exit{exitFailed, err}
			}
			if !reply.Healthy {
				return exit{status: exitFailed}
			}
			return nil
		},
	}
	verb.Flags().BoolVar(&live, "live", false, "none has given up: for a liveness probe")
	verb.Flags().BoolVar(&ready, "ready", false, "all can do their work: for a readiness probe (default)")
	return s.completeTargets(verb)
}

func (s *session) health(r control.HealthReply) error {
	t := s.table(false)
	t.rows = nil
	for _, h := range r.Apps {
		verdict := "ok"
		if !h.Healthy {
			verdict = "NOT OK"
		}
		t.add(h.App, verdict, h.Reason)
	}
	return t.print(s.stdout)
}
