package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	servedWorkers = 2
	bigWorkers    = 8
	askers        = 32 // connections of wrk
)

// reportWorkers is the part about what a server's workers cost: what they serve, and how fast they come back.
func reportWorkers(w io.Writer, p webPlan, goinit string) error {
	dir, err := os.MkdirTemp("", "bench-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	keepers, missing, err := findKeepers(goinit, dir)
	if err != nil {
		return err
	}
	keepers = slices.DeleteFunc(keepers, func(k *keeper) bool { return k.name == pm2Graceful })
	one, err := single()
	if err != nil {
		return err
	}
	even, undo := evenShares()
	defer undo()
	fmt.Fprintf(w, "# A server's workers\n\n%s\n\n%s\n\n%s", machine(), keptNote, even)
	for _, m := range missing {
		fmt.Fprintf(w, "Missing: %s\n\n", m)
	}
	if err := reportServed(w, p, append([]*keeper{one}, keepers...)); err != nil {
		return err
	}
	if err := reportComeback(w, p, keepers); err != nil {
		return err
	}
	return reportBigReload(w, p, keepers)
}

// serving is what was measured of one keeper, round by round.
type serving struct {
	perSecond, p50, p99, workerCPU, primaryCPU []float64 // CPU in µs a request
	errors                                     int
}

// asking is a way of making requests.
type asking struct {
	title string
	load  func(s *web, d time.Duration) (wrkResult, error)
}

var aConnectionEach = asking{"A connection for each request:", func(s *web, d time.Duration) (wrkResult, error) { return askWrk(s, false, d) }}

var askings = []asking{
	{"Keep-alive:", func(s *web, d time.Duration) (wrkResult, error) { return askWrk(s, true, d) }},
	aConnectionEach,
	{"Connections alone: who connects is told a pid by a server of module net, which closes then:", askConnect},
}

func askWrk(s *web, keep bool, d time.Duration) (wrkResult, error) {
	w, err := startWrk(s.port, "/", keep, askers, d)
	if err != nil {
		return wrkResult{}, err
	}
	return w.wait()
}

// askConnect has no latencies.
func askConnect(s *web, d time.Duration) (r wrkResult, err error) {
	wait, err := startConnect(s.plain, askers, d)
	if err != nil {
		return r, err
	}
	r.requests, r.errors, err = wait()
	r.perSecond = float64(r.requests) / d.Seconds()
	return r, err
}

// reportServed has all of them up, and asks one after another.
func reportServed(w io.Writer, p webPlan, keepers []*keeper) error {
	plain := make([]*keeper, len(keepers))
	for i, k := range keepers {
		with := *k
		with.plain = true
		plain[i] = &with
	}
	all, closeAll := openAll(w, plain, servedWorkers)
	defer closeAll()
	time.Sleep(time.Second) // what the starts leave
	fmt.Fprintf(w, "## Requests per second\n\n%d workers, wrk with one thread (the bench itself, for connections alone) and %d connections on the same CPUs, %d rounds of %d s each, in turns. Medians; *times* is the median of the ratios to %s in the same round. "+
		"CPU in µs a request, of the primary (goinit, pm2, Node's) and of the workers together. Memory is the primary's at the end, in MB: all that is resident, and what it shares with nobody.\n\n", servedWorkers, askers, p.rounds, p.seconds, nodesOwn)
	for _, a := range askings {
		results := make([]serving, len(all))
		inTurnsBut(w, p.rounds, len(all), func(i int) error { return results[i].measure(all[i], a, time.Duration(p.seconds)*time.Second) })
		fmt.Fprintf(w, "%s\n\n", a.title)
		servedTable(all, results).write(w)
	}
	reportThrottled(w, p, all)
	return nil
}

func (r *serving) measure(s *web, a asking, d time.Duration) error {
	primary := 0
	workers := s.servers()
	if s.verb != nil {
		primary = s.primary()
	} else {
		workers = []int{s.primary()}
	}
	spent := func() (mine, theirs float64) {
		for _, pid := range workers {
			theirs += cpuOf(pid)
		}
		if primary > 0 {
			mine = cpuOf(primary)
		}
		return mine, theirs
	}
	mine, theirs := spent()
	got, err := a.load(s, d)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	mine2, theirs2 := spent()
	requests := float64(max(1, got.requests))
	r.perSecond, r.p50, r.p99 = append(r.perSecond, got.perSecond), append(r.p50, got.p50), append(r.p99, got.p99)
	r.primaryCPU, r.workerCPU = append(r.primaryCPU, (mine2-mine)/1e3/requests), append(r.workerCPU, (theirs2-theirs)/1e3/requests)
	r.errors += got.errors
	return nil
}

func servedTable(all []*web, results []serving) *table {
	t := &table{head: []string{"", "per second", "times", "p50 ms", "p99 ms", "CPU, primary", "CPU, workers", "memory: RSS", "private", "errors"}}
	own := slices.IndexFunc(all, func(s *web) bool { return s.name == nodesOwn })
	for i, s := range all {
		r := &results[i]
		resident, private, cpu := "-", "-", "-"
		if s.verb != nil {
			resident, private, cpu = number(memoryOf(s.primary(), "Rss"), 1), number(memoryOf(s.primary(), "Private_Clean", "Private_Dirty"), 1), value(r.primaryCPU, 1)
		}
		ratios := []float64{}
		for n := range r.perSecond {
			if own >= 0 && n < len(results[own].perSecond) {
				ratios = append(ratios, r.perSecond[n]/results[own].perSecond[n])
			}
		}
		p50, p99 := "-", "-"
		if percentile(r.p50, 1) > 0 {
			p50, p99 = value(r.p50, 2), value(r.p99, 2)
		}
		t.add(s.name, value(r.perSecond, 0), value(ratios, 2), p50, p99, cpu, value(r.workerCPU, 1), resident, private, fmt.Sprint(r.errors))
	}
	return t
}

// reportComeback kills the only worker, again and again.
func reportComeback(w io.Writer, p webPlan, keepers []*keeper) error {
	all, closeAll := openAll(w, keepers, 1)
	defer closeAll()
	fmt.Fprintf(w, "## kill -9 of the only worker until another answers, ms\n\n%d times, in turns; nobody is killed in its first two seconds.\n\n", p.restarts)
	came := make([]time.Time, len(all)) // last
	for i := range came {
		came[i] = time.Now()
	}
	times := make([][]float64, len(all))
	inTurnsBut(w, p.restarts, len(all), func(i int) error {
		s := all[i]
		time.Sleep(2*time.Second - time.Since(came[i]))
		defer func() { came[i] = time.Now() }()
		ms, err := s.comeBack()
		if err == nil {
			times[i] = append(times[i], ms)
		}
		return err
	})
	spreadTable(all, times, 0).write(w)
	return nil
}

// comeBack kills the only worker: how long until another answers, in ms. A client comes every 5 ms, for a keeper may lose one
// that it had given to the dead already.
func (w *web) comeBack() (float64, error) {
	before, err := w.ask(patience)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", w.name, err)
	}
	servers := w.servers()
	if len(servers) != 1 {
		return 0, fmt.Errorf("%s has %d workers", w.name, len(servers))
	}
	answered := make(chan float64, 1)
	began := time.Now()
	if err := syscall.Kill(servers[0], syscall.SIGKILL); err != nil {
		return 0, err
	}
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case ms := <-answered:
			return ms, nil
		case <-every.C:
			if time.Since(began) > patience {
				return 0, fmt.Errorf("%s: nobody answers", w.name)
			}
			go func() {
				if now, err := w.ask(time.Second); err == nil && now != before {
					select {
					case answered <- time.Since(began).Seconds() * 1e3:
					default:
					}
				}
			}()
		}
	}
}

// reportBigReload replaces many workers that nobody asks.
func reportBigReload(w io.Writer, p webPlan, keepers []*keeper) error {
	fmt.Fprintf(w, "## A reload of %d workers that nobody asks, s\n\nFrom the command to its end, %d times. pm2 replaces two at a time; goinit and Node's one, where nothing else is said.\n\n", bigWorkers, p.bigReloads)
	surge := []*keeper{}
	for _, k := range keepers {
		if strings.HasPrefix(k.name, base) {
			two := *k
			two.name, two.app = k.name+", max_surge 2", k.app+", reload: {max_surge: 2}"
			surge = append(surge, &two)
			break
		}
	}
	all, closeAll := openAll(w, append(keepers, surge...), bigWorkers)
	defer closeAll()
	times := make([][]float64, len(all))
	inTurnsBut(w, p.bigReloads, len(all), func(i int) error {
		began := time.Now()
		if err := all[i].reload(); err != nil {
			return fmt.Errorf("%s: %w", all[i].name, err)
		}
		times[i] = append(times[i], time.Since(began).Seconds())
		return nil
	})
	spreadTable(all, times, 2).write(w)
	return nil
}

// openAll has several up at the same time; who does not come up is said.
func openAll(w io.Writer, keepers []*keeper, workers int) (all []*web, closeAll func()) {
	for _, k := range keepers {
		n := workers
		if k.verb == nil {
			n = 1
		}
		if s, err := openWeb(k, n); err != nil {
			fmt.Fprintf(w, "Failed: %v\n\n", err)
		} else {
			all = append(all, s)
		}
	}
	return all, func() {
		for _, s := range all {
			s.close()
		}
	}
}

func spreadTable(all []*web, values [][]float64, decimals int) *table {
	t := &table{head: []string{"", "min", "median", "max"}}
	for i, s := range all {
		t.add(s.name, number(minimum(values[i]), decimals), value(values[i], decimals), number(percentile(values[i], 1), decimals))
	}
	return t
}
