package ctl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"goinit/health"
)

// probeVerb asks for a page once. PID 1 has it ask for https, which is no part of it; by hand it shows what goinit would
// find. The certificate is not verified, as a kubelet's probe does not: what is asked is whether a program on this machine
// answers, not who it is.
func probeVerb() *cobra.Command {
	var timeout time.Duration
	verb := &cobra.Command{
		Use: "probe URL", Short: "ask for a page as a probe does; exit status 0 or 1", Hidden: true,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			page, err := health.NewPage(args[0])
			if err != nil {
				return err
			}
			if f := askFor(c.Context(), page, timeout); f != nil {
				fmt.Fprintln(c.OutOrStdout(), strings.TrimPrefix(f.Why, "GET "+args[0]+": "))
				if f.Output != "" {
					fmt.Fprintln(c.OutOrStdout(), f.Output)
				}
				return exit{exitFailed, nil}
			}
			return nil
		},
	}
	verb.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "of all of it")
	return verb
}

func askFor(ctx context.Context, page *health.Page, timeout time.Duration) *health.Failure {
	deadline := time.Now().Add(timeout)
	d := net.Dialer{Deadline: deadline}
	var c net.Conn
	var err error
	for _, address := range page.Addresses() {
		if c, err = d.DialContext(ctx, "tcp", address); err == nil || !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	if err != nil {
		return &health.Failure{Why: inFewWords(err, "no connection", timeout)}
	}
	defer c.Close()
	_ = c.SetDeadline(deadline)
	var rw io.ReadWriter = c
	if page.TLS {
		t := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		if err := t.HandshakeContext(ctx); err != nil {
			return &health.Failure{Why: inFewWords(err, "no TLS handshake", timeout)}
		}
		rw = t
	}
	return page.Ask(rw, timeout)
}

func inFewWords(err error, what string, limit time.Duration) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("%s within %v", what, limit)
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}
