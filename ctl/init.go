package ctl

import (
	"github.com/spf13/cobra"

	"goinit/spec/reference"
)

func initVerb() *cobra.Command {
	var minimal bool
	verb := &cobra.Command{
		Use:   "init [--minimal]",
		Short: "print a spec with every key and its default, or a first one of four lines",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text := reference.Full()
			if minimal {
				text = reference.Minimal()
			}
			_, err := c.OutOrStdout().Write([]byte(text))
			return err
		},
	}
	verb.Flags().BoolVar(&minimal, "minimal", false, "four lines, to begin with")
	return verb
}
