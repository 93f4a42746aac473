package ctl

import (
	"fmt"

	"github.com/spf13/cobra"

	"goinit/spec/compile"
)

func checkVerb() *cobra.Command {
	var file string
	verb := &cobra.Command{
		Use:   "check [-f FILE]",
		Short: "tell every mistake in a spec, with its place and what to write instead",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := findSpec(file)
			if err != nil {
				return failure{err}
			}
			compiled, problems := compile.Compile(path, compile.OS{})
			if problems != nil {
				return failure{specMistakes{problems}}
			}
			for _, note := range zonesMissing(compiled) {
				if _, err := fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", path, note); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: no mistakes\n", path)
			return err
		},
	}
	verb.Flags().StringVarP(&file, "file", "f", "", "the spec (default: $GOINIT_SPEC, ./goinit.yaml, ./Procfile, /etc/goinit/goinit.yaml)")
	return verb
}

// specMistakes are told as they are: each line has its file already.
type specMistakes struct{ compile.Problems }
