package ctl

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"goinit/control"
)

func configVerb(s *session) *cobra.Command {
	var show bool
	verb := &cobra.Command{
		Use:   "config",
		Short: "the spec that is applied, with its defaults",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.one("config")
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, cancel := s.context(c.Context())
			defer cancel()
			var r struct{ Spec json.RawMessage } // printed as it comes
			if err := client.Call(ctx, "Config", control.ConfigRequest{ShowEnvironment: show}, &r); err != nil {
				return err
			}
			if s.output != "json" {
				s.output = "yaml" // a table of it would say nothing
			}
			return s.value("yaml", r.Spec, nil)
		},
	}
	verb.Flags().BoolVar(&show, "show-environment", false, "with the environment's values; never a secret's")
	return verb
}
