package supervise

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goinit/spec"
)

// crowd is a Starter of processes that do nothing, and cost next to nothing.
type crowd struct{ started atomic.Int64 }

type one struct {
	pid  int
	told Told
}

func (c *crowd) Start(_ Work, told Told) (Process, error) {
	return &one{int(c.started.Add(1)), told}, nil
}

func (p *one) PID() int                           { return p.pid }
func (p *one) Signal(syscall.Signal) error        { p.told.Exited(Exit{Signal: syscall.SIGTERM}); return nil }
func (p *one) SignalGroup(s syscall.Signal) error { return p.Signal(s) }
func (p *one) AwaitTree(syscall.Signal)           { p.told.TreeGone() }
func (p *one) KillTree()                          {}
func (p *one) Freeze() error                      { return nil }
func (p *one) Thaw() error                        { return nil }
func (p *one) Brief() (Usage, error)              { return Usage{}, nil }
func (p *one) Usage() (Usage, error)              { return Usage{}, nil }

// What an app of many workers costs from the first start to the last exit: here without their processes.
func BenchmarkWorkers(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for _, probed := range []bool{false, true} {
			name := fmt.Sprint(n)
			if probed {
				name += "/probed"
			}
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					startAll(b, n, probed)
				}
			})
		}
	}
}

func startAll(tb testing.TB, n int, probed bool) {
	tb.Helper()
	c := Config{Spec: &spec.Spec{Apps: []spec.App{appOf("web", workers(n))}}, Starter: &crowd{}, CPUs: 1}
	if probed {
		c.Spec.Apps[0].Readiness = &spec.Readiness{}
		c.Prober = readyAtOnce{}
	}
	up := make(chan struct{})
	ready := 0
	c.Events = func(e Event) { // of one owner, so one after another
		if e.Type == "worker.ready" {
			if ready++; ready == n {
				close(up)
			}
		}
	}
	s, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan Outcome, 1)
	go func() { ended <- s.Run(ctx) }()
	<-up
	cancel(context.Canceled)
	<-ended
}

// readyAtOnce is a Prober that finds everybody ready.
type readyAtOnce struct{}

type readyWatch struct{ told func(Verdict) }

func (readyAtOnce) Watch(_ Work, told func(Verdict)) (Watch, error) { return readyWatch{told}, nil }

func (w readyWatch) Given() Given { return Given{} }
func (w readyWatch) Started(int)  { w.told(Verdict{Kind: VerdictReady}) }
func (w readyWatch) Ready()       {}
func (w readyWatch) Pause()       {}
func (w readyWatch) Resume()      {}
func (w readyWatch) Ending()      {}
func (w readyWatch) Stop()        {}

// A row of the snapshot is made anew when something of its worker has changed, and for no other reason.
func TestRowsAreMadeOfWhatHasChanged(t *testing.T) {
	bubble(t, newFake, 0, []spec.App{appOf("web", workers(3))}, func(s *Supervisor, f *fake, _ <-chan Outcome) {
		before := *s.owner("web").snapshot.Load()
		f.process("web/1").exit(Exit{Code: 1})
		time.Sleep(time.Second)
		synctest.Wait()
		after := *s.owner("web").snapshot.Load()
		if before[0] != after[0] || before[2] != after[2] {
			t.Error("the others' rows are new")
		}
		if w := after[1]; w == before[1] || w.State != "running" || w.Restarts != 1 || w.LastExit == nil || w.LastExit.Status != 1 {
			t.Errorf("its row: %+v", w)
		}
		if before[1].Restarts != 0 {
			t.Error("a row was written to that somebody may be reading")
		}
	})
}
