package ctl

import "github.com/spf13/cobra"

func pauseVerb(s *session) *cobra.Command {
	return orderVerb(s, "pause", "Pause", "suspend every process of what runs, until resume")
}
