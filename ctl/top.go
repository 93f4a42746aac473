package ctl

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goinit/ctl/top"
)

// statusHangup is what a shell says of a program that has died of SIGHUP.
const statusHangup = 128 + 1

func topVerb(s *session) *cobra.Command {
	var interval time.Duration
	verb := &cobra.Command{
		Use:   "top [TARGET...]",
		Short: "a view of all workers that fills the terminal: use, logs, events, and keys to act",
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.mayFillTerminal(interval); err != nil {
				return err
			}
			if _, err := s.instances(); err != nil {
				return err
			}
			g := &watched{session: s, targets: args}
			defer g.close()
			err := top.Run(c.Context(), g, top.Options{Interval: interval, Unicode: s.unicode(), Input: s.stdin, Output: s.stdout})
			switch {
			case errors.Is(err, top.ErrHangup):
				return exit{status: statusHangup}
			case errors.Is(err, top.ErrView):
				return failed("%w", err)
			}
			return err
		},
	}
	verb.Flags().DurationVar(&interval, "interval", 2*time.Second, "from one reading to the next, 1s at least")
	return s.completeTargets(verb)
}

// mayFillTerminal says what to take instead where there is nothing to be filled.
func (s *session) mayFillTerminal(interval time.Duration) error {
	const instead = "\n  a table again and again: goinit ctl ps --watch, or stats --watch      for programs: stats --watch -o json"
	switch {
	case s.all:
		return errors.New("top is for one goinit: not with -A")
	case s.output != "":
		return exit{exitUsage, errors.New("top is for people: not with -o" + instead)}
	case interval < time.Second || interval > time.Hour:
		return fmt.Errorf("--interval %v: it is from 1s to 1h", interval)
	case !s.terminal || !isTerminal(s.files[0]):
		return exit{exitUsage, errors.New("top wants a terminal to read keys from and to draw on (docker exec -it, kubectl exec -it)" + instead)}
	case s.getenv("TERM") == "dumb":
		return exit{exitUsage, errors.New("top cannot draw on this terminal: TERM is dumb" + instead)}
	}
	return nil
}

// unicode says whether the terminal shows more than ASCII, as the locale has it (locale(7)).
func (s *session) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := s.getenv(name); v != "" {
			v = strings.ToUpper(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "UTF8")
		}
	}
	return false
}
