package ctl

import "github.com/spf13/cobra"

func stopVerb(s *session) *cobra.Command {
	return orderVerb(s, "stop", "Stop", "stop, and leave stopped")
}
