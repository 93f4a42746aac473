// The runs here are in bubbles of testing/synctest: what sleeps, sleeps in virtual time.

package supervise

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"context"

	"goinit/spec"
	"goinit/supervise/set"
	"goinit/supervise/tree"
)

// ordered watches a fake: nothing starts ahead of what it depends on, and in a shutdown with time enough nothing is asked
// to stop while somebody who depends on it has a process.
type ordered struct {
	mu     sync.Mutex
	apps   []spec.App
	began  map[string]bool
	faults []string
}

func (o *ordered) fault(format string, args ...any) {
	o.faults = append(o.faults, fmt.Sprintf(format, args...))
}

func (o *ordered) start(worker string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name, _, _ := strings.Cut(worker, "/")
	o.began[name] = true
	for _, a := range o.apps {
		if a.Name != name {
			continue
		}
		for _, d := range a.DependsOn {
			if d.Required && !o.began[d.App] {
				o.fault("%s was started ahead of %s", name, d.App)
			}
		}
	}
}

func (o *ordered) term(f *fake, worker string) {
	name, _, _ := strings.Cut(worker, "/")
	for _, a := range o.apps {
		if slices.ContainsFunc(a.DependsOn, func(d spec.Dependency) bool { return d.App == name }) {
			for n := range a.Workers.Count {
				if f.process(tree.Worker(a.Name, n)) != nil {
					o.mu.Lock()
					o.fault("%s was asked to stop ahead of %s", name, a.Name)
					o.mu.Unlock()
				}
			}
		}
	}
}

// graphOf is a random graph without circles: who depends only on those before it. The order of the spec is another.
func graphOf(r *rand.Rand) []spec.App {
	var apps []spec.App
	for i := range 2 + r.IntN(7) {
		a := appOf(string(rune('a'+i)), workers(1+r.IntN(2)), func(a *spec.App) {
			a.OnFailure = "ignore"
			a.Stop.Timeout = spec.Duration(time.Duration(r.IntN(12)) * time.Second)
		})
		for j := range i {
			if r.IntN(3) == 0 {
				a.DependsOn = append(a.DependsOn, spec.Dependency{App: apps[j].Name, Condition: []string{"started", "ready"}[r.IntN(2)], Required: r.IntN(3) > 0})
			}
		}
		apps = append(apps, a)
	}
	return apps
}

// Random graphs of apps that live, crash, stop slowly and never, under random commands: whatever happens, the order
// holds, every command is answered, a shutdown keeps its budget and leaves nothing.
func TestRandomGraphs(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 20
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 11))
		chance := rand.New(rand.NewPCG(seed, 13)) // the workers', under the fake's lock
		apps := graphOf(r)
		shuffled := slices.Clone(apps)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		watch := &ordered{apps: apps, began: map[string]bool{}}
		calm := seed%2 == 0 // nobody is deaf, and there is no budget: then the order of the stop is strict
		budget := time.Duration(0)
		if !calm {
			budget = 9 * time.Second
		}
		var stopping sync.Map
		f := func() *fake {
			f := newFake()
			f.refuse = func(worker string) error { watch.start(worker); return nil }
			f.behave = func(p *fakeProcess) {
				f.mu.Lock()
				life, slow, deaf, crash := chance.IntN(5), chance.IntN(3), chance.IntN(4) == 0, chance.IntN(4) == 0
				freezes := time.Duration(chance.IntN(3)) * time.Second
				f.mu.Unlock()
				p.mu.Lock()
				p.freezes = freezes
				p.mu.Unlock()
				if _, over := stopping.Load("now"); !over && crash {
					time.Sleep(time.Duration(life) * time.Second)
					p.exit(Exit{Code: life})
					return
				}
				for sig := range p.signals {
					if sig != syscall.SIGTERM {
						continue
					}
					if _, over := stopping.Load("now"); over && calm {
						watch.term(f, p.worker)
					}
					if calm || !deaf {
						time.Sleep(time.Duration(slow) * time.Second / 4)
						p.exit(Exit{})
					}
				}
			}
			return f
		}
		bubble(t, f, budget, shuffled, func(s *Supervisor, f *fake, ended <-chan Outcome) {
			var asked sync.WaitGroup
			for range 30 {
				c := anyCommand(r, apps)
				asked.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
					defer cancel()
					if _, err := s.Do(ctx, c); errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("seed %d: %+v was not answered in an hour", seed, c)
					}
				})
				time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
			}
			time.Sleep(time.Minute)
			stopping.Store("now", true)
			at := time.Now()
			s.Do(context.Background(), Shutdown{Reason: "enough"})
			o := <-ended
			if took := time.Since(at); budget > 0 && took > budget {
				t.Errorf("seed %d: the shutdown took %v", seed, took)
			}
			asked.Wait()
			if n := len(f.alive); n > 0 {
				t.Errorf("seed %d: %d processes are left, %+v: %s", seed, n, o, states(s))
			}
			if s.Phase() != set.Ended {
				t.Errorf("seed %d: phase %s", seed, s.Phase())
			}
		})
		for _, fault := range watch.faults {
			t.Errorf("seed %d: %s", seed, fault)
		}
		if t.Failed() {
			return
		}
	}
}

func anyCommand(r *rand.Rand, apps []spec.App) Command {
	a := apps[r.IntN(len(apps))].Name
	targets := []string{[]string{a, a + "/0", "all"}[r.IntN(3)]}
	switch r.IntN(9) {
	case 0:
		return Start{Targets: targets}
	case 1:
		return Stop{Targets: targets, Kill: r.IntN(2) == 0}
	case 2, 3:
		return Restart{Targets: targets}
	case 4:
		return Signal{Targets: targets, Signal: syscall.SIGHUP}
	case 5:
		return Pause{Targets: targets}
	case 6:
		return Resume{Targets: targets}
	case 7:
		return Update{App: a, Change: memory(spec.Size(r.IntN(3)) << 20)}
	default:
		change := slices.Clone(apps)
		i := r.IntN(len(change))
		change[i].Tags = []string{fmt.Sprint(r.IntN(3))}
		return Apply{Apps: change}
	}
}
