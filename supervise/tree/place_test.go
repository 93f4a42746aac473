package tree

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// fixedPlace has the same processes all the time; nil: it cannot be asked.
type fixedPlace struct {
	pids  []int
	asked atomic.Int32
}

func (p *fixedPlace) Pids() ([]int, error) {
	p.asked.Add(1)
	if p.pids == nil {
		return nil, errors.New("no such group")
	}
	return p.pids, nil
}

// slowPlace is empty, and slow to say so.
type slowPlace struct{ takes time.Duration }

func (p slowPlace) Pids() ([]int, error) {
	time.Sleep(p.takes)
	return []int{}, nil
}

// However long looks take, there is another soon: after minutes of it nobody waits for minutes more.
func TestRestIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New(Config{BootID: t.Name(), PID: os.Getpid(), Everywhere: true})
		ctx, cancel := context.WithCancel(t.Context())
		runs := make(chan struct{})
		go func() { k.Run(ctx); close(runs) }()
		look := func(takes time.Duration) time.Duration {
			began, gone := time.Now(), make(chan struct{})
			tree := k.AddBeside("web/0", 1, k.BesideBoot(), 1<<30, slowPlace{takes}, func() { close(gone) }) // nobody has that pid
			tree.Exited()
			tree.Kill()
			<-gone
			return time.Since(began)
		}
		if took := look(time.Minute); took < time.Minute {
			t.Fatalf("a slow look took %v", took)
		}
		if took := look(0); took > longPause {
			t.Errorf("then the next came after %v", took)
		}
		time.Sleep(time.Hour)
		look(50 * time.Millisecond)
		if took := look(0); took < restFactor*2*50*time.Millisecond { // a tree is gone after two
			t.Errorf("after a quick one the next came after %v", took)
		}
		cancel()
		<-runs
	})
}

// What is in a place is looked for there; whoever is not in it is none of its business, whatever it looks like. Where the
// place is no more, everybody is looked at.
func TestPlace(t *testing.T) {
	for name, there := range map[string]bool{"a place": true, "none any more": false} {
		t.Run(name, func(t *testing.T) {
			// With Everywhere it would take another run's processes for its own, if that had the same cookie.
			k := New(Config{BootID: t.TempDir(), PID: os.Getpid(), Everywhere: true})
			boot := k.BesideBoot()
			var all [3]*exec.Cmd // the program, what it has left in the place, and somebody elsewhere
			var ended [3]chan struct{}
			for i := range all {
				c := exec.Command("sleep", "1000")
				c.Env = []string{"PATH=" + os.Getenv("PATH"), WorkerVariable + "=web/0", GenerationVariable + "=1", BootVariable + "=" + boot}
				c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				all[i], ended[i] = c, make(chan struct{})
				go func() { _ = c.Wait(); close(ended[i]) }()
				t.Cleanup(func() { _ = c.Process.Kill(); <-ended[i] })
			}
			place := &fixedPlace{}
			if there {
				place.pids = []int{all[0].Process.Pid, all[1].Process.Pid}
			}
			gone := make(chan struct{})
			tree := k.AddBeside("web/0", 1, boot, all[0].Process.Pid, place, func() { close(gone) })
			ctx, cancel := context.WithCancel(t.Context())
			runs := make(chan struct{})
			go func() { k.Run(ctx); close(runs) }()
			tree.Kill()
			<-ended[0]
			tree.Exited()
			<-ended[1]
			<-gone
			if !there {
				<-ended[2]
			} else if err := all[2].Process.Signal(syscall.Signal(0)); err != nil {
				t.Errorf("somebody elsewhere: %v", err)
			}
			cancel()
			<-runs
			if place.asked.Load() == 0 || len(k.seen) > 0 && there {
				t.Errorf("the place was asked %d times; %v is remembered", place.asked.Load(), k.seen)
			}
		})
	}
}
