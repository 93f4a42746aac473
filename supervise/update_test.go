package supervise

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
)

func memory(size spec.Size) func(*spec.Resources) error {
	return func(r *spec.Resources) error { r.Memory = size; return nil }
}

func (f *fake) limit(app string) spec.Size {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limits[app]
}

// An update is in the groups and in the target; it restarts nothing, and what was scaled by hand stays so.
func TestUpdate(t *testing.T) {
	base := []spec.App{appOf("web"), appOf("db", on("web", "ready"))}
	bubble(t, newFake, 0, base, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		do(t, s, Scale{App: "web", N: 3})
		before := states(s)
		r := do(t, s, Update{App: "web", Change: memory(64 << 20)})
		expect(t, "updated", r.Diff.Updated, []string{"web"})
		synctest.Wait()
		expect(t, "states", states(s), before)
		expect(t, "exits", len(f.said("exit")), 0)
		expect(t, "target", s.Apps()[0].Resources.Memory, spec.Size(64<<20))
		expect(t, "limit", f.limit("web"), spec.Size(64<<20))
		updates := len(f.said("update web"))
		if updates == 0 || len(f.said("update db")) != 0 {
			t.Errorf("updates:\n%s", all(f))
		}
		do(t, s, Restart{Targets: []string{"web/0"}})
		expect(t, "what a later start is given", f.process("web/0").memory, spec.Size(64<<20))

		r = do(t, s, Update{App: "web", Change: memory(64 << 20)})
		expect(t, "once more", r.Diff.Unchanged, []string{"web"})
		synctest.Wait()
		expect(t, "updates", len(f.said("update web")), updates)

		r = do(t, s, Apply{Apps: base}) // the file has no limit: back to none, without a restart
		expect(t, "apply", r.Diff.Updated, []string{"web"})
		synctest.Wait()
		expect(t, "target", s.Apps()[0].Resources.Any(), false)
		expect(t, "limit", f.limit("web"), spec.Size(0))
		if len(f.said("update web")) != updates+1 {
			t.Errorf("updates:\n%s", all(f))
		}
		expect(t, "exits", len(f.said("exit")), 1)
		expect(t, "workers", len(s.Snapshot()), 4)
	})
}

// What the groups refuse has not happened.
func TestUpdateRefused(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		f.noGroups = errors.New("cannot limit web to 64MiB: /sys/fs/cgroup is mounted read-only")
		_, err := s.Do(context.Background(), Update{App: "web", Change: memory(64 << 20)})
		expect(t, "error", err, f.noGroups)
		wrong := errors.New("no such limit")
		_, err = s.Do(context.Background(), Update{App: "web", Change: func(*spec.Resources) error { return wrong }})
		if !errors.Is(err, ErrInvalid) || !errors.Is(err, wrong) {
			t.Errorf("%v", err)
		}
		if _, err = s.Do(context.Background(), Update{App: "nothing"}); !errors.Is(err, ErrNoSuchTarget) {
			t.Errorf("%v", err)
		}
		expect(t, "target", s.Apps()[0].Resources.Any(), false)
	})
}

// An app that is removed is forgotten; one that comes back as another is not.
func TestGroupsForget(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web"), appOf("db")}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		do(t, s, Apply{Apps: []spec.App{appOf("web", func(a *spec.App) { a.Command = []string{"other"} }), appOf("db")}})
		expect(t, "forgotten", len(f.said("forget")), 0)
		do(t, s, Remove{App: "db"})
		expect(t, "forgotten", f.said("forget db"), f.said("forget"))
		expect(t, "forgotten", len(f.said("forget")), 1)
	})
}

func TestUsage(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(2))}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		for n, worker := range []string{"web/0", "web/1"} {
			p := f.process(worker)
			p.mu.Lock()
			p.usage = Usage{Source: FromProc, CPU: time.Duration(n+1) * time.Second, Memory: 1 << 20, Pids: 3}
			p.mu.Unlock()
		}
		u, err := s.Usage("web", 1)
		expect(t, "web/1", []any{u.CPU, err}, []any{2 * time.Second, nil})
		u, err = s.AppUsage("web")
		expect(t, "by its group", []any{u.Source, u.CPU, err}, []any{FromCgroup, 3 * time.Second, nil})
		f.noGroups = ErrNoGroups
		u, err = s.AppUsage("web")
		expect(t, "added up", []any{u.Source, u.CPU, u.Memory, u.Pids, err}, []any{FromProc, 3 * time.Second, 2 << 20, 6, nil})
		do(t, s, Stop{Targets: []string{"web"}})
		if _, err := s.Usage("web", 0); !errors.Is(err, ErrNoProcess) {
			t.Errorf("without a process: %v", err)
		}
		if _, err := s.AppUsage("web"); !errors.Is(err, ErrNoProcess) {
			t.Errorf("without a process: %v", err)
		}
	})
}
