package set

import (
	"fmt"
	"testing"
	"time"
)

// again is up, after n returns.
func again(n int) func(name string) Event {
	return func(name string) Event {
		m := up
		m.Returns = n
		return is(name, m)
	}
}

func TestReadyIsMoreThanStarted(t *testing.T) {
	play(t, New(graph("web: db=ready", "log: db", "db:"), 0), []scene{
		{Boot{}, "meet db"},
		{is("db", begun), "meet log"},
		{is("db", up), "meet web"},
		{is("db", begun), ""}, // not ready any more: who runs, runs
	})
}

// Who can do without a dependency waits for its first try, and no longer.
func TestOptionalDependencyThatFailsAgainAndAgain(t *testing.T) {
	play(t, New(graph("web: cache=ready?", "api: cache=ready", "far: mid=ready?", "mid: cache=ready", "cache:"), 0), []scene{
		{Boot{}, "meet cache"},
		{is("cache", begun), ""},
		{is("cache", trouble), "meet web, meet far"},
		{is("cache", up), "meet api, meet mid"},
	})
}

func TestWhatIsWaitedFor(t *testing.T) {
	s := New(graph("web: db=ready migrate=completed cache?", "migrate: db=ready", "db:", "cache:"), 0)
	s.Step(Boot{})
	expect := func(want string) {
		t.Helper()
		if got := fmt.Sprint(s.Member("web").Waits); got != want {
			t.Errorf("web waits for %s, want %s", got, want)
		}
	}
	expect("[{db ready false} {migrate completed false} {cache started false}]")
	s.Step(is("cache", failed(1, 1)))
	s.Step(is("db", up))
	before := s.WaitsChanged
	expect("[{migrate completed false}]")
	s.Step(is("migrate", begun))
	if s.WaitsChanged != before {
		t.Error("a change is told where there is none")
	}
	s.Step(is("migrate", failed(1, 1)))
	expect("[{migrate completed true}]")
	s.Step(is("migrate", completed))
	expect("[]")
}

func TestDependentsAreRestarted(t *testing.T) {
	s := New(graph("web: db=ready!", "log: db=ready", "far: web!", "db:"), 0)
	play(t, s, []scene{
		{Boot{}, "meet db"},
		{again(2)("db"), "meet web, meet log"}, // it needed three tries
		{is("web", up), "meet far"},
		{is("db", trouble), ""},
		{again(3)("db"), "restart web for db"},
		{again(3)("db"), ""},
		{again(1)("web"), "restart far for web"},
	})
	target := graph("web: db=ready!", "log: db=ready", "far: web!", "db:")
	target[3].Command = []string{"db", "-v"}
	play(t, s, []scene{
		{Apply{Target: target}, "remove db"},
		{Gone{App: "db"}, "add db, meet db"},
		{again(0)("db"), "restart web for db"}, // another one altogether
	})
	s = New(graph("web: db!?"), 0)
	play(t, s, []scene{
		{Boot{}, "meet web"}, // there is no db
		{Apply{Target: graph("web: db!?", "db:")}, "add db, meet db"},
		{again(0)("db"), ""}, // it comes for the first time
		{again(1)("db"), "restart web for db"},
	})
}

func TestDelay(t *testing.T) {
	delayed := func(budget, delay time.Duration) *Set {
		s := New(graph("db:", "web: db"), budget)
		s.Delay = delay
		upAll(s)
		return s
	}
	play(t, delayed(20*time.Second, 5*time.Second), []scene{
		{Shutdown{}, "arm 5s"},
		{is("web", up), ""}, // it serves on
		{TimerFired{Epoch: 1, Now: 5 * time.Second}, "arm 14.7s, stop web 7.35s"},
		{at("web", gone, 6*time.Second), "stop db 10s"},
		{at("db", gone, 7*time.Second), "end 0"},
	})
	play(t, delayed(0, 5*time.Second), []scene{
		{Shutdown{}, "arm 5s"}, {Shutdown{}, "stop web ∞"}, {TimerFired{Epoch: 1, Now: 5 * time.Second}, ""}, {Shutdown{}, "stop db ∞, hurry web"}}) // who asks again has waited enough
	play(t, delayed(9*time.Second, time.Minute), []scene{{Shutdown{}, "arm 4.5s"}}) // a budget that was not written leaves time to stop
	play(t, delayed(0, 5*time.Second), []scene{
		{Shutdown{}, "arm 5s"}, {is("web", byHand), ""}, {is("db", byHand), "stop web ∞"}}) // nobody is left to serve
	s := New(graph("m:", "x:"), 0)
	s.target[0].Main, s.Members[0].Spec.Main, s.Delay = true, true, 5*time.Second
	upAll(s)
	play(t, s, []scene{{is("m", completed), "stop m ∞, stop x ∞"}}) // nobody asked: nobody is told to go elsewhere
}
