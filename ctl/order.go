package ctl

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
)

// orderVerb is a verb on targets: start, stop, restart, reload.
func orderVerb(s *session, name, method, short string) *cobra.Command {
	return s.completeTargets(&cobra.Command{
		Use:   name + " TARGET...",
		Short: short,
		Args:  targetsWanted,
		RunE: func(c *cobra.Command, args []string) error {
			return s.order(c, method, control.OrderRequest{Targets: args, NoWait: s.noWait, TimeoutSeconds: s.seconds()})
		},
	})
}

func targetsWanted(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s what? an app (web), a worker (web/1), a tag (@frontend), a pid, or all", c.Name())
	}
	return nil
}

// order sends one, shows how far it is, and prints its outcomes. One that failed for a worker fails.
func (s *session) order(c *cobra.Command, method string, in any) error {
	if _, err := s.format("table"); err != nil {
		return err
	}
	ctx, cancel := s.patience(c.Context())
	defer cancel()
	far := s.watchOrder(ctx, method, in)
	answers, err := ask[control.OrderReply](ctx, s, method, in)
	far.end(err != nil)
	if err != nil && len(answers) == 0 {
		return err
	}
	var all []control.Outcome
	for _, a := range answers {
		for _, o := range a.value.Outcomes {
			if a.instance != "" {
				o.Name = a.instance + ":" + o.Name
			}
			all = append(all, o)
		}
	}
	err = cmp.Or(err, list(s, "table", all, func(bool) error {
		t := &table{width: s.width}
		for _, o := range all {
			pid := ""
			if o.PID != nil {
				pid = "pid " + number(o.PID)
			}
			t.add(o.Name, o.Outcome, pid, human.Printable(o.Message))
		}
		return t.print(s.stdout)
	}))
	for _, o := range all {
		if err == nil && o.Outcome == "failed" {
			err = exit{exitFailed, errors.New(o.Name + " failed: " + o.Message)}
		}
	}
	return err
}
