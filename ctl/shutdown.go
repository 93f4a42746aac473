package ctl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"goinit/control"
)

func shutdownVerb(s *session) *cobra.Command {
	var status int
	var reason string
	verb := &cobra.Command{
		Use:   "shutdown",
		Short: "stop everything in order, and goinit itself",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in := control.ShutdownRequest{Reason: reason}
			if c.Flags().Changed("status") {
				in.Status = &status
			}
			found, err := s.instances()
			if err != nil {
				return err
			}
			for _, i := range found {
				if e := s.shutDown(c.Context(), i, in); err == nil {
					err = e
				}
			}
			return err
		},
	}
	verb.Flags().IntVar(&status, "status", 0, "goinit's exit status (default: the main app's, else 0)")
	verb.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return verb
}

// shutDown asks for it and waits for the connection to end, as it does with goinit.
func (s *session) shutDown(ctx context.Context, i control.Instance, in control.ShutdownRequest) error {
	client, err := dial(i)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := s.patience(ctx)
	defer cancel()
	err = client.Call(ctx, "Shutdown", in, nil)
	if errors.Is(err, control.ErrGone) && !answers(i) {
		return nil // everything had ended before the answer was sent
	}
	if err != nil || s.noWait {
		return err
	}
	err = client.Gone(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return exit{exitTimedOut, fmt.Errorf("goinit is still stopping after %s", s.timeout)}
	}
	return err
}

// answers tells a goinit that has gone from one that has only dropped us.
func answers(i control.Instance) bool {
	client, err := dial(i)
	if err == nil {
		client.Close()
	}
	var e exit
	return !errors.As(err, &e) || e.status != exitNoAnswer
}
