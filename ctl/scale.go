package ctl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
)

func scaleVerb(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "scale APP N|+N|-N",
		Short: "set how many workers an app has",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil {
				return fmt.Errorf("scale %s %s: it is a number of workers, or how many more (+1) or fewer (-1)", args[0], args[1])
			}
			return s.order(c, "Scale", control.ScaleRequest{
				App: args[0], Workers: n, Relative: strings.ContainsAny(args[1], "+-"), NoWait: s.noWait, TimeoutSeconds: s.seconds(),
			})
		},
	}
}
