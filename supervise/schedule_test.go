// The runs here are in bubbles of testing/synctest: what sleeps, sleeps in virtual time, which begins in the year 2000.

package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the machine may have none

	"goinit/spec"
)

// job makes a job of an app.
func job(cron string, change ...func(*spec.Schedule)) func(*spec.App) {
	return func(a *spec.App) {
		a.Schedule = &spec.Schedule{Cron: cron, Timezone: "UTC", Concurrency: "forbid", History: 10}
		a.OnFailure, a.MaxWorkers = "ignore", 16
		for _, c := range change {
			c(a.Schedule)
		}
	}
}

func inZone(zone string) func(*spec.Schedule) { return func(s *spec.Schedule) { s.Timezone = zone } }
func every(d time.Duration) func(*spec.Schedule) {
	return func(s *spec.Schedule) { s.Cron, s.Timezone, s.Every = "", "", spec.Duration(d) }
}
func concurrency(c string) func(*spec.Schedule) { return func(s *spec.Schedule) { s.Concurrency = c } }

// lasting is a fake whose workers end well after a time, or when they are asked to.
func lasting(d time.Duration) func() *fake {
	return func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			select {
			case <-p.signals:
			case <-time.After(d):
			}
			p.exit(Exit{})
		}
		return f
	}
}

// wall is a clock that can be set.
type wall struct{ ahead atomic.Int64 }

func (w *wall) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// count is how many events of a kind there were.
func count(f *fake, kind string) (n int) {
	for _, e := range f.eventTypes() {
		if e == kind {
			n++
		}
	}
	return n
}

// A year, with its leap day and four changes of the clocks: at 2:30 in Berlin (2000-03-26 has none, 2000-10-29 two) and in New York
// (04-02, 10-29) there is a run a day, and what goes by the hour runs every hour.
func TestJobsOfAYear(t *testing.T) {
	apps := []spec.App{
		appOf("berlin", job("30 2 * * *", inZone("Europe/Berlin"))),
		appOf("newyork", job("30 2 * * *", inZone("America/New_York"))),
		appOf("early", job("30 1 * * *", inZone("America/New_York"))),
		appOf("hourly", job("0 * * * *", inZone("Europe/Berlin"), func(s *spec.Schedule) { s.History = 0 })),
	}
	bubble(t, lasting(10*time.Minute), 0, apps, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		began := time.Now()
		time.Sleep(366*24*time.Hour - time.Second)
		synctest.Wait()
		expect(t, "runs in Berlin", len(f.said("start berlin")), 366)
		expect(t, "runs in New York", len(f.said("start newyork")), 366)
		expect(t, "runs in New York at 1:30, which comes twice in autumn", len(f.said("start early")), 366)
		expect(t, "every hour", len(f.said("start hourly")), 366*24-1) // 0:00 of the first day is when it all begins
		for _, c := range []struct{ app, zone string }{{"berlin", "Europe/Berlin"}, {"newyork", "America/New_York"}} {
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			other := ""
			for _, line := range f.said("start " + c.app) {
				after, err := time.ParseDuration(strings.Fields(line)[0])
				if err != nil {
					t.Fatal(err)
				}
				if at := began.Add(after).In(zone); at.Format("15:04:05") != "02:30:00" {
					other += at.Format("2006-01-02T15:04:05")
				}
			}
			expect(t, "other times in "+c.zone, other, map[string]string{"berlin": "2000-03-26T03:00:00", "newyork": "2000-04-02T03:00:00"}[c.app])
		}
		if runs := s.Runs("hourly"); len(runs) != 0 {
			t.Errorf("history: 0, and there are %d", len(runs))
		}
		runs := s.Runs("berlin")
		if len(runs) != 10 {
			t.Fatalf("%d runs are remembered", len(runs))
		}
		last := runs[9]
		expect(t, "the last run", fmt.Sprint(last.Worker, last.Generation, last.EndedAt.Sub(last.StartedAt), last.Exit.Status, last.StartedAt.UTC().Format(time.DateTime)),
			"berlin/0366 10m0s 02000-12-31 01:30:00")
	})
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct{ concurrency, want string }{
		{"forbid", "1m0s start poll/0|2m30s exit poll/0|3m0s start poll/0|4m30s exit poll/0|5m0s start poll/0"},
		{"replace", "1m0s start poll/0|2m0s exit poll/0|2m0s start poll/0|3m0s exit poll/0|3m0s start poll/0|4m0s exit poll/0|4m0s start poll/0|5m0s exit poll/0|5m0s start poll/0"},
		{"allow", "1m0s start poll/0|2m0s start poll/1|2m30s exit poll/0|3m0s start poll/0|3m30s exit poll/1|4m0s start poll/1|4m30s exit poll/0|5m0s start poll/0"},
	} {
		t.Run(c.concurrency, func(t *testing.T) {
			bubble(t, lasting(90*time.Second), 0, []spec.App{appOf("poll", job("", every(time.Minute), concurrency(c.concurrency)))},
				func(s *Supervisor, f *fake, _ <-chan Outcome) {
					time.Sleep(5*time.Minute + time.Second)
					synctest.Wait()
					all := f.said(" ")
					var kept []string
					for _, l := range all {
						if strings.Contains(l, "start") || strings.Contains(l, "exit") {
							kept = append(kept, l)
						}
					}
					expect(t, "what happened", strings.Join(kept, "|"), c.want)
					expect(t, "skipped", count(f, "job.skipped"), map[string]int{"forbid": 2}[c.concurrency])
				})
		})
	}
}

// However long a run takes, there are never more than max_workers.
func TestAllowHasABound(t *testing.T) {
	three := func(a *spec.App) { a.MaxWorkers = 3 }
	bubble(t, lasting(time.Hour), 0, []spec.App{appOf("poll", job("", every(time.Minute), concurrency("allow")), three)},
		func(s *Supervisor, f *fake, _ <-chan Outcome) {
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			expect(t, "states", states(s), "poll/0 running, poll/1 running, poll/2 running")
			expect(t, "skipped", count(f, "job.skipped"), 2)
			if _, err := s.Do(context.Background(), Stop{Targets: []string{"poll"}}); err != nil {
				t.Error(err)
			}
			expect(t, "stopped", states(s), "poll/0 stopped")
			time.Sleep(time.Hour)
			synctest.Wait()
			expect(t, "starts", len(f.said("start")), 3)
			for range 2 { // one, and one beside it
				if _, err := s.Do(context.Background(), Start{Targets: []string{"poll"}}); err != nil {
					t.Error(err)
				}
			}
			expect(t, "started by hand", states(s), "poll/0 running, poll/1 running")
		})
}

// What was missed while the clock jumped comes once; what has come does not come again when the clock is set back a little.
func TestClockIsSet(t *testing.T) {
	w := &wall{}
	asked := 0
	c := Config{Spec: &spec.Spec{Apps: []spec.App{appOf("report", job("0 * * * *")), appOf("poll", job("", every(time.Hour)))}}, Now: w.now,
		WatchClock: func() { asked++ }}
	bubbleWith(t, lasting(time.Second), c, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		reports := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			expect(t, what, len(f.said("start report")), want)
		}
		set := func(by time.Duration) {
			w.ahead.Add(int64(by))
			s.ClockSet()
		}
		time.Sleep(90 * time.Minute) // 1:30
		reports("at 1:00", 1)
		set(5*time.Hour + 15*time.Minute) // 6:45
		reports("2:00 to 6:00 were left out", 2)
		expect(t, "next", s.Snapshot()[0].NextAt.Format(time.TimeOnly), "07:00:00")
		time.Sleep(16 * time.Minute) // 7:01
		reports("at 7:00", 3)
		set(-30 * time.Minute) // 6:31
		time.Sleep(30 * time.Minute)
		reports("the second 7:00", 3)
		expect(t, "next", s.Snapshot()[0].NextAt.Format(time.TimeOnly), "08:00:00")
		set(-6 * time.Hour) // 1:01: it was wrong before
		time.Sleep(time.Hour)
		reports("at 2:00 again", 4)
		w.ahead.Add(-int64(10 * time.Minute)) // 1:51, and nobody has told
		time.Sleep(time.Hour + 5*time.Minute) // 2:56
		reports("not at 2:50, when the timer fires", 4)
		time.Sleep(5 * time.Minute)
		reports("at 3:00", 5)
		expect(t, "by no clock", len(f.said("start poll")), 4)
		expect(t, "asked to watch the clock", asked, 1)
	})
}

func TestJobByHand(t *testing.T) {
	bubble(t, lasting(10*time.Minute), 0, []spec.App{appOf("report", job("0 3 * * *"))}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		do := func(c Command) {
			t.Helper()
			if _, err := s.Do(context.Background(), c); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		w := s.Snapshot()[0]
		expect(t, "before", fmt.Sprintln(w.State, w.NextAt.UTC().Format(time.DateTime), w.Ready), "scheduled 2000-01-01 03:00:00 false\n")
		do(Start{Targets: []string{"report"}})
		expect(t, "started now", states(s), "report/0 running")
		do(Start{Targets: []string{"report"}}) // it runs
		do(Restart{Targets: []string{"report"}})
		expect(t, "starts", strings.Join(f.said("start"), "|"), "0s start report/0|0s start report/0")
		time.Sleep(time.Hour)
		synctest.Wait()
		expect(t, "afterwards", states(s), "report/0 scheduled")
		do(Stop{Targets: []string{"report"}})
		if w := s.Snapshot()[0]; w.State != "stopped" || w.NextAt != nil {
			t.Errorf("%+v", w)
		}
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		expect(t, "starts while it is stopped", len(f.said("start")), 2)
		do(Start{Targets: []string{"report/0"}})
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		expect(t, "starts", len(f.said("start")), 4)
		if _, err := s.Do(context.Background(), Scale{App: "report", N: 3}); !errors.Is(err, ErrInvalid) {
			t.Errorf("a job was scaled: %v", err)
		}
	})
}

// A job is never the end of goinit, unless it is asked to be.
func TestJobsAndTheEnd(t *testing.T) {
	failing := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) { p.exit(Exit{Code: 3}) }
		return f
	}
	apps := []spec.App{appOf("report", job("", every(time.Minute))), appOf("once", policy("no"), func(a *spec.App) { a.OnFailure = "ignore" })}
	bubble(t, failing, 0, apps, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		time.Sleep(3*time.Minute + time.Second)
		synctest.Wait()
		expect(t, "states", states(s), "report/0 scheduled, once/0 failed")
		w := s.Snapshot()[0]
		expect(t, "it says how often", fmt.Sprint(w.Failures, w.LastExit.Status, w.Restarts, count(f, "job.failed"), count(f, "worker.crash-loop")), "3 3 0 3 0")
		f.refuse = func(string) error { return errors.New("no such luck") }
		if _, err := s.Do(context.Background(), Start{Targets: []string{"report"}}); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "no such luck") {
			t.Errorf("a run by hand that fails: %v", err)
		}
		select {
		case o := <-ended:
			t.Errorf("it has ended: %v", o)
		default:
		}
	})
	fatal := appOf("report", job("", every(time.Minute)), func(a *spec.App) { a.OnFailure = "shutdown" })
	bubble(t, failing, 0, []spec.App{fatal}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		expect(t, "outcome", <-ended, "{3 report gave up with status 3 []}")
	})
}

func TestRunHasATime(t *testing.T) {
	limited := appOf("report", job("", every(time.Hour), func(s *spec.Schedule) { s.Timeout = spec.Duration(5 * time.Minute) }))
	bubble(t, newFake, 0, []spec.App{limited}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(65 * time.Minute)
		synctest.Wait()
		w := s.Snapshot()[0]
		expect(t, "after five minutes", fmt.Sprint(w.State, w.Failures, w.LastExit.Reason, count(f, "job.timeout")), "scheduled1run-timeout1")
		time.Sleep(56 * time.Minute)
		if _, err := s.Do(context.Background(), Pause{Targets: []string{"report"}}); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		expect(t, "a pause gives no more", states(s), "report/0 scheduled")
		expect(t, "thawed", len(f.said("thaw")), 1)
	})
}

// A job that waits for what it depends on runs once when that is up, however often its time has come.
func TestJobWaits(t *testing.T) {
	f := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			if p.worker == "migrate/0" {
				time.Sleep(150 * time.Second)
			}
			p.exit(Exit{})
		}
		return f
	}
	apps := []spec.App{appOf("migrate", policy("no")), appOf("report", job("", every(time.Minute)), on("migrate", "completed")), appOf("late", job("@daily"), on("migrate", "completed"))}
	bubble(t, f, 0, apps, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(140 * time.Second)
		synctest.Wait()
		expect(t, "states", states(s), "migrate/0 running, report/0 waiting, late/0 waiting")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		expect(t, "once", strings.Join(f.said("start report"), "|"), "2m30s start report/0")
		expect(t, "states", states(s), "migrate/0 completed, report/0 scheduled, late/0 scheduled")
	})
	bubble(t, f, 0, []spec.App{appOf("report", job("@daily"))}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		waits := appOf("web", on("report", "ready"))
		if _, err := s.Do(context.Background(), Add{App: waits}); err == nil || !strings.Contains(err.Error(), "is a job") {
			t.Errorf("somebody waits for a job: %v", err)
		}
		lost := appOf("lost", job("@daily", inZone("Europe/Atlantis")))
		if _, err := s.Do(context.Background(), Add{App: lost}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "Europe/Atlantis") {
			t.Errorf("a zone that there is not: %v", err)
		}
	})
}

// Workers are replaced by the clock and by their age, one after another.
func TestRecycledByTime(t *testing.T) {
	nightly := appOf("web", workers(3), func(a *spec.App) {
		a.Recycle = spec.Recycle{Schedule: "0 3 * * *", Timezone: "UTC", Jitter: spec.Duration(5 * time.Minute)}
	})
	slow := func() *fake { // to stop takes a minute
		f := newFake()
		f.behave = func(p *fakeProcess) {
			<-p.signals
			time.Sleep(5 * time.Second)
			p.exit(Exit{})
		}
		return f
	}
	bubble(t, slow, 0, []spec.App{nightly}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		expect(t, "ahead of it", len(f.said("start")), 3)
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		var order []string
		for _, l := range f.said(" web/") {
			if what := strings.Fields(l); what[1] == "SIGTERM" || what[1] == "gone" {
				order = append(order, what[1]+" "+what[2])
			}
		}
		expect(t, "one after another", strings.Join(order, ", "), "SIGTERM web/0, gone web/0, SIGTERM web/1, gone web/1, SIGTERM web/2, gone web/2")
		if w := s.Snapshot()[0]; w.NextAt != nil || w.Restarts != 0 {
			t.Errorf("%+v", w)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		expect(t, "the second night", count(f, "worker.recycled"), 6)
	})
	old := appOf("web", workers(2), func(a *spec.App) {
		a.Recycle = spec.Recycle{MaxAge: spec.Duration(time.Hour), Jitter: spec.Duration(10 * time.Minute)}
	})
	bubble(t, slow, 0, []spec.App{old}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		expect(t, "young", count(f, "worker.recycled"), 0)
		time.Sleep(10*time.Minute + 12*time.Second)
		synctest.Wait()
		expect(t, "old", count(f, "worker.recycled"), 2)
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		expect(t, "old again", count(f, "worker.recycled"), 4)
		if _, err := s.Do(context.Background(), Stop{Targets: []string{"web"}}); err != nil {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		expect(t, "stopped", len(f.said("start")), 6)
	})
}
