package ctl

import "github.com/spf13/cobra"

func startVerb(s *session) *cobra.Command {
	return orderVerb(s, "start", "Start", "start what is stopped, failed or completed")
}
