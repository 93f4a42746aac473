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

func TestApplyTouchesOnlyWhatChanged(t *testing.T) {
	base := func(v string) []spec.App {
		return []spec.App{appOf("a"), appOf("b", func(a *spec.App) { a.Command = []string{"b", v} }), appOf("c", on("b", "started"))}
	}
	bubble(t, newFake, 0, base("0"), func(s *Supervisor, f *fake, _ <-chan Outcome) {
		before := s.Snapshot()
		for i := range 100 {
			apps := base("0" + strings.Repeat("x", i+1))
			if i%2 == 0 {
				apps = append(apps, appOf("extra"))
			}
			r, err := s.Do(context.Background(), Apply{Apps: apps})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "changed", r.Diff.Changed, []string{"b"})
		}
		after := s.Snapshot()
		if *after[0].PID != *before[0].PID || *after[2].PID != *before[2].PID || *after[1].PID == *before[1].PID {
			t.Errorf("before %+v\nafter %+v", before, after)
		}
		expect(t, "states", states(s), "a/0 running, b/0 running, c/0 running")
		expect(t, "starts of extra", len(f.said("start extra")), 50)

		r, err := s.Do(context.Background(), Apply{Apps: base("dry"), DryRun: true})
		if err != nil || len(r.Diff.Changed) != 1 || *s.Snapshot()[1].PID != *after[1].PID {
			t.Errorf("dry run: %v %+v", err, r.Diff)
		}
		broken := append(base("1"), appOf("d", on("nothing", "started")))
		if _, err := s.Do(context.Background(), Apply{Apps: broken}); err == nil || *s.Snapshot()[1].PID != *after[1].PID {
			t.Errorf("a broken spec: %v", err)
		}
		if _, err := s.Do(context.Background(), Remove{App: "b"}); err == nil {
			t.Error("b was removed, though c depends on it")
		}
		if _, err := s.Do(context.Background(), Remove{App: "c"}); err != nil {
			t.Error(err)
		}
		if _, err := s.Do(context.Background(), Add{App: appOf("e", on("a", "ready"))}); err != nil {
			t.Error(err)
		}
		expect(t, "after rm and add", states(s), "a/0 running, b/0 running, e/0 running")
	})
}

func TestTheLastWordWins(t *testing.T) {
	slow := func() *fake {
		f := newFake()
		f.behave = func(p *fakeProcess) { <-p.signals; time.Sleep(5 * time.Second); p.exit(Exit{}) }
		return f
	}
	bubble(t, slow, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		stopped := make(chan error, 1)
		go func() {
			_, err := s.Do(context.Background(), Stop{Targets: []string{"web"}})
			stopped <- err
		}()
		time.Sleep(time.Second)
		if _, err := s.Do(context.Background(), Start{Targets: []string{"web"}}); err != nil {
			t.Error(err)
		}
		if err := <-stopped; !errors.Is(err, ErrSuperseded) {
			t.Errorf("the stop that was overtaken: %v", err)
		}
		expect(t, "states", states(s), "web/0 running")
		// A caller that has gone away.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := s.Do(ctx, Stop{Targets: []string{"web"}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a stop of five seconds within one: %v", err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		expect(t, "goes on all the same", states(s), "web/0 stopped")
	})
}

func TestCommandsBeyondTheBoundAreRefused(t *testing.T) {
	gate := make(chan struct{})
	f := func() *fake {
		gate = make(chan struct{})
		g := gate
		f := newFake()
		f.refuse = func(w string) error {
			if w == "stuck/0" {
				<-g // an exec that does not come back
			}
			return nil
		}
		return f
	}
	bubble(t, f, 0, []spec.App{appOf("stuck"), appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		expect(t, "ps answers", states(s), "stuck/0 starting, web/0 running")
		for i := range commandBound {
			if _, err := s.Do(canceled(), Stop{Targets: []string{"stuck"}}); !errors.Is(err, context.Canceled) {
				t.Fatalf("command %d: %v", i, err)
			}
		}
		if _, err := s.Do(context.Background(), Stop{Targets: []string{"stuck"}}); !errors.Is(err, ErrBusy) {
			t.Errorf("command beyond the bound: %v", err)
		}
		if _, err := s.Do(context.Background(), Restart{Targets: []string{"web"}}); err != nil {
			t.Errorf("another app: %v", err)
		}
		close(gate)
		synctest.Wait()
		expect(t, "the commands were carried out", states(s), "stuck/0 stopped, web/0 running")
	})
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestEvents(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		before := len(f.eventTypes())
		if _, err := s.Do(context.Background(), Restart{Targets: []string{"web"}}); err != nil {
			t.Fatal(err)
		}
		expect(t, "events of a restart", f.eventTypes()[before:][:4], []string{"worker.stopping", "worker.exited", "worker.started", "worker.ready"})
	})
}
