package pid1

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"goinit/supervise/set"

	"golang.org/x/sys/unix"
)

func TestForwarder(t *testing.T) {
	f := forwarder{
		rewrite: map[unix.Signal]unix.Signal{unix.SIGTERM: unix.SIGQUIT, unix.SIGUSR1: 0},
		hold:    map[unix.Signal]time.Duration{unix.SIGTERM: 5 * time.Second, unix.SIGINT: time.Second, unix.SIGUSR1: time.Second},
	}
	synctest.Test(t, func(t *testing.T) {
		want := func(what string, a arrival, ok bool, sig unix.Signal) {
			t.Helper()
			if ok != (sig != 0) || ok && a.sig != sig {
				t.Errorf("%s: %v %v, want %v", what, a.sig, ok, sig)
			}
		}
		arrive := func(sig unix.Signal) (arrival, bool) { return f.arrive(arrival{sig: sig}, time.Now()) }

		a, ok := arrive(unix.SIGHUP)
		want("an ordinary signal", a, ok, unix.SIGHUP)
		a, ok = arrive(unix.SIGCHLD)
		want("SIGCHLD", a, ok, 0)
		if !f.deadline().IsZero() {
			t.Error("a deadline without a held signal")
		}

		start := time.Now()
		a, ok = arrive(unix.SIGTERM)
		want("a held signal", a, ok, 0)
		a, ok = arrive(unix.SIGINT)
		want("another", a, ok, 0)
		if got := f.deadline().Sub(start); got != time.Second {
			t.Errorf("first due after %v, want 1s", got)
		}
		time.Sleep(time.Second)
		a, ok = f.due(time.Now())
		want("after a second", a, ok, unix.SIGINT)
		a, ok = f.due(time.Now())
		want("and no more", a, ok, 0)
		time.Sleep(4 * time.Second)
		a, ok = f.due(time.Now())
		want("after five, rewritten", a, ok, unix.SIGQUIT)

		start = time.Now()
		arrive(unix.SIGTERM)
		a, ok = arrive(unix.SIGTERM)
		want("the same again", a, ok, 0)
		time.Sleep(set.OneRequest - 1)
		a, ok = arrive(unix.SIGTERM)
		want("and again", a, ok, 0)
		if got := f.deadline().Sub(start); got != 5*time.Second {
			t.Errorf("due after %v, want 5s", got)
		}
		time.Sleep(time.Nanosecond)
		a, ok = arrive(unix.SIGTERM)
		want("a second one hurries", a, ok, unix.SIGQUIT)
		if !f.deadline().IsZero() {
			t.Error("the first is still held")
		}

		arrive(unix.SIGUSR1)
		time.Sleep(time.Second)
		a, ok = f.due(time.Now())
		want("held, then dropped", a, ok, 0)
	})
}

// Whatever comes, at whatever time: each signal that is not dropped is sent, as itself, no earlier than its time and no
// later than the next look; a second one of its kind sends both as one, unless it is the first again; none is left behind.
func TestForwarderRandom(t *testing.T) {
	const dropped = unix.Signal(3)
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		f := forwarder{rewrite: map[unix.Signal]unix.Signal{dropped: 0}, hold: map[unix.Signal]time.Duration{}}
		for sig := range unix.Signal(6) {
			f.hold[sig+1] = time.Duration(random.IntN(4)) * time.Second
		}
		waiting := map[unix.Signal]time.Time{} // when each is due
		now := time.Unix(0, 0)
		look := func() {
			for a, ok := f.due(now); ok; a, ok = f.due(now) {
				due, is := waiting[a.sig]
				if !is || due.After(now) {
					t.Fatalf("seed %d, at %v: %v was sent, waiting are %v", seed, now, a.sig, waiting)
				}
				delete(waiting, a.sig)
			}
			for sig, due := range waiting {
				if sig != dropped && !due.After(now) {
					t.Fatalf("seed %d, at %v: %v was not sent", seed, now, sig)
				}
			}
		}
		for range 40 {
			now = now.Add(time.Duration(random.IntN(3000)) * time.Millisecond)
			look()
			delete(waiting, dropped)
			sig := unix.Signal(1 + random.IntN(6))
			due, second := waiting[sig]
			if second && now.Sub(due.Add(-f.hold[sig])) < set.OneRequest {
				if _, ok := f.arrive(arrival{sig: sig}, now); ok && sig != dropped {
					t.Fatalf("seed %d: %v was sent for the same again", seed, sig)
				}
				continue
			}
			a, ok := f.arrive(arrival{sig: sig}, now)
			switch at := f.hold[sig]; {
			case sig == dropped:
				if ok {
					t.Fatalf("seed %d: %v was sent", seed, sig)
				}
			case ok && a.sig != sig, ok != (second || at == 0):
				t.Fatalf("seed %d: %v came, a second one: %v; %v %v", seed, sig, second, a.sig, ok)
			case ok:
				delete(waiting, sig)
			default:
				waiting[sig] = now.Add(at)
			}
		}
		now = now.Add(time.Hour)
		look()
		if len(f.held) != 0 {
			t.Fatalf("seed %d: %d still held", seed, len(f.held))
		}
	}
}
