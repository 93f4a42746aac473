package ctl

import (
	"github.com/spf13/cobra"

	"goinit/control"
)

func rmVerb(s *session) *cobra.Command {
	return s.completeTargets(&cobra.Command{
		Use:   "rm APP",
		Short: "stop an app and forget it",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return s.order(c, "Rm", control.RmRequest{App: args[0], NoWait: s.noWait, TimeoutSeconds: s.seconds()})
		},
	})
}
