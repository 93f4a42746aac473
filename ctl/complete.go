package ctl

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"goinit/control"
)

// completeTargets lets a shell complete apps and workers. It asks goinit, shortly: somebody waits with a finger on a key.
func (s *session) completeTargets(verb *cobra.Command) *cobra.Command {
	verb.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		answers, _ := ask[control.PsReply](ctx, s, "Ps", nil)
		var names []string
		seen := make(map[string]bool)
		for _, a := range answers {
			for _, w := range a.value.Workers {
				for _, n := range []string{w.App, w.Name()} {
					if !seen[n] {
						seen[n] = true
						names = append(names, n)
					}
				}
			}
		}
		return append(names, "all"), cobra.ShellCompDirectiveNoFileComp
	}
	return verb
}
