package ctl

import "github.com/spf13/cobra"

func resumeVerb(s *session) *cobra.Command {
	return orderVerb(s, "resume", "Resume", "let go on what pause has suspended")
}
