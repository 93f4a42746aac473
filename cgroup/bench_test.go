package cgroup

import (
	"fmt"
	"math"
	"testing"

	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// BenchmarkStat reads everything of a thousand groups: the price of one ctl stats.
func BenchmarkStat(b *testing.B) {
	sight, err := Here(func(string) (string, bool) { return "", false })
	if err != nil || !reaper.NativeFork {
		b.Skip(err)
	}
	sight.Wanted = "/goinit-test-bench"
	p := Look(sight)
	if p.State != Usable {
		b.Skip(p.Why())
	}
	root, err := Open(p)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := root.Close(); err != nil {
			b.Error(err)
		}
	}()
	var groups []*Group
	for i := range 1000 {
		g, err := root.Group(fmt.Sprintf("web/%d.1", i), nil)
		if err != nil {
			b.Fatal(err)
		}
		groups = append(groups, g)
	}
	for _, kind := range []struct {
		name string
		read func(*Group, *Stats) error
	}{{"all", (*Group).Stat}, {"brief", (*Group).Brief}} {
		b.Run(kind.name, func(b *testing.B) {
			var s Stats
			least := int64(math.MaxInt64) // the machine is not ours alone
			for b.Loop() {
				cpu := processTime()
				for _, g := range groups {
					if err := kind.read(g, &s); err != nil {
						b.Fatal(err)
					}
				}
				least = min(least, processTime()-cpu)
			}
			b.ReportMetric(float64(least)/1e6, "least-cpu-ms/1000-groups")
		})
	}
}

// processTime is our CPU time in ns.
func processTime() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return t.Nano()
}
