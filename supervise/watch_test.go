package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
	"goinit/supervise/tree"
)

// oracle is a Prober whose verdicts the test gives, and which notes what it is told.
type oracle struct {
	mu      sync.Mutex
	log     []string
	watches map[string]func(Verdict) // of the last process of each worker
	refuse  error
	closed  int
}

type oracleWatch struct {
	o    *oracle
	name string
}

func (o *oracle) Watch(w Work, told func(Verdict)) (Watch, error) {
	if o.refuse != nil {
		return nil, o.refuse
	}
	name := fmt.Sprintf("%s#%d", tree.Worker(w.App.Name, w.Slot), w.Generation)
	o.note("watch " + name)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watches == nil {
		o.watches = map[string]func(Verdict){}
	}
	o.watches[tree.Worker(w.App.Name, w.Slot)] = told
	return &oracleWatch{o, name}, nil
}

func (o *oracle) note(s string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log = append(o.log, s)
}

// say gives a verdict, and waits until what it leads to has come.
func (o *oracle) say(worker string, kind VerdictKind, detail string) {
	o.mu.Lock()
	told := o.watches[worker]
	o.mu.Unlock()
	told(Verdict{Kind: kind, Detail: detail, Extend: time.Minute, PID: 4711})
	synctest.Wait()
}

func (w *oracleWatch) Given() Given {
	return Given{Environment: []string{"NOTIFY_SOCKET=@x"}, Files: map[int]int{3: 9}, Close: func() { w.o.closed++ }}
}
func (w *oracleWatch) Started(pid int) { w.o.note("started " + w.name) }
func (w *oracleWatch) Ready()          { w.o.note("ready " + w.name) }
func (w *oracleWatch) Pause()          { w.o.note("pause " + w.name) }
func (w *oracleWatch) Resume()         { w.o.note("resume " + w.name) }
func (w *oracleWatch) Ending()         { w.o.note("ending " + w.name) }
func (w *oracleWatch) Stop()           { w.o.note("stop " + w.name) }

func (o *oracle) said() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := strings.Join(o.log, ", ")
	o.log = nil
	return all
}

// probed is a bubble with an oracle.
func probed(t *testing.T, f func() *fake, apps []spec.App, test func(s *Supervisor, o *oracle, f *fake, ended <-chan Outcome)) {
	t.Helper()
	o := &oracle{}
	bubbleWith(t, f, Config{Spec: &spec.Spec{Apps: apps}, Prober: o}, func(s *Supervisor, f *fake, ended <-chan Outcome) { test(s, o, f, ended) })
}

func ready(timeout time.Duration) func(*spec.App) {
	return func(a *spec.App) {
		a.Readiness = &spec.Readiness{Notify: true, StartTimeout: spec.Duration(timeout)}
		a.Liveness = &spec.Liveness{Heartbeat: spec.Duration(time.Second), Action: "restart"}
	}
}

func TestAWatchedLife(t *testing.T) {
	probed(t, newFake, []spec.App{appOf("web", ready(time.Minute)), appOf("api", on("web", "ready"))}, func(s *Supervisor, o *oracle, f *fake, _ <-chan Outcome) {
		expect(t, "not ready", states(s), "web/0 starting, api/0 waiting")
		o.say("web/0", VerdictUnready, "connection refused")
		expect(t, "why", s.Snapshot()[0].NotReady, "connection refused")
		o.say("web/0", VerdictStatus, "warming up")
		expect(t, "in its own words", s.Snapshot()[0].Said, "warming up")
		o.say("web/0", VerdictReady, "")
		expect(t, "ready", states(s), "web/0 running, api/0 running")
		expect(t, "told", o.said(), "watch web/0#1, started web/0#1, ready web/0#1")
		expect(t, "given", fmt.Sprint(f.given["web/0"].Environment, f.given["web/0"].Files, o.closed), "[NOTIFY_SOCKET=@x] map[3:9] 1")

		o.say("web/0", VerdictUnready, "503")
		w := s.Snapshot()[0]
		expect(t, "not any more", []any{w.State, w.Ready, w.NotReady}, []any{"running", false, "503"})
		o.say("web/0", VerdictReady, "")
		o.say("web/0", VerdictMainPID, "")
		w = s.Snapshot()[0]
		expect(t, "again", []any{w.State, w.Ready, w.NotReady, *w.PID}, []any{"running", true, "", 4711})

		if _, err := s.Do(context.Background(), Pause{Targets: []string{"web"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Do(context.Background(), Resume{Targets: []string{"web"}}); err != nil {
			t.Fatal(err)
		}
		expect(t, "not asked while it is frozen", o.said(), "pause web/0#1, resume web/0#1")

		before := o.watches["web/0"]
		o.say("web/0", VerdictUnhealthy, "no heartbeat")
		w = s.Snapshot()[0]
		expect(t, "unhealthy", []any{w.State, w.LastExit.Reason, w.Restarts}, []any{"starting", "unhealthy", 1})
		expect(t, "another watch", o.said(), "ending web/0#1, stop web/0#1, watch web/0#2, started web/0#2")
		before(Verdict{Kind: VerdictReady})
		synctest.Wait()
		expect(t, "the dead one's word", states(s), "web/0 starting, api/0 running")
		if !slices.Contains(f.eventTypes(), "worker.unhealthy") {
			t.Error("nobody was told")
		}
	})
}

func TestAStartThatIsNeverReady(t *testing.T) {
	probed(t, newFake, []spec.App{appOf("web", ready(5*time.Second), policy("no"), func(a *spec.App) { a.OnFailure = "ignore" }), appOf("api", on("web", "ready")), appOf("db")},
		func(s *Supervisor, o *oracle, f *fake, _ <-chan Outcome) {
			_, err := s.Do(context.Background(), Start{Targets: []string{"web"}})
			if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "not ready") {
				t.Errorf("start: %v", err)
			}
			w := s.Snapshot()[0]
			expect(t, "a failed start", []any{w.State, w.LastExit.Reason}, []any{"failed", "start-timeout"})
			expect(t, "what depends on it", states(s), "web/0 failed, api/0 waiting, db/0 running")
			expect(t, "the watch is over", strings.HasSuffix(o.said(), "ending web/0#1, stop web/0#1"), true)
		})
}

func TestAWatchThatCannotBe(t *testing.T) {
	o := &oracle{refuse: errors.New("no descriptor left")}
	bubbleWith(t, newFake, Config{Spec: &spec.Spec{Apps: []spec.App{appOf("web", ready(time.Minute))}}, Prober: o}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		w := s.Snapshot()[0]
		expect(t, "a failed start", []any{w.State, w.LastExit.Reason, w.LastExit.Error}, []any{"backoff", "start-failed", "cannot ask whether it is well: no descriptor left"})
		expect(t, "nothing was started", len(f.said("start")), 0)
	})
	if _, err := New(Config{Spec: &spec.Spec{Apps: []spec.App{appOf("web", ready(time.Minute))}}, Starter: newFake()}); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a prober: %v", err)
	}
}

// Whatever a worker says, and however often: what waits for its owner is one word of each kind.
func TestVerdictsAreBounded(t *testing.T) {
	v := &watched{wake: func() {}}
	for i := range 10_000 {
		v.told(Verdict{Kind: VerdictKind(i % 7), Detail: fmt.Sprint(i)})
	}
	all := v.take()
	if len(all) != 6 || all[5].Detail != "9999" {
		t.Errorf("%d wait: %+v", len(all), all)
	}
}

// A worker of a Node cluster that takes no connection is replaced, unless its liveness wants something else of who is unhealthy.
func TestAHungNodeWorkerIsReplaced(t *testing.T) {
	for _, tt := range []struct {
		liveness *spec.Liveness
		then     string
		reason   any
	}{
		{nil, "web/0.2 running", "unhealthy"},
		{&spec.Liveness{Heartbeat: spec.Duration(time.Hour), Action: "none"}, "web/0.1 running", nil},
	} {
		c := newFakeCluster()
		c.wrong = t.Errorf
		world := func() *fake {
			f := newFake()
			c.f = f
			return f
		}
		web := serving(1, func(a *spec.App) { a.Node, a.Liveness = spec.NodeCluster, tt.liveness })
		bubbleWith(t, world, Config{Spec: &spec.Spec{Apps: []spec.App{web}}, Cluster: c, Prober: &oracle{}, Budget: time.Minute}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
			c.member("web/0.1").told(Verdict{Kind: VerdictUnhealthy, Detail: "its event loop does not turn"})
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			expect(t, "then", processesOf(s), tt.then)
			var reason any
			if e := s.Snapshot()[0].LastExit; e != nil {
				reason = string(e.Reason)
			}
			expect(t, "why", reason, tt.reason)
			if !slices.Contains(f.eventTypes(), "worker.unhealthy") {
				t.Error("nobody was told")
			}
		})
	}
}

func TestUnhealthyEndsAll(t *testing.T) {
	end := func(a *spec.App) { a.Liveness.Action = "shutdown" }
	apps := []spec.App{appOf("web", ready(time.Minute), end, workers(2)), appOf("db")}
	probed(t, newFake, apps, func(s *Supervisor, o *oracle, f *fake, ended <-chan Outcome) {
		o.say("web/0", VerdictReady, "")
		o.say("web/1", VerdictReady, "")
		o.watches["web/0"](Verdict{Kind: VerdictUnhealthy, Detail: "GET /: timeout\nand a body"})
		o.watches["web/1"](Verdict{Kind: VerdictUnhealthy, Detail: "GET /: timeout"})
		outcome := <-ended
		expect(t, "outcome", outcome.Status, 1)
		if !strings.Contains(outcome.Reason, "is unhealthy: GET /: timeout") || strings.Contains(outcome.Reason, "body") {
			t.Errorf("why: %q", outcome.Reason)
		}
		expect(t, "nobody had to be killed", outcome.Killed, []string{})
	})
}

func TestHooksAreRunInTheWorkersPlace(t *testing.T) {
	hooks := func(a *spec.App) {
		a.Hooks = spec.Hooks{BeforeStart: []string{"migrate"}, AfterExit: []string{"clean"}, Timeout: spec.Duration(30 * time.Second)}
	}
	f := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) {
			if p.argv != nil {
				time.Sleep(2 * time.Second)
				p.exit(Exit{})
				return
			}
			select {
			case <-time.After(time.Minute):
			case <-p.signals:
			}
			p.exit(Exit{Code: 3})
		}
		return f
	}
	bubble(t, f, 0, []spec.App{appOf("web", hooks)}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		w := s.Snapshot()[0]
		expect(t, "before", []any{w.State, w.PID == nil, f.newest("web/0").argv}, []any{"starting", true, []string{"migrate"}})
		if _, err := s.Do(context.Background(), Signal{Targets: []string{"web"}, Signal: 1}); !errors.Is(err, ErrNotRunning) {
			t.Errorf("a signal to a hook: %v", err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		expect(t, "then", states(s), "web/0 running")
		time.Sleep(time.Minute)
		synctest.Wait()
		f.mu.Lock()
		hook := fmt.Sprint(f.newest("web/0").argv, f.given["web/0"].Environment)
		f.mu.Unlock()
		expect(t, "after", hook,
			"[clean] [GOINIT_HOOK=after_exit GOINIT_EXIT_CODE=3 GOINIT_EXIT_SIGNAL= GOINIT_EXIT_STATUS=3 GOINIT_EXIT_REASON=exited]")
		time.Sleep(4 * time.Second)
		synctest.Wait()
		expect(t, "and again", []any{states(s), s.Snapshot()[0].Generation}, []any{"web/0 running", 2})
	})
}

// Who serves and is asked after is ready when it is found to be, and the member does not hold it: whatever comes first.
func TestReadyUnlessHeld(t *testing.T) {
	o, c := &oracle{}, newFakeCluster()
	c.wrong = t.Errorf
	asked := serving(1, func(a *spec.App) {
		a.Readiness = &spec.Readiness{HTTP: "http://127.0.0.1/", StartTimeout: spec.Duration(time.Hour)}
	})
	world := func() *fake {
		f := newFake()
		c.f = f
		return f
	}
	bubbleWith(t, world, Config{Spec: &spec.Spec{Apps: []spec.App{asked}}, Cluster: c, Prober: o, Budget: time.Minute}, func(s *Supervisor, _ *fake, _ <-chan Outcome) {
		member := func(kind VerdictKind, detail string) {
			c.member("web/0.1").told(Verdict{Kind: kind, Detail: detail})
			synctest.Wait()
		}
		now := func(state, why string) {
			t.Helper()
			expect(t, "now", states(s), "web/0 "+state)
			expect(t, "why", s.Snapshot()[0].NotReady, why)
		}
		member(VerdictHeld, "it does not listen")
		now("starting", "it does not listen")
		o.say("web/0", VerdictUnready, "503")
		now("starting", "503")
		o.say("web/0", VerdictReady, "")
		now("starting", "it does not listen")
		o.say("web/0", VerdictUnready, "503 again")
		member(VerdictReleased, "")
		now("starting", "503 again")
		member(VerdictHeld, "it has closed its server")
		o.say("web/0", VerdictReady, "")
		now("starting", "it has closed its server")
		member(VerdictReleased, "")
		now("running", "")
		expect(t, "serving", c.serving(), 1)
	})
}
