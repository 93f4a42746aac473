package ctl

import (
	"fmt"

	"github.com/spf13/cobra"

	"goinit/control"
)

func saveVerb(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "save",
		Short: "keep the apps that commands have added for the next start",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.one("save")
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, cancel := s.context(c.Context())
			defer cancel()
			var r control.SaveReply
			if err := client.Call(ctx, "Save", nil, &r); err != nil {
				return err
			}
			return s.value("table", r, func(bool) error {
				if r.Path == "" {
					return s.print("nothing to save: no app was added by a command, and those of the spec are as it says\n")
				}
				return s.print(fmt.Sprintf("saved in %s\n", r.Path))
			})
		},
	}
}
