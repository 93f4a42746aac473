package supervise

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
)

// serving is an app that serves on a socket of goinit's.
func serving(n int, change ...func(*spec.App)) spec.App {
	return appOf("web", append([]func(*spec.App){workers(n), func(a *spec.App) {
		a.Listen = []spec.Listen{{Address: ":80"}}
		a.OnFailure = "ignore"
	}}, change...)...)
}

// rolling runs apps whose workers serve on a fake cluster.
func rolling(t *testing.T, apps []spec.App, set func(*fake, *fakeCluster), test func(s *Supervisor, f *fake, c *fakeCluster)) {
	t.Helper()
	c := newFakeCluster()
	c.wrong = t.Errorf
	config := Config{Spec: &spec.Spec{Apps: apps}, Cluster: c, Budget: 9 * time.Second}
	bubbleWith(t, func() *fake {
		f := newFake()
		f.beside, c.f = true, f
		if set != nil {
			set(f, c)
		}
		return f
	}, config, func(s *Supervisor, f *fake, _ <-chan Outcome) { test(s, f, c) })
	if len(c.members) > 0 {
		t.Errorf("members are left: %v", c.members)
	}
}

func reloaded(t *testing.T, s *Supervisor, targets ...string) {
	t.Helper()
	if _, err := s.Do(context.Background(), Reload{Targets: targets}); err != nil {
		t.Error(err)
	}
}

func processesOf(s *Supervisor) string {
	var all []string
	for _, w := range s.Snapshot() {
		all = append(all, fmt.Sprintf("%s.%d %s", *w.Worker, w.Generation, w.State))
	}
	return strings.Join(all, ", ")
}

// One after another: the new one serves before the old one leaves, and is gone before the next one's turn.
func TestReloadReplacesOneAfterAnother(t *testing.T) {
	rolling(t, []spec.App{serving(2)}, nil, func(s *Supervisor, f *fake, c *fakeCluster) {
		time.Sleep(10 * time.Second)
		f.log = nil
		reloaded(t, s, "web")
		expect(t, "workers", processesOf(s), "web/0.2 running, web/1.2 running")
		expect(t, "log", strings.Join(f.log, "\n"), strings.Join([]string{
			"10s start web/0", "10s joined web/0.2",
			"11s in web/0.2", "11s drains web/0.1", "11s SIGTERM web/0", "11s exit web/0", "11s gone web/0.1", "11s gone web/0", // it has lived for a second
			"11s start web/1", "11s joined web/1.2",
			"12s in web/1.2", "12s drains web/1.1", "12s SIGTERM web/1", "12s exit web/1", "12s gone web/1.1", "12s gone web/1"}, "\n"))
	})
}

// Who is told to drain in a way of its own is sent the stop signal when that time is over, and killed when the time to
// stop is.
func TestDrainHasItsTime(t *testing.T) {
	for _, tells := range []bool{true, false} {
		drain := spec.Duration(20 * time.Second)
		rolling(t, []spec.App{serving(1, func(a *spec.App) { a.Stop.Drain = &drain })}, func(f *fake, c *fakeCluster) {
			c.tells = tells
			f.behave = func(p *fakeProcess) {
				for range p.signals { // deaf
				}
			}
		}, func(s *Supervisor, f *fake, c *fakeCluster) {
			time.Sleep(10 * time.Second)
			f.log = nil
			go s.Do(context.Background(), Reload{Targets: []string{"web"}})
			time.Sleep(5 * time.Second)
			expect(t, "while it drains", processesOf(s), "web/0.2 running, web/0.1 draining")
			time.Sleep(time.Minute)
			expect(t, "after it", processesOf(s), "web/0.2 running")
			signalled := map[bool]string{true: "31s SIGTERM web/0", false: "11s SIGTERM web/0"}[tells]
			expect(t, "its end", strings.Join(slices.Concat(f.said("SIGTERM"), f.said("kill")), ", "), signalled+", 41s kill web/0")
		})
	}
}

// A new version that does not come up ends the reload at the first worker: all old ones serve on, and are started again as they were.
func TestBrokenReload(t *testing.T) {
	broken := map[string]func(*fakeProcess){
		"exited with status 7": func(p *fakeProcess) {
			time.Sleep(300 * time.Millisecond)
			p.exit(Exit{Code: 7})
		},
		"was killed by SIGSEGV":                          func(p *fakeProcess) { p.exit(Exit{Signal: syscall.SIGSEGV}) },
		"was not ready within 60s":                       (*fakeProcess).untilTerm,
		"was not ready within 60s: it listens elsewhere": (*fakeProcess).untilTerm,
		"was not ready within 60s: it does not accept":   (*fakeProcess).untilTerm,
		"could not be started: it cannot join":           nil,
	}
	for why, behave := range broken {
		t.Run(why, func(t *testing.T) {
			var c *fakeCluster
			old := serving(4)
			rolling(t, []spec.App{old}, func(f *fake, cluster *fakeCluster) {
				c = cluster
				c.ready = func(w Work) bool { return w.App.WorkingDir != "/new" }
				if _, c.lacks, _ = strings.Cut(why, "60s: "); c.lacks == "it does not accept" {
					c.ready, c.doubt = nil, func(w Work) string { return map[bool]string{true: c.lacks}[w.App.WorkingDir == "/new"] }
				}
				f.behave = func(p *fakeProcess) {
					if p.app.WorkingDir == "/new" {
						behave(p)
						return
					}
					p.untilTerm()
				}
			}, func(s *Supervisor, f *fake, c *fakeCluster) {
				time.Sleep(10 * time.Second)
				lost := watchService(c, 4)
				next := old
				next.WorkingDir = "/new"
				if behave == nil {
					next.WorkingDir = "/nowhere"
				}
				_, err := s.Do(context.Background(), Apply{Apps: []spec.App{next}})
				want := "reload of web stopped at 1 of 4: the new web/0 " + why + "; the 4 old workers serve on"
				if err == nil || err.Error() != want || !errors.Is(err, ErrFailed) {
					t.Errorf("got %v, want %s", err, want)
				}
				_, err = s.Do(context.Background(), Reload{Targets: []string{"web"}}) // once more, by hand
				if err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				time.Sleep(time.Minute)
				if n := lost(); n > 0 {
					t.Errorf("%d times there were fewer than 4", n)
				}
				expect(t, "workers", processesOf(s), "web/0.1 running, web/1.1 running, web/2.1 running, web/3.1 running")
				f.process("web/2").exit(Exit{Code: 1})
				time.Sleep(time.Second)
				expect(t, "a crash", f.process("web/2").app.WorkingDir, old.WorkingDir)
				if _, err := s.Do(context.Background(), Apply{Apps: []spec.App{old}}); err != nil {
					t.Errorf("back to the old: %v", err)
				}
				expect(t, "and nothing was replaced", f.process("web/0").generation, 1)
			})
		})
	}
}

// Who says nothing of its readiness replaces another when it has lived for a second and nobody doubts that it can. Whoever is in
// doubt is told why in ps; the end of the doubt, and of the process, is the end of the asking.
func TestReplacementIsConfirmed(t *testing.T) {
	rolling(t, []spec.App{serving(1)}, func(f *fake, c *fakeCluster) {
		c.doubt = func(w Work) string { return fmt.Sprintf("generation %d does not accept", w.Generation) }
	}, func(s *Supervisor, f *fake, c *fakeCluster) {
		time.Sleep(10 * time.Second)
		expect(t, "the first, whom nobody has asked", processesOf(s), "web/0.1 running")
		answer := make(chan error, 1)
		go func() {
			_, err := s.Do(context.Background(), Reload{Targets: []string{"web"}})
			answer <- err
		}()
		time.Sleep(30 * time.Second)
		expect(t, "in doubt", processesOf(s), "web/0.1 running, web/0.2 starting")
		expect(t, "why", s.Snapshot()[1].NotReady, "generation 2 does not accept")
		second := c.member("web/0.2")
		c.mu.Lock()
		c.doubt = nil
		second.answer()
		c.mu.Unlock()
		expect(t, "the reload", <-answer, nil)
		expect(t, "without a doubt", processesOf(s), "web/0.2 running")
		expect(t, "not asked any more", second.over, true)

		c.mu.Lock()
		c.doubt = func(Work) string { return "it does not accept" }
		c.mu.Unlock()
		go s.Do(context.Background(), Reload{Targets: []string{"web"}})
		time.Sleep(20 * time.Second)
		third := c.member("web/0.3")
		expect(t, "asked", third.asked && !third.over, true)
		s.Do(context.Background(), Stop{Targets: []string{"web"}})
		expect(t, "and not wanted any more", third.over, true)
	})
}

// watchService counts the moments at which fewer serve than should.
func watchService(c *fakeCluster, least int) (lost func() int32) {
	var n atomic.Int32
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if c.serving() < least {
					n.Add(1)
				}
			case <-stop:
				return
			}
		}
	})
	return func() int32 {
		close(stop)
		done.Wait()
		return n.Load()
	}
}

func TestApplyReplacesWhatServes(t *testing.T) {
	one := serving(3)
	rolling(t, []spec.App{one}, nil, func(s *Supervisor, f *fake, c *fakeCluster) {
		time.Sleep(10 * time.Second)
		lost := watchService(c, 3)
		two := one
		two.Environment, two.Workers.Count = []spec.Variable{{Name: "V", Value: "2"}}, 4
		two.Listen = []spec.Listen{{Address: ":81"}}
		r, err := s.Do(context.Background(), Apply{Apps: []spec.App{two}})
		if err != nil || fmt.Sprint(r.Diff.Reloaded) != "[web]" {
			t.Fatalf("%+v, %v", r.Diff, err)
		}
		if n := lost(); n > 0 {
			t.Errorf("%d times there were fewer than 3", n)
		}
		expect(t, "workers", processesOf(s), "web/0.2 running, web/1.2 running, web/2.2 running, web/3.1 running")
		for n := range 4 {
			expect(t, "definition", f.process(fmt.Sprintf("web/%d", n)).app.Environment, two.Environment)
		}
		expect(t, "open", c.open, map[string]bool{":81": true})
		c.deny[":82"] = errors.New("listen :82: address in use")
		two.Listen = []spec.Listen{{Address: ":82"}}
		if _, err := s.Do(context.Background(), Apply{Apps: []spec.App{two}}); !errors.Is(err, c.deny[":82"]) {
			t.Errorf("an address that cannot be had: %v", err)
		}
		expect(t, "and nothing has changed", processesOf(s), "web/0.2 running, web/1.2 running, web/2.2 running, web/3.1 running")
	})
}

// The suicide signal: the replacement is started at once, and a crash of the one that leaves is no matter.
func TestSuicideSignal(t *testing.T) {
	rolling(t, []spec.App{serving(2)}, func(f *fake, c *fakeCluster) {
		c.tells = true
		c.ready = func(Work) bool { return true }
	}, func(s *Supervisor, f *fake, c *fakeCluster) {
		time.Sleep(10 * time.Second)
		c.member("web/0.1").told(Verdict{Kind: VerdictStopping})
		synctest.Wait()
		expect(t, "at once", processesOf(s), "web/0.2 running, web/0.1 draining, web/1.1 running")
		expect(t, "serving", c.serving(), 2)
		f.oldest("web/0").exit(Exit{Code: 1})
		time.Sleep(time.Second)
		expect(t, "after it", processesOf(s), "web/0.2 running, web/1.1 running")
		expect(t, "signals", f.said("SIGTERM"), []string{})
		w := s.Snapshot()[0]
		expect(t, "counted", []any{w.Restarts, w.LastExit.Status}, []any{1, 1})
	})
}

// A stop in the middle has the last word, and so has a removal; who waits for the reload is told.
func TestStopDuringReload(t *testing.T) {
	for _, stop := range []Command{Stop{Targets: []string{"web"}}, Remove{App: "web"}, Restart{Targets: []string{"web"}}} {
		rolling(t, []spec.App{serving(3), appOf("other")}, func(f *fake, c *fakeCluster) {
			c.ready = func(w Work) bool { return w.Generation == 1 }
		}, func(s *Supervisor, f *fake, c *fakeCluster) {
			time.Sleep(10 * time.Second)
			answer := make(chan error, 1)
			go func() {
				_, err := s.Do(context.Background(), Reload{Targets: []string{"web"}})
				answer <- err
			}()
			time.Sleep(time.Second)
			c.mu.Lock()
			c.ready = func(Work) bool { return true }
			c.mu.Unlock()
			if _, err := s.Do(context.Background(), stop); err != nil {
				t.Errorf("%T: %v", stop, err)
			}
			_, anew := stop.(Restart) // which has replaced them too
			if err := <-answer; !errors.Is(err, ErrSuperseded) && !errors.Is(err, ErrEnded) && !(anew && err == nil) {
				t.Errorf("%T: the reload: %v", stop, err)
			}
			want := map[bool]int{true: 4, false: 1}[len(f.said("start web/0")) > 2]
			f.mu.Lock()
			if len(f.alive) != want {
				t.Errorf("%T: %d are left: %s", stop, len(f.alive), processesOf(s))
			}
			f.mu.Unlock()
		})
	}
}

func TestReloadBySignal(t *testing.T) {
	reload := func(a *spec.App) { a.Reload.Signal = "SIGHUP" }
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(2), reload)}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		f.log = nil
		reloaded(t, s, "web")
		expect(t, "log", f.log, []string{"0s SIGHUP web/0", "0s SIGHUP web/1"})
		reloaded(t, s, "web/1")
		expect(t, "log", f.log[2:], []string{"0s SIGHUP web/1"})
		s.Do(context.Background(), Stop{Targets: []string{"web"}})
		if _, err := s.Do(context.Background(), Reload{Targets: []string{"web"}}); !errors.Is(err, ErrNotRunning) {
			t.Errorf("of what does not run: %v", err)
		}
	})
}

// Where two cannot serve side by side, each is stopped before its successor starts, and lives before the next one's turn.
func TestReloadInPlace(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(2))}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(10 * time.Second)
		f.log = nil
		reloaded(t, s, "all")
		expect(t, "log", f.log, []string{"10s SIGTERM web/0", "10s exit web/0", "10s gone web/0", "10s start web/0",
			"11s SIGTERM web/1", "11s exit web/1", "11s gone web/1", "11s start web/1"}) // when the first has lived for a second
	})
}

// Who waits for a start is not told that it came to nothing while what starts is being replaced.
func TestStartDuringReloadInPlace(t *testing.T) {
	none, one := 0, 1
	inPlace := func(a *spec.App) { a.Reload.MaxSurge, a.Reload.MaxUnavailable = &none, &one }
	rolling(t, []spec.App{serving(1, inPlace)}, func(f *fake, c *fakeCluster) {
		c.ready = func(w Work) bool { return w.Generation == 2 }
	}, func(s *Supervisor, f *fake, c *fakeCluster) {
		answer := make(chan error, 1)
		go func() {
			_, err := s.Do(context.Background(), Start{Targets: []string{"web"}})
			answer <- err
		}()
		synctest.Wait()
		reloaded(t, s, "web")
		expect(t, "the start", <-answer, nil)
		expect(t, "workers", processesOf(s), "web/0.2 running")
	})
}

// Random reloads, applies, crashes and suicides of workers that come up, or do not: the number of processes is bounded,
// every command is answered, and nothing is left.
func TestRandomReloads(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 15
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 17))
		chance := rand.New(rand.NewPCG(seed, 19))
		surge := 1 + r.IntN(2)
		web := serving(1+r.IntN(4), func(a *spec.App) { a.Reload.MaxSurge = &surge })
		var over atomic.Bool
		rolling(t, []spec.App{web}, func(f *fake, c *fakeCluster) {
			c.tells = seed%2 == 0
			draw := func(n int) int {
				f.mu.Lock()
				defer f.mu.Unlock()
				return chance.IntN(n)
			}
			if c.ready = func(w Work) bool { return w.Generation%3 > 0 }; seed%3 == 0 {
				c.ready, c.doubt = nil, func(w Work) string { return []string{"it does not accept", "", ""}[w.Generation%3] }
			}
			f.behave = func(p *fakeProcess) {
				switch draw(6) {
				case 0:
					time.Sleep(time.Duration(draw(5000)) * time.Millisecond)
					if !over.Load() {
						p.exit(Exit{Code: 1})
						return
					}
				case 1:
					time.Sleep(time.Duration(draw(5000)) * time.Millisecond)
					if m := c.member(fmt.Sprintf("web/%d.%d", p.slot, p.generation)); m != nil {
						m.told(Verdict{Kind: VerdictStopping})
					}
				}
				for sig := range p.signals {
					if sig == syscall.SIGTERM && draw(5) > 0 {
						time.Sleep(time.Duration(draw(3000)) * time.Millisecond)
						p.exit(Exit{})
						return
					}
				}
			}
		}, func(s *Supervisor, f *fake, c *fakeCluster) {
			var asked sync.WaitGroup
			for range 25 {
				command := anyReload(r, web)
				asked.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
					defer cancel()
					if _, err := s.Do(ctx, command); errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("seed %d: %+v was not answered in an hour: %s", seed, command, processesOf(s))
					}
				})
				time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
				f.mu.Lock()
				if most := web.Workers.Count + 3 + surge + web.Workers.Count; len(f.alive) > most { // 3 that a scale has brought, and suicides
					t.Errorf("seed %d: %d processes", seed, len(f.alive))
				}
				f.mu.Unlock()
			}
			asked.Wait()
			time.Sleep(5 * time.Minute)
			over.Store(true)
			s.Do(context.Background(), Shutdown{Reason: "enough"})
			time.Sleep(10 * time.Second)
			f.mu.Lock()
			if n := len(f.alive); n > 0 {
				t.Errorf("seed %d: %d processes are left: %s", seed, n, processesOf(s))
			}
			f.mu.Unlock()
		})
		if t.Failed() {
			return
		}
	}
}

func anyReload(r *rand.Rand, web spec.App) Command {
	targets := []string{[]string{"web", "web/0", "all"}[r.IntN(3)]}
	switch r.IntN(10) {
	case 0:
		return Start{Targets: targets}
	case 1:
		return Stop{Targets: targets, Kill: r.IntN(2) == 0}
	case 2:
		return Restart{Targets: targets}
	case 3:
		return Scale{App: "web", N: r.IntN(web.Workers.Count + 3)}
	case 4:
		return []Command{Pause{Targets: targets}, Resume{Targets: targets}}[r.IntN(2)]
	case 5, 6:
		web.Environment = []spec.Variable{{Name: "V", Value: fmt.Sprint(r.IntN(4))}}
		return Apply{Apps: []spec.App{web}}
	default:
		return Reload{Targets: targets}
	}
}
