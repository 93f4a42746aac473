package main

import (
	"fmt"
	"io"
	"syscall"
	"time"
)

// reportRest has all supervisors at rest side by side, and then disturbs them in turns: what they do while nothing
// happens, how long they take to say how their apps are, and to start one again that was killed.
func reportRest(w io.Writer, p runPlan, peers []*supervisor, programs *programSet) error {
	var beds []*bed
	defer func() {
		for _, b := range beds {
			b.close()
		}
	}()
	for _, s := range peers {
		b, err := openBed(s, p.restApps, programs)
		if err == nil {
			if _, err = b.allStarted(); err != nil {
				b.close()
			}
		}
		if err != nil {
			fmt.Fprintf(w, "Failed: %v\n\n", err)
			continue
		}
		beds = append(beds, b)
	}
	time.Sleep(3 * time.Second) // start-up work that goes on behind, and what counts an app as started after a second
	if len(beds) == 0 || beds[0].name != base {
		return fmt.Errorf("%s did not come up: there is nothing to compare with", base)
	}
	if err := reportRunIdle(w, p, beds); err != nil {
		return err
	}
	reportStatus(w, p, beds)
	reportRestart(w, p, beds)
	return nil
}

// inTurnsBut is inTurns without those that failed: that is said, and the others go on.
func inTurnsBut(w io.Writer, rounds, n int, do func(i int) error) {
	failed := make([]bool, n)
	_ = inTurns(rounds, n, func(i int) error {
		if failed[i] {
			return nil
		}
		if err := do(i); err != nil {
			failed[i] = true
			fmt.Fprintf(w, "Failed: %v\n\n", err)
		}
		return nil
	})
}

func reportRunIdle(w io.Writer, p runPlan, beds []*bed) error {
	fmt.Fprintf(w, "## Wake-ups with %d apps that sleep\n\nContext switches of all the supervisor's threads, and their CPU time, in the same "+
		"%d s for all.\n\n", p.restApps, p.idleSeconds)
	people, switches, cpu := make([]census, len(beds)), make([]float64, len(beds)), make([]float64, len(beds))
	for i, b := range beds {
		var err error
		if people[i], err = b.count(); err != nil {
			return err
		}
		switches[i], cpu[i] = people[i].switches()
	}
	time.Sleep(time.Duration(p.idleSeconds) * time.Second)
	t := &table{head: []string{"supervisor", "switches", "per minute", "CPU µs per minute"}}
	perMinute := 60 / float64(p.idleSeconds)
	for i, b := range beds {
		n, ns := people[i].switches()
		n, ns = n-switches[i], ns-cpu[i]
		t.add(b.name, number(n, 0), number(n*perMinute, 0), number(ns/1e3*perMinute, 0))
	}
	t.write(w)
	return nil
}

func reportStatus(w io.Writer, p runPlan, beds []*bed) {
	fmt.Fprintf(w, "## Asking for the state of %d apps\n\nThe whole process, ms, %d times: `goinit ctl ps`, `s6-svstat` in a loop of a shell, "+
		"`sv status`, `supervisorctl status`, `pebble services`, `pm2 jlist`.\n\n", p.restApps, p.statuses)
	wall, cpu := make([][]float64, len(beds)), make([][]float64, len(beds))
	inTurnsBut(w, p.statuses, len(beds), func(i int) error {
		ms, own, err := beds[i].statusOnce()
		if err == nil {
			wall[i], cpu[i] = append(wall[i], ms), append(cpu[i], own)
		}
		return err
	})
	t := &table{head: []string{"supervisor", "median", "min", "p90", "CPU", "median : " + base}}
	for i, b := range beds {
		t.add(b.name, value(wall[i], 1), number(minimum(wall[i]), 1), number(percentile(wall[i], 0.9), 1), value(cpu[i], 1), times(wall[i], wall[0]))
	}
	t.write(w)
}

func reportRestart(w io.Writer, p runPlan, beds []*bed) {
	fmt.Fprintf(w, "## Restart after kill -9\n\nFrom the kill to the first instruction of the new process, ms; %d apps of %d, each killed once, long "+
		"after its start.\n\n", p.kills, p.restApps)
	latency := make([][]float64, len(beds))
	inTurnsBut(w, p.kills, len(beds), func(i int) error {
		ms, err := beds[i].restartOnce(len(latency[i]))
		if err == nil {
			latency[i] = append(latency[i], ms)
		}
		return err
	})
	t := &table{head: []string{"supervisor", "median", "min", "p90", "max", "median : " + base}}
	for i, b := range beds {
		l := latency[i]
		t.add(b.name, value(l, 2), number(minimum(l), 2), number(percentile(l, 0.9), 2), number(percentile(l, 1), 2), times(l, latency[0]))
	}
	t.write(w)
}

// restartOnce kills an app and waits until it is there again.
func (b *bed) restartOnce(app int) (ms float64, err error) {
	c, err := b.count()
	if err != nil {
		return 0, err
	}
	pid, ok := c.apps[app]
	if !ok {
		return 0, fmt.Errorf("%s: app %d is not there", b.name, app)
	}
	begin := now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return 0, err
	}
	end, which, err := b.nextStart()
	if err == nil && which != app {
		err = fmt.Errorf("%s: app %d was killed, and app %d started", b.name, app, which)
	}
	return float64(end-begin) / 1e6, err
}
