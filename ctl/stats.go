package ctl

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
)

func statsVerb(s *session) *cobra.Command {
	var watch bool
	var interval time.Duration
	verb := &cobra.Command{
		Use:   "stats [TARGET...]",
		Short: "what workers and apps use: CPU, memory, tasks",
		RunE: func(c *cobra.Command, args []string) error {
			if interval < time.Second || interval > time.Hour {
				return fmt.Errorf("--interval %v: it is from 1s to 1h", interval)
			}
			if watch {
				return s.watchStats(c, control.StatsRequest{Targets: args, IntervalSeconds: interval.Seconds()})
			}
			if c.Flags().Changed("interval") {
				return fmt.Errorf("--interval is for --watch")
			}
			return s.stats(c.Context(), control.StatsRequest{Targets: args})
		},
	}
	verb.Flags().BoolVarP(&watch, "watch", "w", false, "again and again")
	verb.Flags().DurationVar(&interval, "interval", 2*time.Second, "with --watch: how often, 1s at most")
	return s.completeTargets(verb)
}

// stats prints what was used so far. People want to know of a share of a CPU as well: two readings make one.
func (s *session) stats(ctx context.Context, in control.StatsRequest) error {
	format, err := s.format("table")
	if err != nil {
		return err
	}
	all, err := s.askStats(ctx, in)
	if err != nil && len(all) == 0 {
		return err
	}
	var before []control.Stats
	if human := format == "table" || format == "wide"; human {
		select {
		case <-time.After(s.sample):
		case <-ctx.Done():
			return ctx.Err()
		}
		before = all
		if all, err = s.askStats(ctx, in); err != nil && len(all) == 0 {
			return err
		}
	}
	return cmp.Or(list(s, "table", all, func(wide bool) error { return s.used(before, all, wide, s.stdout) }), err)
}

func (s *session) askStats(ctx context.Context, in control.StatsRequest) (all []control.Stats, err error) {
	ctx, cancel := s.context(ctx)
	defer cancel()
	answers, err := ask[control.StatsReply](ctx, s, "Stats", in)
	for _, a := range answers {
		for _, st := range a.value.Stats {
			st.Instance = a.instance
			all = append(all, st)
		}
	}
	return all, err
}

// watchStats redraws on a terminal; elsewhere it prints one table after the other, or one array a line.
func (s *session) watchStats(c *cobra.Command, in control.StatsRequest) error {
	if s.all {
		return fmt.Errorf("--watch is for one goinit: not with -A")
	}
	format, err := s.format("table")
	if err != nil {
		return err
	}
	next := s.screen()
	var before []control.Stats
	return follow(c.Context(), s, true, "Stats", in, func(_ string, r control.StatsReply) error {
		if format == "json" || format == "yaml" {
			return s.object(r.Stats)
		}
		if err := next(); err != nil {
			return err
		}
		err := s.used(before, r.Stats, format == "wide", s.stdout)
		before = r.Stats
		return err
	})
}

// used is the table of stats. An app's own row is left out where it would repeat that of its only worker.
func (s *session) used(before, all []control.Stats, wide bool, to io.Writer) error {
	header := []string{"WORKER", "CPU", "TIME", "MEMORY", "LIMIT", "PEAK", "TASKS", "OOM"}
	if s.all {
		header = append([]string{"INSTANCE"}, header...)
	}
	if wide {
		header = append(header, "USER", "SYSTEM", "THROTTLED", "ANON", "FILE", "KERNEL", "SWAP", "READ", "WRITTEN", "STALL", "CGROUP")
	}
	t := s.table(wide, header...)
	proc := false
	for i := range all {
		st := &all[i]
		proc = proc || st.Source == "proc"
		if st.Worker == nil && workersOf(all, st) == 1 {
			continue
		}
		tasks := optional(st.Pids, decimal)
		if st.PidsLimit != nil {
			tasks += "/" + decimal(*st.PidsLimit)
		}
		row := []string{st.Name(), shareOf(before, st), optional(st.CPUSeconds, human.CPUTime), optional(st.MemoryBytes, human.Bytes),
			optional(st.MemoryLimitBytes, human.Bytes), optional(st.MemoryPeakBytes, human.Bytes), tasks, optional(st.OOMKills, decimal)}
		if s.all {
			row = append([]string{st.Instance}, row...)
		}
		if wide {
			row = append(row, optional(st.CPUUserSeconds, human.CPUTime), optional(st.CPUSystemSeconds, human.CPUTime), optional(st.CPUThrottledSeconds, human.CPUTime),
				optional(st.MemoryAnonBytes, human.Bytes), optional(st.MemoryFileBytes, human.Bytes), optional(st.MemoryKernelBytes, human.Bytes), optional(st.MemorySwapBytes, human.Bytes),
				optional(st.IOReadBytes, human.Bytes), optional(st.IOWrittenBytes, human.Bytes),
				optional(st.MemoryPressure, func(p control.Pressure) string { return fmt.Sprintf("%.1f%%", p.SomePercent) }), human.Printable(st.Cgroup))
		}
		t.add(row...)
	}
	if err := t.print(to); err != nil || !proc {
		return err
	}
	_, err := fmt.Fprintln(to, "(from /proc: no cgroups here; memory that processes share is counted in each)")
	return err
}

// workersOf counts the rows of workers that belong to an app's row.
func workersOf(all []control.Stats, of *control.Stats) (n int) {
	for i := range all {
		if all[i].Worker != nil && all[i].App == of.App && all[i].Instance == of.Instance {
			n++
		}
	}
	return n
}

// shareOf is how much of one CPU somebody has had since the reading before.
func shareOf(before []control.Stats, st *control.Stats) string {
	i := slices.IndexFunc(before, func(b control.Stats) bool {
		return b.Instance == st.Instance && b.Name() == st.Name() && same(b.PID, st.PID)
	})
	if i < 0 || st.CPUSeconds == nil || before[i].CPUSeconds == nil {
		return "-"
	}
	passed := st.At.Sub(before[i].At).Seconds()
	if passed <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", max(0, 100*(*st.CPUSeconds-*before[i].CPUSeconds)/passed))
}

func same(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// describeUse is what a worker, or with a nil slot the app, uses, for describe.
func describeUse(all []control.Stats, slot *int, indent string, add func(key, value string)) {
	i := slices.IndexFunc(all, func(st control.Stats) bool { return same(st.Slot, slot) })
	if i < 0 || all[i].Source == "" {
		return
	}
	st := &all[i]
	memory := optional(st.MemoryBytes, human.Bytes)
	if st.MemoryLimitBytes != nil {
		memory += " of " + human.Bytes(*st.MemoryLimitBytes)
	}
	if st.MemoryPeakBytes != nil {
		memory += ", at most " + human.Bytes(*st.MemoryPeakBytes)
	}
	cpu := optional(st.CPUSeconds, human.CPUTime)
	if st.CPUThrottledSeconds != nil && *st.CPUThrottledSeconds > 0 {
		cpu += ", kept waiting by its limit for " + human.CPUTime(*st.CPUThrottledSeconds)
	}
	tasks := optional(st.Pids, decimal)
	if st.PidsLimit != nil {
		tasks += " of " + decimal(*st.PidsLimit)
	}
	if st.Source == "proc" {
		memory += " (from /proc)"
	}
	add(indent+"cpu", cpu)
	add(indent+"memory", memory)
	add(indent+"tasks", tasks)
	if st.OOMKills != nil && *st.OOMKills > 0 {
		add(indent+"oom kills", decimal(*st.OOMKills))
	}
	add(indent+"cgroup", strings.TrimSpace(st.Cgroup))
}
