package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
)

func TestBackOffDoublesAndForgets(t *testing.T) {
	var starts []time.Duration
	f := func() *fake {
		f := newFake()
		n := 0
		f.behave = func(p *fakeProcess) {
			f.mu.Lock()
			n++
			starts = append(starts, time.Since(f.began))
			long := n == 6
			f.mu.Unlock()
			if long {
				time.Sleep(10 * time.Second) // reset_after
			}
			if n < 9 {
				p.exit(Exit{Code: 1})
				return
			}
			p.untilTerm()
		}
		return f
	}
	bubble(t, f, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(starts) != 9 {
			t.Fatalf("%d starts: %v", len(starts), starts)
		}
		// At once, then 100 ms, doubling; after ten seconds of health at once again.
		for i, want := range []time.Duration{0, 100, 200, 400, 800, 10000, 100, 200} {
			want *= time.Millisecond
			gap := starts[i+1] - starts[i]
			least := want - want/5
			if i == 5 {
				least = want
			}
			if gap > want || gap < least {
				t.Errorf("start %d came after %v, want %v less up to a fifth", i+1, gap, want)
			}
		}
		w := s.Snapshot()[0]
		expect(t, "state", []any{w.State, w.Restarts, w.Generation}, []any{"running", 8, 9})
	})
}

func TestBackOffIsSeen(t *testing.T) {
	f := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) { p.exit(Exit{Code: 3}) }
		return f
	}
	bubble(t, f, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		w := s.Snapshot()[0]
		if w.State != "backoff" || w.NextAt == nil || time.Until(*w.NextAt) > 100*time.Millisecond || w.PID != nil || w.StartedAt != nil {
			t.Errorf("%+v", w)
		}
		text, err := json.Marshal(w.LastExit)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := json.Marshal(w.LastExit.At)
		expect(t, "last exit", string(text), `{"code":3,"signal":null,"status":3,"reason":"exited","at":`+string(at)+`}`)
		// A stop during the back-off: nothing starts any more.
		if _, err := s.Do(context.Background(), Stop{Targets: []string{"web/0"}}); err != nil {
			t.Error(err)
		}
		before := len(f.said("start"))
		time.Sleep(time.Minute)
		synctest.Wait()
		expect(t, "starts", len(f.said("start")), before)
		expect(t, "states", states(s), "web/0 stopped")
	})
}

func TestGivesUp(t *testing.T) {
	three := 3
	f := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			if p.worker == "web/0" {
				p.exit(Exit{Code: 7})
				return
			}
			p.untilTerm()
		}
		return f
	}
	limited := appOf("web", func(a *spec.App) { a.Restart.MaxRestarts = &three; a.Restart.Window = spec.Duration(time.Minute) })
	bubble(t, f, 0, []spec.App{limited, appOf("db")}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		o := <-ended
		expect(t, "starts", len(f.said("start web")), 4)
		expect(t, "outcome", o, "{7 web gave up with status 7 []}")
		expect(t, "db was stopped", len(f.said("gone db/0")), 1)
	})
}

// What has failed can be stopped: it is stopped like any other then, and stays so.
func TestStopOfWhatHasFailed(t *testing.T) {
	f := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			if p.worker == "web/0" {
				p.exit(Exit{Code: 3})
				return
			}
			p.untilTerm()
		}
		return f
	}
	web := appOf("web", policy("no"), func(a *spec.App) { a.OnFailure = "ignore" })
	bubble(t, f, 0, []spec.App{web, appOf("db")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		expect(t, "states", states(s), "web/0 failed, db/0 running")
		for range 2 {
			r, err := s.Do(context.Background(), Stop{Targets: []string{"web"}})
			if err != nil || len(r.Workers) != 1 || r.Workers[0].State != "stopped" {
				t.Errorf("%v, %+v", err, r.Workers)
			}
			expect(t, "states", states(s), "web/0 stopped, db/0 running")
		}
		expect(t, "starts", len(f.said("start web")), 1)
	})
}

func TestStartsThatFail(t *testing.T) {
	f := func() *fake {
		f := newFake()
		f.refuse = func(string) error { return errors.New("no such luck") }
		return f
	}
	bubble(t, f, 0, []spec.App{appOf("once", policy("no"))}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		expect(t, "outcome", <-ended, "{126 once gave up with status 126 []}")
	})
	zero := appOf("web", func(a *spec.App) { a.Restart.Delay = 0; a.Restart.MaxDelay = 0 })
	bubble(t, f, 0, []spec.App{zero}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		time.Sleep(time.Second)
		if n := len(f.said("refuse")); n < 80 || n > 130 {
			t.Errorf("%d starts in a second, without a delay: want about 100", n)
		}
		w := s.Snapshot()[0]
		expect(t, "last exit", []any{w.LastExit.Reason, w.LastExit.Error}, []any{"start-failed", "no such luck"})
	})
}

// A stop is finished only when the whole tree is gone, and what does not go in time is killed.
func TestStop(t *testing.T) {
	for _, c := range []struct {
		name   string
		behave func(p *fakeProcess)
		want   string
	}{
		{"in time", func(p *fakeProcess) { <-p.signals; time.Sleep(2 * time.Second); p.exit(Exit{}) },
			"0s SIGTERM web/0|2s exit web/0|2s gone web/0"},
		{"never", func(p *fakeProcess) {}, "0s SIGTERM web/0|10s kill web/0|10s exit web/0|10s gone web/0"},
		{"its children in time", func(p *fakeProcess) {
			p.mu.Lock()
			p.childrenLeft = true
			p.mu.Unlock()
			<-p.signals
			p.exit(Exit{})
			time.Sleep(4 * time.Second)
			p.leave()
		}, "0s SIGTERM web/0|0s exit web/0|4s gone web/0"},
		{"its children never", func(p *fakeProcess) {
			p.mu.Lock()
			p.childrenLeft = true
			p.mu.Unlock()
			<-p.signals
			time.Sleep(3 * time.Second)
			p.exit(Exit{})
		}, "0s SIGTERM web/0|3s exit web/0|10s kill web/0|10s gone web/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := func() *fake { f := newFake(); f.behave = c.behave; return f }
			bubble(t, f, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
				r, err := s.Do(context.Background(), Stop{Targets: []string{"web"}})
				if err != nil {
					t.Fatal(err)
				}
				expect(t, "log", strings.Join(f.log[1:], "|"), c.want)
				expect(t, "result", []any{r.Workers[0].State, r.Workers[0].LastExit.Reason}, []any{"stopped", "stopped"})
			})
		})
	}
}

func TestRestartIsANewProcess(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(2)), appOf("proxy", on("web", "started"))},
		func(s *Supervisor, f *fake, _ <-chan Outcome) {
			before := s.Snapshot()
			r, err := s.Do(context.Background(), Restart{Targets: []string{"web/1"}})
			if err != nil {
				t.Fatal(err)
			}
			after := s.Snapshot()
			if *after[0].PID != *before[0].PID || *after[1].PID == *before[1].PID || after[1].Generation != 2 {
				t.Errorf("before %+v\nafter %+v", before, after)
			}
			expect(t, "reason", after[1].LastExit.Reason, "replaced")
			expect(t, "restarts are those that nobody asked for", after[1].Restarts, 0)
			expect(t, "a dependent stays", after[2].Generation, 1)
			expect(t, "told of", len(r.Workers), 1)
		})
}

func TestTargets(t *testing.T) {
	tagged := appOf("web", workers(2), func(a *spec.App) { a.Tags = []string{"front"} })
	bubble(t, newFake, 0, []spec.App{tagged, appOf("db")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		send := func(targets ...string) string {
			f.mu.Lock()
			f.log = nil
			f.mu.Unlock()
			if _, err := s.Do(context.Background(), Signal{Targets: targets, Signal: syscall.SIGUSR1}); err != nil {
				return err.Error()
			}
			var hit []string
			for _, l := range sorted(f.said("SIGUSR1")) {
				hit = append(hit, strings.Fields(l)[2])
			}
			return strings.Join(hit, " ")
		}
		for target, want := range map[string]string{
			"web": "web/0 web/1", "web/1": "web/1", "@front": "web/0 web/1", "all": "db/0 web/0 web/1", "db": "db/0",
			"web/2": "no such target: web/2", "0": "no such target: 0", "@back": "no such target: @back", "": "no such target: ",
		} {
			expect(t, target, send(target), want)
		}
		pid := *s.Snapshot()[1].PID
		expect(t, "by pid", send("web/0", string(rune('0'+pid/100))+string(rune('0'+pid/10%10))+string(rune('0'+pid%10))), "web/0 web/1")
		_, err := s.Do(context.Background(), Stop{Targets: []string{"db", "nothing"}})
		var te *TargetError
		if !errors.As(err, &te) || !errors.Is(err, ErrNoSuchTarget) || strings.Join(te.Known, " ") != "web/0 web/1 db/0" {
			t.Errorf("%v", err)
		}
		expect(t, "nothing is done of a command of which a part is wrong", states(s), "web/0 running, web/1 running, db/0 running")
		if _, err := s.Do(context.Background(), Stop{Targets: []string{"db"}}); err != nil {
			t.Error(err)
		}
		_, err = s.Do(context.Background(), Signal{Targets: []string{"db"}, Signal: syscall.SIGUSR1})
		if !errors.Is(err, ErrNotRunning) {
			t.Errorf("signal to a stopped app: %v", err)
		}
	})
}

func TestScale(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", func(a *spec.App) { a.Workers = spec.Workers{Auto: true}; a.MaxWorkers = 16 })}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		expect(t, "auto", len(s.Snapshot()), 3)
		expect(t, "auto, as it is now", s.Scaled()[0].Workers, spec.Workers{Auto: true})
		for _, c := range []struct {
			command Scale
			want    string
		}{
			{Scale{App: "web", N: 1}, "web/0 running"},
			{Scale{App: "web", N: 2, Relative: true}, "web/0 running, web/1 running, web/2 running"},
			{Scale{App: "web", N: 0}, "web stopped"},
			{Scale{App: "web", N: 1}, "web/0 running"},
		} {
			if _, err := s.Do(context.Background(), c.command); err != nil {
				t.Fatal(err)
			}
			expect(t, "scaled", states(s), c.want)
		}
		if _, err := s.Do(context.Background(), Scale{App: "web", N: -5, Relative: true}); !errors.Is(err, ErrInvalid) {
			t.Errorf("scale below nothing: %v", err)
		}
		for _, more := range []Scale{{N: spec.MaxWorkers + 1}, {N: spec.MaxWorkers, Relative: true}} { // as in a spec
			more.App = "web"
			if _, err := s.Do(context.Background(), more); !errors.Is(err, ErrInvalid) || !strings.HasSuffix(err.Error(), "web cannot have 1001 workers: it is not from 0 to 1000") {
				t.Errorf("scale above all: %v", err)
			}
		}
		expect(t, "scaled", states(s), "web/0 running")
		expect(t, "as it is now", s.Scaled()[0].Workers, spec.Workers{Count: 1})
		expect(t, "as it was said", s.Apps()[0].Workers, spec.Workers{Auto: true})
	})
}

func TestOrder(t *testing.T) {
	slow := func(a *spec.App) { a.Stop.Timeout = spec.Duration(10 * time.Second) }
	f := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			if p.worker == "migrate/0" {
				time.Sleep(5 * time.Second)
				p.exit(Exit{})
				return
			}
			<-p.signals
			time.Sleep(time.Second)
			p.exit(Exit{})
		}
		return f
	}
	apps := []spec.App{appOf("web", on("migrate", "completed"), on("db", "started"), slow), appOf("migrate", policy("no"), on("db", "ready")), appOf("db")}
	bubble(t, f, 9*time.Second, apps, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		expect(t, "at first", states(s), "web/0 waiting, migrate/0 running, db/0 running")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		expect(t, "then", states(s), "web/0 running, migrate/0 completed, db/0 running")
		if _, err := s.Do(context.Background(), Shutdown{Reason: "asked"}); err != nil {
			t.Fatal(err)
		}
		expect(t, "outcome", <-ended, "{0 asked []}")
		expect(t, "log", strings.Join(f.log, "|"), "0s start db/0|0s start migrate/0|5s exit migrate/0|5s kill migrate/0|5s gone migrate/0|5s start web/0|"+
			"5s SIGTERM web/0|6s exit web/0|6s gone web/0|6s SIGTERM db/0|7s exit db/0|7s gone db/0")
		if _, err := s.Do(context.Background(), Start{Targets: []string{"db"}}); !errors.Is(err, ErrEnded) {
			t.Errorf("a command after the end: %v", err)
		}
	})
}

func TestShutdownKeepsItsBudget(t *testing.T) {
	deaf := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {}
		return f
	}
	apps := []spec.App{appOf("web", on("db", "started")), appOf("db")}
	bubble(t, deaf, 9*time.Second, apps, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		s.Do(context.Background(), Shutdown{Reason: "asked"})
		expect(t, "outcome", <-ended, "{137 asked [web/0 db/0]}")
		expect(t, "log", strings.Join(f.log[2:], "|"), "0s SIGTERM web/0|4.35s kill web/0|4.35s exit web/0|4.35s gone web/0|4.35s SIGTERM db/0|8.7s kill db/0|8.7s exit db/0|8.7s gone db/0")
	})
	stuck := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) { p.mu.Lock(); p.uninterrupts = true; p.mu.Unlock() }
		return f
	}
	bubble(t, stuck, 9*time.Second, apps, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		s.Do(context.Background(), Shutdown{Reason: "asked"})
		o := <-ended
		expect(t, "outcome", o.Status, 137)
		expect(t, "took", time.Since(f.began), 9*time.Second)
	})
}

func TestSecondShutdownHurries(t *testing.T) {
	deaf := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			for range p.signals {
			}
		}
		return f
	}
	bubble(t, deaf, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		s.Do(context.Background(), Shutdown{})
		time.Sleep(time.Second)
		s.Do(context.Background(), Shutdown{})
		expect(t, "outcome", (<-ended).Status, 137)
		expect(t, "took", time.Since(f.began), time.Second)
	})
	bubble(t, deaf, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		for range 2 { // of timeout(1)
			s.Do(context.Background(), Shutdown{Signal: true})
		}
		expect(t, "outcome", (<-ended).Status, 137)
		expect(t, "took", time.Since(f.began), 10*time.Second)
	})
}
