package ctl

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goinit/control"
)

func waitVerb(s *session) *cobra.Command {
	var what string
	verb := &cobra.Command{
		Use:   "wait TARGET...",
		Short: "wait until workers are ready, completed or stopped",
		Args:  targetsWanted,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := s.patience(c.Context())
			defer cancel()
			answers, err := ask[control.PsReply](ctx, s, "Wait", control.WaitRequest{Targets: args, For: what, TimeoutSeconds: s.seconds()})
			if told := (*control.Error)(nil); errors.As(err, &told) && told.Name == control.TimedOut {
				told.Remedy = "wait longer: --timeout 5m" // not to wait would be to do nothing
			}
			if err != nil {
				return err
			}
			var workers []control.Worker
			for _, a := range answers {
				for _, w := range a.value.Workers {
					w.Instance = a.instance
					workers = append(workers, w)
				}
			}
			return list(s, "table", workers, func(bool) error {
				for _, w := range workers {
					if err := s.print(fmt.Sprintf("%s %s\n", w.Name(), w.State)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	verb.Flags().StringVar(&what, "for", "ready", "ready, completed or stopped")
	return s.completeTargets(verb)
}
