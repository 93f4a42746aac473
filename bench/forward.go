package main

import (
	"fmt"
	"io"
	"syscall"
	"time"
)

const (
	blockSignals = 50                     // of one peer before it is another's turn
	signalPause  = 500 * time.Microsecond // for the init to come to rest between two
)

// reportForward compares how long a signal takes through each init.
func reportForward(w io.Writer, p plan, peers []peer, programs *programSet) error {
	fmt.Fprintf(w, "## Forwarding a signal as PID 1\n\nFrom kill(init, SIGUSR1) to the return of sigwaitinfo in the child, "+
		"µs; %d signals each, in blocks of %d. CPU is the init's own, a signal.\n\n", p.signals, blockSignals)
	inits, err := startAll(peers, programs.catcher)
	defer func() { stopAll(inits) }()
	if err != nil {
		return err
	}
	direct, err := startPlain(bare.name, programs.catcher)
	if err != nil {
		return err
	}
	inits = append([]*running{direct}, inits...)
	for _, r := range inits {
		if err := warmUp(r); err != nil {
			return err
		}
	}
	latency, cpu := make([][]float64, len(inits)), make([]float64, len(inits))
	err = inTurns(max(1, p.signals/blockSignals), len(inits), func(i int) error {
		before := cpuOf(inits[i].pid())
		for range blockSignals {
			us, err := forwardOnce(inits[i])
			if err != nil {
				return err
			}
			latency[i] = append(latency[i], us)
		}
		cpu[i] += cpuOf(inits[i].pid()) - before
		return nil
	})
	if err != nil {
		return err
	}
	forwardTable(inits, latency, cpu).write(w)
	return nil
}

// warmUp awaits the program and sends what is not counted.
func warmUp(r *running) error {
	if _, err := r.answer(); err != nil {
		return err
	}
	time.Sleep(100 * time.Millisecond) // an init that is still starting may sleep through its first
	for range 5 {
		if _, err := forwardOnce(r); err != nil {
			return err
		}
	}
	return nil
}

// forwardOnce is the latency of one signal, in µs.
func forwardOnce(r *running) (float64, error) {
	time.Sleep(signalPause)
	begin := now()
	if err := syscall.Kill(r.pid(), syscall.SIGUSR1); err != nil {
		return 0, err
	}
	end, err := r.answer()
	return float64(end-begin) / 1e3, err
}

func forwardTable(inits []*running, latency [][]float64, cpu []float64) *table {
	t := &table{head: []string{"init", "median", "min", "p99", "median : bare", "median : tini", "p99 : tini", "CPU µs", "CPU : tini"}}
	var tini []float64
	var tiniCPU float64
	for i, r := range inits {
		if r.name == reference {
			tini, tiniCPU = latency[i], cpu[i]
		}
	}
	for i, r := range inits {
		l := latency[i]
		own, ownRatio := number(cpu[i]/1e3/float64(len(l)), 1), ratio(cpu[i], tiniCPU)
		if r.name == bare.name {
			own, ownRatio = "-", "-" // it is the child
		}
		t.add(r.name, number(median(l), 1), number(minimum(l), 1), number(percentile(l, 0.99), 1),
			ratio(median(l), median(latency[0])), ratio(median(l), median(tini)), ratio(percentile(l, 0.99), percentile(tini, 0.99)),
			own, ownRatio)
	}
	return t
}
