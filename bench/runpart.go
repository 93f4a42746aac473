package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// runPlan is how much is measured of run mode.
type runPlan struct {
	apps          []int // numbers of apps
	lives         int   // rounds of start, memory and stop
	settleSeconds float64
	restApps      int
	idleSeconds   int
	statuses      int
	kills         int // below restApps: each app once
	probedApps    int
	probeSeconds  int
	groups        int // workers with a cgroup each
	groupReadings int
}

func newRunPlan(quick bool) runPlan {
	if quick {
		return runPlan{apps: []int{1, 10, 100}, lives: 1, settleSeconds: 1, restApps: 100, idleSeconds: 4, statuses: 5, kills: 8, probedApps: 200, probeSeconds: 5, groups: 1000, groupReadings: 5}
	}
	return runPlan{apps: []int{1, 10, 100, 500}, lives: 3, settleSeconds: 1, restApps: 100, idleSeconds: 60, statuses: 40, kills: 50, probedApps: 200, probeSeconds: 60, groups: 1000, groupReadings: 50}
}

// base is what ratios refer to: the first of the supervisors.
const base = "goinit"

// reportRun is the part about run mode.
func reportRun(w io.Writer, p runPlan, goinit string, programs *programSet) error {
	dir, err := os.MkdirTemp("", "bench-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	peers, missing := findSupervisors(goinit, dir)
	if len(peers) == 0 || peers[0].name != base {
		return fmt.Errorf("cannot compare: %s", strings.Join(missing, "; "))
	}
	syscall.Sync() // see settleFiles
	fmt.Fprintf(w, "# Run mode: goinit and its peers\n\n%s\n\nEach in a PID namespace of its own, below a PID 1 that is not counted.\n\n", machine())
	t := &table{head: []string{"supervisor", "version"}}
	for _, s := range peers {
		t.add(s.name, s.version)
	}
	t.write(w)
	for _, reason := range missing {
		fmt.Fprintf(w, "Missing: %s\n\n", reason)
	}
	fmt.Fprintf(w, "%s\n\n", departuresNote)
	if err := reportLives(w, p, peers, programs); err != nil {
		return err
	}
	return reportRest(w, p, peers, programs)
}

// value is the median of what was measured, or a dash.
func value(values []float64, decimals int) string {
	if len(values) == 0 {
		return "-"
	}
	return number(median(values), decimals)
}

// times is a's median as a multiple of b's.
func times(a, b []float64) string {
	if len(a) == 0 || len(b) == 0 {
		return "-"
	}
	return ratio(median(a), median(b))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func numbers(ns []int) string {
	words := make([]string, len(ns))
	for i, n := range ns {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, ", ")
}
