package supervise

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
)

// do is a command that is not to fail.
func do(t *testing.T, s *Supervisor, c Command) Result {
	t.Helper()
	r, err := s.Do(context.Background(), c)
	if err != nil {
		t.Errorf("%#v: %v", c, err)
	}
	return r
}

func all(f *fake) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.log, "\n")
}

func TestPauseAndResume(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(2)), appOf("db")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		do(t, s, Pause{Targets: []string{"web/1"}})
		expect(t, "states", states(s), "web/0 running, web/1 paused, db/0 running")
		do(t, s, Pause{Targets: []string{"web"}})
		do(t, s, Pause{Targets: []string{"web"}}) // once more is no mistake
		expect(t, "states", states(s), "web/0 paused, web/1 paused, db/0 running")
		for _, w := range s.Snapshot()[:2] {
			if w.Ready || w.PID == nil {
				t.Errorf("paused: %+v", w)
			}
		}
		expect(t, "freezes", len(f.said("freeze ")), 2)
		time.Sleep(time.Hour)
		do(t, s, Resume{Targets: []string{"web"}})
		expect(t, "states", states(s), "web/0 running, web/1 running, db/0 running")
		expect(t, "thaws", len(f.said("thaw ")), 2)
		expect(t, "exits", len(f.said("exit ")), 0)
		expect(t, "events", strings.Join(f.eventTypes()[len(f.eventTypes())-2:], " "), "worker.resumed worker.resumed")
		do(t, s, Stop{Targets: []string{"db"}})
		if _, err := s.Do(context.Background(), Pause{Targets: []string{"db"}}); !errors.Is(err, ErrNotPaused) {
			t.Errorf("a pause of what is stopped: %v", err)
		}
		do(t, s, Resume{Targets: []string{"db"}})
		expect(t, "states", states(s), "web/0 running, web/1 running, db/0 stopped")
	})
}

// What ends a paused worker lets it go on first, or it would never hear of it.
func TestStopOfAPausedOne(t *testing.T) {
	for name, c := range map[string]Command{
		"stop": Stop{Targets: []string{"web"}}, "kill": Stop{Targets: []string{"web"}, Kill: true},
		"restart": Restart{Targets: []string{"web"}}, "remove": Remove{App: "web"},
	} {
		t.Run(name, func(t *testing.T) {
			deaf := func() *fake { // as long as it is frozen
				f := newFake()
				f.behave = func(p *fakeProcess) {
					for range p.signals {
						p.mu.Lock()
						frozen := p.frozen
						p.mu.Unlock()
						if !frozen {
							p.exit(Exit{})
							return
						}
					}
				}
				return f
			}
			bubble(t, deaf, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
				do(t, s, Pause{Targets: []string{"web"}})
				began := time.Now()
				do(t, s, c)
				if took := time.Since(began); took > time.Second {
					t.Errorf("it took %v\n%s", took, all(f))
				}
				expect(t, "thaws", len(f.said("thaw web/0")), 1)
			})
		})
	}
}

func TestPauseThatFails(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		p := f.process("web/0")
		p.mu.Lock()
		p.unfreezable = errors.New("process 7 waits in the kernel")
		p.mu.Unlock()
		_, err := s.Do(context.Background(), Pause{Targets: []string{"web"}})
		expect(t, "error", err, "cannot pause web/0: process 7 waits in the kernel")
		expect(t, "states", states(s), "web/0 running")
		expect(t, "thaws", len(f.said("thaw ")), 1) // a part of it may be frozen
		p.mu.Lock()
		p.unfreezable = nil
		p.mu.Unlock()
		do(t, s, Pause{Targets: []string{"web"}})
		expect(t, "states", states(s), "web/0 paused")
	})
}

// A Freeze that takes its time holds up nobody, and a Resume meanwhile is the last word.
func TestResumeOvertakesAFreeze(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		p := f.process("web/0")
		p.mu.Lock()
		p.freezes = time.Minute
		p.mu.Unlock()
		paused := make(chan error, 1)
		go func() {
			_, err := s.Do(context.Background(), Pause{Targets: []string{"web"}})
			paused <- err
		}()
		time.Sleep(time.Second)
		expect(t, "states", states(s), "web/0 paused")
		do(t, s, Resume{Targets: []string{"web"}})
		if err := <-paused; !errors.Is(err, ErrSuperseded) {
			t.Errorf("the pause: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		p.mu.Lock()
		frozen := p.frozen
		p.mu.Unlock()
		if frozen {
			t.Errorf("it was frozen after it was thawed:\n%s", all(f))
		}
		do(t, s, Pause{Targets: []string{"web"}}) // and again
		do(t, s, Resume{Targets: []string{"web"}})
		expect(t, "states", states(s), "web/0 running")
	})
}

func TestOOMKilled(t *testing.T) {
	leaky := appOf("web", workers(2), func(a *spec.App) { a.Restart.Policy = "always" })
	bubble(t, newFake, 0, []spec.App{leaky}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		other := *s.Snapshot()[1].PID
		for range 3 {
			f.process("web/0").exit(Exit{Signal: 9, OOMKilled: true})
			time.Sleep(time.Minute)
		}
		f.process("web/0").exit(Exit{Signal: 9}) // somebody else's kill
		time.Sleep(time.Minute)
		w := s.Snapshot()
		if w[0].OOMKills != 3 || w[0].Restarts != 4 || w[1].OOMKills != 0 || *w[1].PID != other {
			t.Errorf("%+v\n%+v", w[0], w[1])
		}
		expect(t, "reason", w[0].LastExit.Reason, "signaled")
		n := 0
		for _, e := range f.eventTypes() {
			if e == "worker.oom-killed" {
				n++
			}
		}
		expect(t, "events", n, 3)
	})
}

// What ends goinit says so in its outcome, which is what the termination log tells.
func TestOOMKilledIsTold(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", policy("no"))}, func(s *Supervisor, f *fake, ended <-chan Outcome) {
		f.process("web/0").exit(Exit{Signal: 9, OOMKilled: true})
		expect(t, "outcome", <-ended, "{137 web gave up with status 137 (oom-killed) []}")
	})
}

// The alarms that recycle: asks for replace a worker, one of an app at a time; the others are only told.
func TestAlarms(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(3))}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		time.Sleep(time.Minute)
		for _, worker := range []string{"web/0", "web/1"} {
			f.process(worker).told.Alarm(Alarm{Kind: AlarmMemory, Detail: "240MiB of 256MiB"})
		}
		f.process("web/2").told.Alarm(Alarm{Kind: AlarmPidsRefused, Detail: "100 of 100"})
		f.process("web/2").told.Alarm(Alarm{Kind: AlarmOOMKilled})
		time.Sleep(time.Minute)
		for i, w := range s.Snapshot() {
			if recycled := i < 2; (w.Generation == 2) != recycled || w.State != "running" || recycled && w.LastExit.Reason != "replaced" {
				t.Errorf("%+v", w)
			}
		}
		var order []string
		for _, l := range f.said(" web/") {
			if _, what, _ := strings.Cut(l, " "); !strings.HasPrefix(what, "start") || len(order) > 0 {
				order = append(order, what)
			}
		}
		expect(t, "order", strings.Join(order, ", "), "SIGTERM web/0, exit web/0, gone web/0, start web/0, SIGTERM web/1, exit web/1, gone web/1, start web/1")
		told := strings.Join(f.eventTypes(), " ")
		for _, e := range []string{"worker.recycled", "worker.pids-refused", "worker.child-oom-killed"} {
			if !strings.Contains(told, e) {
				t.Errorf("%s was not told: %s", e, told)
			}
		}
		f.process("web/0").told.Alarm(Alarm{Kind: AlarmPressure, Detail: "some 150ms per 1s"})
		time.Sleep(time.Minute)
		expect(t, "generation", s.Snapshot()[0].Generation, 3)
	})
}
