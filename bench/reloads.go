package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"goinit/integration/load"
)

// webPlan is how much is measured of servers with several workers.
type webPlan struct {
	reloads, peerReloads int // under load; of goinit's, and of the others
	kills                int
	rounds               int // of wrk on everybody, in turns
	seconds              int // of one wrk
	restarts             int
	bigReloads           int
}

func newWebPlan(quick bool) webPlan {
	if quick {
		return webPlan{reloads: 3, peerReloads: 1, kills: 4, rounds: 1, seconds: 1, restarts: 2, bigReloads: 1}
	}
	return webPlan{reloads: 20, peerReloads: 5, kills: 20, rounds: 6, seconds: 2, restarts: 10, bigReloads: 3}
}

const (
	loadedWorkers = 2
	scaledWorkers = 8
	wrkClients    = 8 // connections of each wrk
	exactClients  = 4 // of each of ours
)

// loads are clients of six kinds at the same time.
type loads struct {
	wrks  []*wrk
	exact []*load.Load
}

// counted is what became of one kind's requests.
type counted struct{ asked, failed int }

func (c counted) String() string { return fmt.Sprintf("%d of %d", c.failed, c.asked) }

// loadKinds name the columns: two of wrk, as fast as they are answered; two of ours whose answers take 200 ms; two of ours
// that ask every 10 ms.
var loadKinds = []string{"wrk, keep-alive", "wrk, a connection each", "slow, keep-alive", "slow, a connection each", "keep-alive", "a connection each"}

// startLoads begins to ask. Where the server closes each connection anyway, nobody asks it to keep them.
func startLoads(w *web) (*loads, error) {
	l := &loads{}
	address := fmt.Sprintf("127.0.0.1:%d", w.port)
	for i := range loadKinds {
		keep := i%2 == 0 && !w.closes
		switch i / 2 {
		case 0:
			one, err := startWrk(w.port, "/", keep, wrkClients, 10*time.Minute)
			if err != nil {
				l.stop()
				return nil, err
			}
			l.wrks = append(l.wrks, one)
		case 1:
			l.exact = append(l.exact, load.Start(load.Options{Address: address, Path: "/slow", KeepAlive: keep, Clients: exactClients}))
		default:
			l.exact = append(l.exact, load.Start(load.Options{Address: address, KeepAlive: keep, Clients: exactClients, Pause: 10 * time.Millisecond}))
		}
	}
	l.await()
	return l, nil
}

// await waits until each of ours has had some answers more, the slow ones a second's worth.
func (l *loads) await() {
	for _, e := range l.exact {
		e.Await(20)
	}
}

// stop ends it, and says what became of each kind, and why requests of ours have failed.
func (l *loads) stop() (all []counted, reasons map[string]int, err error) {
	for _, w := range l.wrks {
		r, e := w.stop()
		if e != nil {
			err = e
		}
		all = append(all, counted{r.requests + r.errors, r.errors})
	}
	reasons = map[string]int{}
	for _, e := range l.exact {
		r := e.Stop()
		all = append(all, counted{r.Answered + r.Failed, r.Failed})
		for why, n := range r.Reasons {
			reasons[why] += n
		}
	}
	return all, reasons, err
}

// under does something several times while a server is asked, and is one row of the table.
func under(t *table, w *web, times int, do func(l *loads, i int) error) error {
	l, err := startLoads(w)
	if err != nil {
		return err
	}
	began := time.Now()
	for i := 0; i < times && err == nil; i++ {
		err = do(l, i)
	}
	each := time.Since(began).Seconds() / float64(max(1, times))
	l.await() // those who serve now, do
	all, reasons, stopErr := l.stop()
	if err != nil {
		return err
	}
	if stopErr != nil {
		return stopErr
	}
	cells := []string{w.name, fmt.Sprint(times), number(each, 2)}
	for _, c := range all {
		cells = append(cells, c.String())
	}
	var why []string
	for reason, n := range reasons {
		why = append(why, fmt.Sprintf("%d %s", n, reason))
	}
	cells = append(cells, strings.Join(why, "; "))
	fmt.Fprintln(os.Stderr, strings.Join(cells, " | ")) // the tables come at the end, in some minutes
	t.add(cells...)
	return nil
}

// reportReloads is the part about what requests feel of it.
func reportReloads(w io.Writer, p webPlan, goinit string) error {
	dir, err := os.MkdirTemp("", "bench-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	keepers, missing, err := findKeepers(goinit, dir)
	if err != nil {
		return err
	}
	others, lacking, err := listeners(goinit)
	if err != nil {
		return err
	}
	even, undo := evenShares()
	defer undo()
	fmt.Fprintf(w, "# Requests while workers are replaced\n\n%s\n\n%s\n\n%s", machine(), keptNote, even)
	for _, m := range append(missing, lacking...) {
		fmt.Fprintf(w, "Missing: %s\n\n", m)
	}
	fmt.Fprintf(w, "Requests that failed, of those that were made, by six kinds of clients at the same time: wrk, %d connections, as fast as it is answered; ours, %d clients each, that count exactly, "+
		"whose answers take 200 ms, and that ask every 10 ms. wrk counts errors of sockets and answers that are not 200.\n\n", wrkClients, exactClients)
	head := append([]string{"", "times", "s each"}, loadKinds...)
	reloads, kills, scales := &table{head: append(head, "why")}, &table{head: append(head, "why")}, &table{head: append(head, "why")}
	for _, k := range keepers {
		if k.app == "none" {
			continue // reloads as the other does
		}
		if err := disturb(k, p, reloads, kills, scales); err != nil {
			fmt.Fprintf(w, "Failed: %v\n\n", err)
		}
	}
	for _, k := range others {
		s, err := openWeb(k, loadedWorkers)
		if err == nil {
			err = under(reloads, s, p.reloads, func(*loads, int) error { return s.reload() })
			s.close()
		}
		if err != nil {
			fmt.Fprintf(w, "Failed: %v\n\n", err)
		}
	}
	fmt.Fprintf(w, "## Rolling reloads of %d workers\n\n", loadedWorkers)
	reloads.write(w)
	fmt.Fprintf(w, "## kill -9 of a worker, one of %d at a time\n\nWhat is in a worker's hands is lost with it: one request of each client at most.\n\n", loadedWorkers)
	kills.write(w)
	fmt.Fprintf(w, "## Scale %d to %d to %d\n\n", loadedWorkers, scaledWorkers, loadedWorkers)
	scales.write(w)
	return nil
}

// disturb does all three to one keeper's server.
func disturb(k *keeper, p webPlan, reloads, kills, scales *table) error {
	s, err := openWeb(k, loadedWorkers)
	if err != nil {
		return err
	}
	defer s.close()
	times := p.peerReloads
	if strings.HasPrefix(k.name, base) {
		times = p.reloads
	}
	if err := under(reloads, s, times, func(*loads, int) error { return s.reload() }); err != nil {
		return fmt.Errorf("%s: reload: %w", k.name, err)
	}
	if k.name == pm2Graceful { // the rest is as without a handler
		return nil
	}
	err = under(scales, s, 2, func(l *loads, i int) error {
		defer l.await()
		return s.scale([]int{scaledWorkers, loadedWorkers}[i])
	})
	if err != nil {
		return fmt.Errorf("%s: scale: %w", k.name, err)
	}
	if err := under(kills, s, p.kills, func(_ *loads, i int) error { return s.kill(i) }); err != nil {
		return fmt.Errorf("%s: kill: %w", k.name, err)
	}
	return nil
}
