package health

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answers is a check whose answers are written down: '+' is well, '-' is not, '!' hangs until the deadline, '0' is not made at
// all. The last goes
// on for ever.
type answers struct {
	text  string
	began time.Time

	mu    sync.Mutex
	asked int
	at    []time.Duration
	under int // way
	most  int
}

func (a *answers) check(ctx context.Context, deadline time.Time) *Failure {
	a.mu.Lock()
	n := a.asked
	a.asked++
	a.at = append(a.at, time.Since(a.began))
	a.under++
	a.most = max(a.most, a.under)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.under--
		a.mu.Unlock()
	}()
	switch a.text[min(n, len(a.text)-1)] {
	case '+':
		return nil
	case '!':
		select {
		case <-time.After(time.Until(deadline)):
		case <-ctx.Done():
		}
		return &Failure{Why: "hangs"}
	}
	return &Failure{Why: "no", ours: a.text[min(n, len(a.text)-1)] == '0'}
}

// diary is the verdicts, with the time of each.
type diary struct {
	began time.Time
	mu    sync.Mutex
	lines []string
}

func (d *diary) tell(v Verdict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kind := [...]string{"ready", "not yet", "unready", "unhealthy", "extended", "main pid", "status", "stopping", "ignored", "unasked"}[v.Kind]
	text := strings.TrimSpace(fmt.Sprintf("%v %s %s", time.Since(d.began), kind, v.Why))
	d.lines = append(d.lines, text)
}

func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return lines
}

// watch starts a watch under virtual time, with a phase that is no phase.
func watch(t *testing.T, p Plan) (*Watch, *diary) {
	t.Helper()
	d := &diary{began: time.Now()}
	if p.Random == nil {
		p.Random = func() float64 { return 1 }
	}
	w, err := Open(p, d.tell)
	if err != nil {
		t.Fatal(err)
	}
	w.Started()
	return w, d
}

func (d *diary) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := d.take(); !slices.Equal(got, want) {
		t.Errorf("verdicts\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (a *answers) want(t *testing.T, want ...time.Duration) {
	t.Helper()
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.at, want) {
		t.Errorf("asked at %v, want %v", a.at, want)
	}
	if a.most > 1 {
		t.Errorf("%d probes at the same time", a.most)
	}
	a.at = nil
}

const ms = time.Millisecond

func TestReadinessIsAskedSoonThenLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "-----+", began: time.Now()}
		w, d := watch(t, Plan{Readiness: &Readiness{Probe: a, Timing: Timing{Period: time.Second, Timeout: 100 * ms, FailureThreshold: 3}}})
		time.Sleep(5 * time.Second)
		a.want(t, 100*ms, 300*ms, 700*ms, 1500*ms, 2500*ms, 3500*ms, 4500*ms)
		d.want(t, "100ms not yet no", "3.5s ready")
		w.Stop()
	})
}

func TestReadinessIsLostAndFoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "+--+---++-+", began: time.Now()}
		w, d := watch(t, Plan{Readiness: &Readiness{Probe: a, Timing: Timing{Period: time.Second, Timeout: 100 * ms, SuccessThreshold: 2, FailureThreshold: 3}}})
		time.Sleep(12 * time.Second)
		// One success is not enough at first; two failures are not enough to lose it.
		d.want(t, "1.1s not yet no", "8.1s ready")
		w.Stop()
		a = &answers{text: "+--+---+-++", began: time.Now()}
		w, d = watch(t, Plan{Readiness: &Readiness{Probe: a, Timing: Timing{Period: time.Second, Timeout: 100 * ms, FailureThreshold: 3}}})
		time.Sleep(12 * time.Second)
		d.want(t, "100ms ready", "6.1s unready no", "7.1s ready")
		w.Stop()
	})
}

func TestLivenessCountsFromReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "+--+---------", began: time.Now()}
		random := 0.5
		w, d := watch(t, Plan{Random: func() float64 { return random },
			Liveness: &Liveness{Probe: a, Timing: Timing{InitialDelay: 5 * time.Second, Period: 2 * time.Second, Timeout: time.Second, FailureThreshold: 3}}})
		time.Sleep(time.Minute)
		a.want(t)
		w.Ready()
		w.Ready() // no second one
		time.Sleep(15 * time.Second)
		// Half a period of phase behind the delay.
		a.want(t, 66*time.Second, 68*time.Second, 70*time.Second, 72*time.Second, 74*time.Second)
		time.Sleep(20 * time.Second)
		d.want(t, "1m18s unhealthy no") // and not again with each failure
		w.Stop()
	})
}

func TestProbesNeverPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "!", began: time.Now()}
		w, d := watch(t, Plan{Liveness: &Liveness{Probe: a, Timing: Timing{Period: time.Second, Timeout: 3 * time.Second, FailureThreshold: 2}}})
		w.Ready()
		time.Sleep(10 * time.Second)
		a.want(t, time.Second, 4010*ms, 7020*ms)
		d.want(t, "7.01s unhealthy hangs")
		w.Stop()
	})
}

func TestWhatCannotBeAskedDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "0-00-+0-", began: time.Now()}
		w, d := watch(t, Plan{Liveness: &Liveness{Probe: a, Timing: Timing{Period: time.Second, Timeout: time.Second, FailureThreshold: 2}}})
		w.Ready()
		time.Sleep(20 * time.Second)
		d.want(t, "1s unasked cannot be asked whether it is well: no", "3s unasked cannot be asked whether it is well: no", "5s unhealthy no",
			"7s unasked cannot be asked whether it is well: no", "9s unhealthy no")
		w.Stop()
	})
}

func TestFrozenIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "+!-", began: time.Now()}
		w, d := watch(t, Plan{Liveness: &Liveness{Probe: a, Timing: Timing{Period: time.Second, Timeout: 500 * ms, FailureThreshold: 1}}})
		w.Ready()
		time.Sleep(2200 * ms)
		w.Pause() // while the second is under way: its failure is the freezer's
		w.Pause()
		time.Sleep(time.Hour)
		a.want(t, time.Second, 2*time.Second)
		d.want(t)
		w.Resume()
		d.want(t, "1h0m2.2s unhealthy no")
		w.Stop()
	})
}

func TestAfterStopNothingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "!", began: time.Now()}
		w, d := watch(t, Plan{
			Readiness: &Readiness{Probe: a, Timing: Timing{Period: time.Second, Timeout: time.Minute}},
			Liveness:  &Liveness{Silence: time.Second},
		})
		w.Ready()
		time.Sleep(500 * ms)
		w.Stop()
		time.Sleep(time.Hour) // the bubble ends with its last goroutine: what hung was given up
		d.want(t)
	})
}

func TestEndingEndsProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "-", began: time.Now()}
		w, d := watch(t, Plan{Liveness: &Liveness{Probe: a, Timing: Timing{Period: time.Second, Timeout: time.Second, FailureThreshold: 1}}})
		w.Ending()
		w.Ready()
		time.Sleep(time.Minute)
		a.want(t)
		d.want(t)
		w.Stop()
	})
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, d := watch(t, Plan{Liveness: &Liveness{Silence: 10 * time.Second, Timing: Timing{InitialDelay: 5 * time.Second}}})
		time.Sleep(time.Hour)
		d.want(t) // not before it is ready
		w.Ready()
		time.Sleep(13 * time.Second)
		w.Line([]byte("x"))
		time.Sleep(9 * time.Second)
		d.want(t)
		time.Sleep(2 * time.Second)
		d.want(t, "1h0m23s unhealthy no line of output for 10s")
		time.Sleep(time.Minute) // once in a row
		w.Line([]byte("x"))
		time.Sleep(9 * time.Second)
		d.want(t)
		time.Sleep(time.Minute)
		if got := d.take(); len(got) != 1 {
			t.Errorf("silent again: %q, want one verdict", got)
		}
		w.Pause() // frozen
		time.Sleep(time.Hour)
		w.Resume()
		w.Line([]byte("x"))
		time.Sleep(9 * time.Second)
		d.want(t)
		w.Stop()
	})
}

func TestWatchWithoutAnythingDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it would complain of a goroutine that does not end
		w, d := watch(t, Plan{})
		w.Ready()
		w.Line([]byte("x"))
		environment, files, given := w.Given()
		given()
		if environment != nil || files != nil || w.Hears() {
			t.Errorf("given %q, %v", environment, files)
		}
		d.want(t)
		w.Stop()
	})
}

// What was told just before it was frozen may have come too late to be heard; so it is told again after that.
func TestUnhealthyIsToldAgainAfterFrost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "-", began: time.Now()}
		w, d := watch(t, Plan{Liveness: &Liveness{Probe: a, Timing: Timing{Period: time.Second, Timeout: 500 * ms, FailureThreshold: 2}}})
		w.Ready()
		time.Sleep(3500 * ms)
		d.want(t, "2s unhealthy no")
		w.Pause()
		time.Sleep(time.Minute)
		w.Resume()
		time.Sleep(1500 * ms)
		d.want(t, "1m4.5s unhealthy no")
		w.Stop()
	})
}

// A worker says WATCHDOG_USEC=1: a timer of a microsecond would be all that goinit does.
func TestHeartbeatHasALeastLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var told []time.Duration
		d := newDeadman(time.Hour, &gate{}, func(limit time.Duration) { told = append(told, limit) })
		go d.run(ctx, 0)
		d.setLimit(time.Microsecond)
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		if !slices.Equal(told, []time.Duration{leastLimit}) {
			t.Errorf("told %v, want %v once", told, leastLimit)
		}
	})
}
