package ctl

import "github.com/spf13/cobra"

func reloadVerb(s *session) *cobra.Command {
	return orderVerb(s, "reload", "Reload", "replace workers one after another, each when its successor is ready")
}
