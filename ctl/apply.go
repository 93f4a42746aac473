package ctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
)

func applyVerb(s *session) *cobra.Command {
	var file string
	var dry bool
	verb := &cobra.Command{
		Use:   "apply [-f FILE] [--dry-run]",
		Short: "make the apps what the spec says now; what has not changed is not touched",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in := control.ApplyRequest{DryRun: dry, NoWait: s.noWait, TimeoutSeconds: s.seconds()}
			if file != "" {
				compiled, err := s.compile(file)
				if err != nil {
					return exit{exitFailed, err}
				}
				in.Spec = json.RawMessage(compiled)
			}
			client, err := s.one("apply")
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, cancel := s.patience(c.Context())
			defer cancel()
			var r control.ApplyReply
			far := s.watchOrder(ctx, "Apply", in)
			err = client.Call(ctx, "Apply", in, &r)
			far.end(err != nil)
			if err != nil {
				return err
			}
			return list(s, "table", r.Changes, func(bool) error { return s.changes(r.Changes, dry) })
		},
	}
	verb.Flags().StringVarP(&file, "file", "f", "", "another spec than the one that goinit has read")
	verb.Flags().BoolVar(&dry, "dry-run", false, "only say what would change")
	return verb
}

func (s *session) changes(changes []control.Change, dry bool) error {
	t := &table{width: s.width}
	for _, c := range changes {
		if c.Action != "none" {
			t.add(c.App, c.Action, strings.Join(c.Keys, ", "), c.Message)
		}
	}
	if len(t.rows) == 0 {
		return s.print("nothing has changed\n")
	}
	if err := t.print(s.stdout); err != nil {
		return err
	}
	if dry {
		return s.print("(nothing was done: --dry-run)\n")
	}
	return nil
}

// compileFile has goinitctl compile do the reading, in a process of its own.
func compileFile(path string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot compile %s: %w", path, err)
	}
	out, err := exec.Command(self, "compile", "-f", path).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, errors.New(strings.TrimPrefix(strings.TrimSpace(string(failed.Stderr)), "goinit ctl: "))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot compile %s: %w", path, err)
	}
	return out, nil
}
