package ctl

import (
	"cmp"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
)

func psVerb(s *session) *cobra.Command {
	var watch bool
	verb := &cobra.Command{
		Use:   "ps [TARGET...]",
		Short: "list the workers",
		RunE: func(c *cobra.Command, args []string) error {
			in := control.PsRequest{Targets: args}
			if watch {
				return s.watch(c, in)
			}
			ctx, cancel := s.context(c.Context())
			defer cancel()
			answers, err := ask[control.PsReply](ctx, s, "Ps", in)
			if err != nil && len(answers) == 0 {
				return err
			}
			var workers []control.Worker
			for _, a := range answers {
				for _, w := range a.value.Workers {
					w.Instance = a.instance
					workers = append(workers, w)
				}
			}
			return cmp.Or(list(s, "table", workers, func(wide bool) error { return s.workers(workers, wide, s.stdout) }), err)
		},
	}
	verb.Flags().BoolVarP(&watch, "watch", "w", false, "again whenever something has changed")
	return s.completeTargets(verb)
}

// watch redraws on a terminal, and prints one table after the other, or one array a line, elsewhere.
func (s *session) watch(c *cobra.Command, in control.PsRequest) error {
	if s.all {
		return fmt.Errorf("--watch is for one goinit: not with -A")
	}
	format, err := s.format("table")
	if err != nil {
		return err
	}
	next := s.screen()
	return follow(c.Context(), s, true, "Ps", in, func(_ string, r control.PsReply) error {
		if format == "json" || format == "yaml" {
			return s.object(r.Workers)
		}
		if err := next(); err != nil {
			return err
		}
		return s.workers(r.Workers, format == "wide", s.stdout)
	})
}

// screen is to be called ahead of each table of several: on a terminal it wipes the one before, elsewhere it leaves a line
// between them.
func (s *session) screen() (next func() error) {
	first := true
	return func() error {
		defer func() { first = false }()
		switch {
		case s.terminal:
			return s.print("\x1b[H\x1b[2J")
		case !first:
			return s.print("\n")
		}
		return nil
	}
}

// workers is the table of ps.
func (s *session) workers(workers []control.Worker, wide bool, to io.Writer) error {
	header := []string{"WORKER", "STATE", "READY", "PID", "RESTARTS", "FOR"}
	if s.all {
		header = append([]string{"INSTANCE"}, header...)
	}
	measured := false
	for _, w := range workers {
		measured = measured || w.MemoryBytes != nil
	}
	if measured {
		header = append(header, "MEMORY")
	}
	if wide {
		header = append(header, "PEAK", "OOM", "CPU", "GENERATION", "STARTED")
	}
	t := s.table(wide, append(header, "NOTE")...)
	for _, w := range workers {
		row := []string{w.Name(), string(w.State), yes(w.Ready), number(w.PID), strconv.Itoa(w.Restarts), human.Span(s.now().Sub(w.StateSince))}
		if s.all {
			row = append([]string{w.Instance}, row...)
		}
		if measured {
			row = append(row, optional(w.MemoryBytes, human.Bytes))
		}
		if wide {
			started := "-"
			if w.StartedAt != nil {
				started = w.StartedAt.Format("2006-01-02T15:04:05Z07:00")
			}
			row = append(row, optional(w.MemoryPeakBytes, human.Bytes), optional(w.OOMKills, decimal), optional(w.CPUSeconds, human.CPUTime), strconv.Itoa(w.Generation), started)
		}
		t.add(append(row, human.Note(&w, s.now()))...)
	}
	if s.colors() {
		state := 1
		if s.all {
			state = 2
		}
		t.color = func(row, column int) string {
			if row == 0 || column != state {
				return ""
			}
			return colorOf(workers[row-1].State)
		}
	}
	return t.print(to)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func number(n *int) string { return optional(n, strconv.Itoa) }

func optional[T any](v *T, f func(T) string) string {
	if v == nil {
		return "-"
	}
	return f(*v)
}
