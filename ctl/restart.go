package ctl

import "github.com/spf13/cobra"

func restartVerb(s *session) *cobra.Command {
	return orderVerb(s, "restart", "Restart", "stop and start")
}
