package ctl

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func versionVerb(b Build) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version of goinitctl",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "goinitctl version %s (git %s, %s, %s/%s)\n",
				b.Version, b.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
