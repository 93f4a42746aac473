package ctl

import (
	"errors"

	"github.com/spf13/cobra"

	"goinit/spec/reference"
)

func initVerb(s *session) *cobra.Command {
	var minimal, systemd bool
	var file string
	verb := &cobra.Command{
		Use:   "init [--minimal | --systemd [-f FILE]]",
		Short: "print a spec with every key and its default, or a first one of four lines; or a unit for systemd",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text := reference.Full()
			switch {
			case minimal && systemd:
				return errors.New("init: --minimal is a spec, --systemd a unit: one of them")
			case file != "" && !systemd:
				return errors.New("init: -f is the spec of a unit: with --systemd")
			case systemd:
				var err error
				if text, err = s.unit(file); err != nil {
					return err
				}
			case minimal:
				text = reference.Minimal()
			}
			_, err := c.OutOrStdout().Write([]byte(text))
			return err
		},
	}
	verb.Flags().BoolVar(&minimal, "minimal", false, "four lines, to begin with")
	verb.Flags().BoolVar(&systemd, "systemd", false, "a user unit of systemd that runs goinit in this directory")
	verb.Flags().StringVarP(&file, "file", "f", "", "the spec that the unit runs (default: what goinit run finds)")
	return verb
}
