package ctl

import (
	"fmt"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/signame"
)

func signalVerb(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "signal SIG TARGET...",
		Short: "send a signal to the workers' main processes",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("signal SIG TARGET...: HUP web, say")
			}
			if _, ok := signame.Parse(args[0]); !ok {
				return fmt.Errorf("there is no signal %q", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return s.order(c, "Signal", control.SignalRequest{
				OrderRequest: control.OrderRequest{Targets: args[1:], NoWait: s.noWait, TimeoutSeconds: s.seconds()}, Signal: args[0],
			})
		},
	}
}
