package ctl

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// startDaemon starts a goinit where none answers, for an app that is to be added: without a spec, for nobody has asked for
// the apps of one that may lie here. It says so.
func (s *session) startDaemon() error {
	words := []string{"run", "--detach", "--empty"}
	if s.name != "" {
		words = append(words, "-N", s.name)
	}
	if s.socket != "" {
		words = append(words, "--socket", s.socket)
	}
	fmt.Fprintln(s.stderr, "goinit ctl: no goinit answers here, so one is started")
	err := s.goinit(words...)
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) { // it has said why
		return failed("goinit could not be started: status %d\n  in the foreground: goinit run --empty", ended.ExitCode())
	}
	if err != nil {
		return failed("goinit could not be started: %v\n  goinit is two files, side by side", err)
	}
	return nil
}

// runGoinit runs the executable beside this one. What it says is for people, and not the answer of a verb.
func runGoinit(args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(self), "goinit"), args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
