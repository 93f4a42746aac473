package main

import (
	"fmt"
	"io"
	"time"
)

// reportIdle counts how often the inits wake while nothing happens: all of them at once, in the same seconds.
func reportIdle(w io.Writer, p plan, peers []peer, programs *programSet) error {
	fmt.Fprintf(w, "## Wake-ups as PID 1 while the child sleeps\n\nContext switches of all threads, and their CPU time, "+
		"in the same %d s for all.\n\n", p.idleSeconds)
	inits, err := startAll(peers, programs.sleeper)
	defer stopAll(inits)
	if err != nil {
		return err
	}
	for _, r := range inits {
		if err := r.ready(); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	switches, cpu := make([]float64, len(inits)), make([]float64, len(inits))
	for i, r := range inits {
		switches[i], cpu[i] = switchesOf(r.pid()), cpuOf(r.pid())
	}
	time.Sleep(time.Duration(p.idleSeconds) * time.Second)
	t := &table{head: []string{"init", "switches", "per minute", "CPU µs per minute"}}
	perMinute := 60 / float64(p.idleSeconds)
	for i, r := range inits {
		n, ns := switchesOf(r.pid())-switches[i], cpuOf(r.pid())-cpu[i]
		t.add(r.name, number(n, 0), number(n*perMinute, 0), number(ns/1e3*perMinute, 0))
	}
	t.write(w)
	return nil
}

// startAll starts every peer as PID 1; what it has started it returns even if one fails.
func startAll(peers []peer, command []string) ([]*running, error) {
	var all []*running
	for _, p := range peers {
		r, err := startPID1(p, command)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

func stopAll(all []*running) {
	for _, r := range all {
		r.stop()
	}
}
