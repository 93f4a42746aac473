package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// A primary that hands out connections is one thread, and so what limits a server of many CPUs. The bench's machine may have
// too few for that: there the workers and who asks are the limit. So the primaries are given little of a CPU here.
const (
	primaryQuota  = 1500 * time.Microsecond
	primaryPeriod = 10 * time.Millisecond
)

// reportThrottled asks those who have a primary again, with a connection for each request.
func reportThrottled(w io.Writer, p webPlan, all []*web) {
	fmt.Fprintf(w, "## Requests per second where the primary is the limit\n\nA connection for each request as above, but a primary has no more than %.0f %% of one CPU (%v in each %v), as if there were more CPUs for the workers than it can feed.\n\n",
		100*primaryQuota.Seconds()/primaryPeriod.Seconds(), primaryQuota, primaryPeriod)
	all = slices.DeleteFunc(slices.Clone(all), func(s *web) bool { return s.verb == nil })
	primaries := make([]int, len(all))
	for i, s := range all {
		primaries[i] = s.primary()
	}
	undo, err := throttle(primaries)
	if err != nil {
		fmt.Fprintf(w, "Not here: %v\n\n", err)
		return
	}
	defer undo()
	results := make([]serving, len(all))
	inTurnsBut(w, p.rounds, len(all), func(i int) error {
		return results[i].measure(all[i], aConnectionEach, time.Duration(p.seconds)*time.Second)
	})
	servedTable(all, results).write(w)
}

// throttle moves processes into a control group with primaryQuota; undo moves them back. Only one of them has work at a time,
// so that one group does for all.
func throttle(pids []int) (undo func(), err error) {
	group, err := quotaGroup(primaryQuota, primaryPeriod)
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		if err := group.enter(pid); err != nil {
			group.remove(pids...)
			return nil, err
		}
	}
	return func() { group.remove(pids...) }, nil
}
