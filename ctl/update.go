package ctl

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"goinit/control"
	"goinit/spec"
)

// limitFlags are the limits that update changes, by their flags; the keys of a spec have _ for -.
var limitFlags = []struct{ flag, use string }{
	{"memory", "memory.max: 300MiB"}, {"memory-high", "where the kernel begins to slow it down: 250MiB"}, {"memory-low", "what is left to it when memory is short: 64MiB"},
	{"swap", "beside memory: 0MiB"}, {"cpus", "how many: 0.5"}, {"cpu-weight", "beside others: 1 to 10000"}, {"cpuset", "which: 0-3"}, {"pids", "how many tasks: 100"},
}

func updateVerb(s *session) *cobra.Command {
	var total bool
	verb := &cobra.Command{
		Use:   "update APP --memory SIZE ...",
		Short: "change the limits of an app while it runs; none is no limit",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("update APP --memory 300MiB, say; without a limit: --memory none")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			in := control.UpdateRequest{App: args[0], Total: total, TimeoutSeconds: s.seconds()}
			var err error
			if in.Limits, err = limitsOf(c.Flags()); err != nil {
				return err
			}
			return s.order(c, "Update", in)
		},
	}
	for _, l := range limitFlags {
		verb.Flags().String(l.flag, "", l.use)
	}
	verb.Flags().BoolVar(&total, "total", false, "of all its workers together, not of each")
	return s.completeTargets(verb)
}

// limitsOf are the flags that were given, checked as a spec's keys are.
func limitsOf(flags *pflag.FlagSet) (all []control.Limit, err error) {
	var trial spec.Limits
	for _, l := range limitFlags {
		f := flags.Lookup(l.flag)
		if !f.Changed {
			continue
		}
		value := f.Value.String()
		limit := control.Limit{Name: strings.ReplaceAll(l.flag, "-", "_"), Value: &value}
		if value == "none" {
			limit.Value = nil
		}
		if err := trial.Set(limit.Name, limit.Value); err != nil {
			text := strings.Replace(err.Error(), limit.Name, l.flag, 1)
			return nil, fmt.Errorf("--%s", strings.Replace(text, "leave the key out for no limit", "without a limit: none", 1))
		}
		all = append(all, limit)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("update what? --memory 300MiB, --cpus 0.5, --pids 100; without a limit: --memory none")
	}
	return all, nil
}

// describeLimits are limits in a line, for describe.
func describeLimits(key, whose string, l *spec.Limits, add func(key, value string)) {
	var all []string
	say := func(set bool, name string, value any) {
		if set {
			all = append(all, fmt.Sprintf("%s %v", name, value))
		}
	}
	say(l.Memory > 0, "memory", l.Memory)
	say(l.MemoryHigh > 0, "memory_high", l.MemoryHigh)
	say(l.MemoryLow > 0, "memory_low", l.MemoryLow)
	if l.Swap != nil {
		say(true, "swap", *l.Swap)
	}
	say(l.CPUs > 0, "cpus", l.CPUs)
	say(l.CPUWeight > 0, "cpu_weight", l.CPUWeight)
	say(l.CPUSet != "", "cpuset", l.CPUSet)
	say(l.Pids > 0, "pids", l.Pids)
	say(l.IO.Weight > 0 || len(l.IO.Limits) > 0, "io", "…")
	say(len(l.HugeTLB) > 0, "hugetlb", "…")
	say(l.OCI != nil, "oci", "…")
	if len(all) > 0 {
		add(key, whose+strings.Join(all, ", "))
	}
}
