package set

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"goinit/spec"
	"goinit/supervise/app"
)

// graph reads "web: db migrate=completed cache=started?" lines; ? is required: false, ! ahead of it restart: true. Each app stops within 10 s.
func graph(lines ...string) []spec.App {
	var apps []spec.App
	for _, l := range lines {
		name, deps, _ := strings.Cut(l, ":")
		a := spec.App{Name: name, Command: []string{name}, Enabled: true, OnFailure: "ignore", Stop: spec.Stop{Timeout: spec.Duration(10 * time.Second)}}
		for d := range strings.FieldsSeq(deps) {
			d, optional := strings.CutSuffix(d, "?")
			d, restart := strings.CutSuffix(d, "!")
			on, condition, given := strings.Cut(d, "=")
			if !given {
				condition = "started"
			}
			a.DependsOn = append(a.DependsOn, spec.Dependency{App: on, Condition: condition, Required: !optional, Restart: restart})
		}
		apps = append(apps, a)
	}
	return apps
}

var (
	waiting   = app.Summary{Waiting: true, Empty: true}
	starting  = app.Summary{}
	up        = app.Summary{Started: true, Ready: true, WasReady: true, Settled: true}
	begun     = app.Summary{Started: true}
	trouble   = app.Summary{Started: true, Troubled: true, Settled: true}
	completed = app.Summary{Started: true, WasReady: true, Completed: true, Final: true, Idle: true, Settled: true, Empty: true}
	byHand    = app.Summary{Started: true, ByHand: true, Idle: true, Settled: true, Empty: true}
	ending    = app.Summary{Started: true, Closing: true}
	gone      = app.Summary{Started: true, Closing: true, Idle: true, Settled: true, Empty: true}
)

func failed(status int, at time.Duration) app.Summary {
	return app.Summary{Failed: true, Final: true, Idle: true, Settled: true, Empty: true, Status: status, FailedAt: at}
}

// words are effects as text: short enough to be compared by eye.
func words(effects []Effect) string {
	var all []string
	for _, e := range effects {
		switch e := e.(type) {
		case Meet:
			all = append(all, "meet "+e.App)
		case Hold:
			all = append(all, "hold "+e.App+" for "+e.Dependency)
		case StopApp:
			within := e.Within.String()
			if e.Within == app.Unlimited {
				within = "∞"
			}
			all = append(all, "stop "+e.App+" "+within)
		case HurryApp:
			all = append(all, "hurry "+e.App)
		case AddApp:
			all = append(all, "add "+e.App.Name)
		case RemoveApp:
			all = append(all, "remove "+e.App)
		case RestartApp:
			all = append(all, "restart "+e.App+" for "+e.Dependency)
		case Emit:
			if e.Type == "app.holds-up" {
				all = append(all, fmt.Sprintf("%s holds up %v", e.App, e.Data["apps"]))
			}
		case ScaleApp:
			all = append(all, fmt.Sprintf("scale %s %d", e.App.Name, e.App.Workers.Count))
		case ArmTimer:
			all = append(all, "arm "+e.After.String())
		case End:
			all = append(all, fmt.Sprintf("end %d", e.Outcome.Status))
		}
	}
	return strings.Join(all, ", ")
}

// play steps through a story: "when" leads to "then".
type scene struct {
	when Event
	then string
}

func play(t *testing.T, s *Set, scenes []scene) {
	t.Helper()
	for i, sc := range scenes {
		if got := words(s.Step(sc.when)); got != sc.then {
			t.Fatalf("scene %d: %+v\n got: %s\nwant: %s", i, sc.when, got, sc.then)
		}
	}
}

func is(name string, m app.Summary) Event { return Changed{App: name, Summary: m} }

func at(name string, m app.Summary, now time.Duration) Event {
	return Changed{App: name, Summary: m, Now: now}
}

func TestStartOrder(t *testing.T) {
	play(t, New(graph("web: db migrate=completed cache?", "db:", "migrate: db", "cache:", "log:"), 0), []scene{
		{Boot{}, "meet db, meet cache, meet log"}, // in parallel, as far as the graph allows
		{is("db", starting), ""},
		{is("db", up), "meet migrate"},
		{is("migrate", up), ""}, // started is not completed
		{is("cache", failed(1, 1)), ""},
		{is("migrate", completed), "meet web"}, // without the cache, which is not required
	})
}

func TestOptionalDependencyIsWaitedForWhileItMayCome(t *testing.T) {
	play(t, New(graph("web: cache?", "cache:"), 0), []scene{
		{Boot{}, "meet cache"},
		{is("cache", starting), ""},
		{is("cache", up), "meet web"},
	})
}

// An optional dependency that somebody has stopped, or that is not enabled, holds nobody up; a required one does, and is
// named.
func TestStoppedDependency(t *testing.T) {
	off := app.Summary{Idle: true, Settled: true, Empty: true}
	for _, dep := range []app.Summary{off, {ByHand: true, Idle: true, Settled: true, Empty: true}} {
		play(t, New(graph("web: cache?", "api: cache", "cache:"), 0), []scene{
			{Boot{}, "meet cache"},
			{is("cache", dep), "meet web, hold api for cache, cache holds up [api]"},
		})
	}
}

func TestFailedDependencyNamesWhatItHoldsUp(t *testing.T) {
	s := New(graph("web: api", "api: db", "db:", "other:"), 0)
	play(t, s, []scene{
		{Boot{}, "meet db, meet other"},
		{is("other", up), ""},
		{is("db", failed(3, 1)), "hold api for db, hold web for api, db holds up [web api]"},
		{is("db", starting), ""},
		{is("db", up), "meet api"}, // somebody has repaired and started it
		{is("api", up), "meet web"},
	})
}

func TestEnds(t *testing.T) {
	withMain := func() []spec.App {
		apps := graph("main:", "side:")
		apps[0].Main = true
		return apps
	}
	shutdown := func(status int) Event {
		return Shutdown{Status: &status, Reason: "asked"}
	}
	gaveUp := graph("a:", "b:")
	gaveUp[0].OnFailure = "shutdown"
	held := graph("a:", "b: a")
	disabled := graph("a:", "b:")
	disabled[1].Enabled = false
	off := app.Summary{Idle: true, Settled: true, Empty: true}
	killed, status := gone, gone
	killed.Killed = "a/0 a/1"
	status.Status = 143
	for _, c := range []struct {
		name   string
		apps   []spec.App
		scenes []scene
	}{
		{"a main app's end is the end, with its status", withMain(), []scene{
			{is("main", up), ""}, {is("side", up), ""},
			{is("main", failed(7, 1)), "stop main ∞, stop side ∞"},
			{is("main", app.Summary{Failed: true, Final: true, Idle: true, Empty: true, Closing: true, Status: 7}), ""},
			{is("side", gone), "end 7"}}},
		{"who gives up ends goinit with its status", gaveUp, []scene{
			{is("b", up), ""}, {is("a", failed(9, 1)), "stop a ∞, stop b ∞"}, {is("b", gone), ""}, {is("a", gone), "end 9"}}},
		{"unless it is to be ignored", gaveUp, []scene{{is("a", up), ""}, {is("b", failed(9, 1)), ""}}},
		{"all have completed", graph("a:", "b:"), []scene{
			{is("a", completed), ""}, {is("b", completed), "stop a ∞, stop b ∞"}, {is("b", gone), ""}, {is("a", gone), "end 0"}}},
		{"the first failure's status", graph("a:", "b:"), []scene{
			{is("a", failed(5, 20)), ""}, {is("b", failed(6, 10)), "stop a ∞, stop b ∞"}, {is("b", gone), ""}, {is("a", gone), "end 6"}}},
		{"stopped by hand: stay", graph("a:", "b:"), []scene{{is("a", byHand), ""}, {is("b", completed), ""}}},
		{"one that was never enabled does not count", disabled, []scene{
			{is("b", off), ""}, {is("a", completed), "stop a ∞, stop b ∞"}, {is("b", gone), ""}, {is("a", gone), "end 0"}}},
		{"none was enabled: stay", graph("b:"), []scene{{is("b", off), ""}}},
		{"one that waits in vain is a failure", held, []scene{
			{is("b", waiting), ""},
			{is("a", failed(4, 1)), "hold b for a, a holds up [b], stop b ∞"}, {is("b", gone), "stop a ∞"}, {is("a", gone), "end 4"}}},
		{"requested, with the main app's status", withMain(), []scene{
			{is("main", up), ""}, {Shutdown{}, "stop main ∞, stop side ∞"}, {is("side", gone), ""}, {is("main", status), "end 143"}}},
		{"requested, without a main app", graph("a:"), []scene{{is("a", up), ""}, {Shutdown{}, "stop a ∞"}, {is("a", gone), "end 0"}}},
		{"requested, and somebody was killed", graph("a:"), []scene{{is("a", up), ""}, {Shutdown{}, "stop a ∞"}, {is("a", killed), "end 137"}}},
		{"requested with a status", graph("a:"), []scene{{is("a", up), ""}, {shutdown(3), "stop a ∞"}, {is("a", killed), "end 3"}}},
		{"requested again with another status", graph("a:"), []scene{{is("a", up), ""}, {shutdown(3), "stop a ∞"}, {shutdown(4), "hurry a"}, {is("a", killed), "end 4"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(c.apps, 0)
			s.Step(Boot{})
			play(t, s, c.scenes)
		})
	}
}

func upAll(s *Set) {
	s.Step(Boot{})
	for _, m := range s.Members {
		s.Step(is(m.Spec.Name, up))
	}
}

func TestShutdownSharesTheBudget(t *testing.T) {
	s := New(graph("db:", "api: db", "web: api", "log:"), 9*time.Second)
	upAll(s)
	play(t, s, []scene{
		// 8.7 s for a line of three, and log is alone.
		{Shutdown{}, "arm 8.7s, stop web 2.9s, stop log 8.7s"},
		{is("log", gone), ""},
		{at("web", ending, time.Second), ""},
		{at("web", gone, 700*time.Millisecond), "stop api 4s"}, // what web left is api's and db's
		{at("api", gone, 4700*time.Millisecond), "stop db 4s"},
		{at("db", gone, 4701*time.Millisecond), "end 0"},
	})
}

func TestShutdownNeverGivesMoreThanTheOwnTimeout(t *testing.T) {
	s := New(graph("db:", "web: db"), 100*time.Second)
	upAll(s)
	play(t, s, []scene{{Shutdown{}, "arm 1m39.7s, stop web 10s"}})
}

func TestShutdownsBudgetIsOver(t *testing.T) {
	s := New(graph("db:", "web: db"), 9*time.Second)
	upAll(s)
	play(t, s, []scene{
		{Shutdown{}, "arm 8.7s, stop web 4.35s"},
		{TimerFired{Epoch: 7, Now: time.Second}, ""}, // another's
		{TimerFired{Epoch: 1, Now: 8700 * time.Millisecond}, "stop db 0s, stop web 0s, arm 300ms"},
		{TimerFired{Epoch: 2, Now: 9 * time.Second}, "end 0"}, // uninterruptible
		{is("db", gone), ""},
	})
}

func TestSecondRequestHurries(t *testing.T) {
	s := New(graph("db:", "web: db"), 9*time.Second)
	upAll(s)
	play(t, s, []scene{
		{Shutdown{}, "arm 8.7s, stop web 4.35s"},
		{Shutdown{}, "stop db 8.7s, hurry web"},
		{Shutdown{}, "hurry db, hurry web"},
	})
	main := graph("m:", "x:")
	main[0].Main = true
	s = New(main, 0)
	upAll(s)
	s.Step(is("m", completed))
	play(t, s, []scene{{Shutdown{}, ""}, {Shutdown{}, "hurry m, hurry x"}}) // the first request does not hurry what began by itself
}

// timeout(1) sends two signals, and means one request.
func TestTwoSignalsAtOnceAreOneRequest(t *testing.T) {
	signal := func(now time.Duration) Event { return Shutdown{Signal: true, Now: now} }
	const first = time.Hour
	s := New(graph("a:"), 0)
	upAll(s)
	play(t, s, []scene{
		{signal(first), "stop a ∞"},
		{signal(first), ""},
		{signal(first + OneRequest - 1), ""},
		{signal(first + OneRequest), "hurry a"},
		{signal(first + OneRequest), ""},
		{Shutdown{Now: first + OneRequest}, "hurry a"}, // a command is never a signal again
	})
	s = New(graph("a:"), 0)
	s.Delay = 5 * time.Second
	upAll(s)
	play(t, s, []scene{
		{signal(0), "arm 5s"}, {signal(1), ""},
		{signal(time.Second), "stop a ∞"}, {signal(time.Second + 1), ""}, // nor is the third
		{signal(2 * time.Second), "hurry a"},
	})
	s = New(graph("a:"), 0)
	upAll(s)
	play(t, s, []scene{{Shutdown{}, "stop a ∞"}, {signal(1), "hurry a"}})
}

func TestApply(t *testing.T) {
	old := graph("db:", "web: db", "old: db", "same:")
	target := graph("db:", "web: db", "new: db", "same:")
	target[0].Command = []string{"db", "-v"}
	target[1].Command = []string{"web", "-v"}
	target[3].Workers.Count = 4
	if got, want := Compare(old, target), (Diff{Added: []string{"new"}, Removed: []string{"old"}, Changed: []string{"db", "web"}, Updated: []string{"same"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("Compare: %+v, want %+v", got, want)
	}
	s := New(old, 0)
	upAll(s)
	play(t, s, []scene{
		{Apply{Target: target}, "remove old"},
		{Gone{App: "old"}, "add new, meet new, scale same 4, remove db"}, // dependencies first, one after another
		{Gone{App: "db"}, "add db, meet db"},
		{is("db", starting), ""},
		{is("db", up), "remove web"},
		{is("new", up), ""},
		{Gone{App: "web"}, "add web, meet web"},
	})
	if s.Applied() {
		t.Error("applied before web has come back")
	}
	play(t, s, []scene{{is("web", up), ""}})
	if !s.Applied() {
		t.Error("not applied")
	}
	play(t, s, []scene{{Apply{Target: target}, ""}}) // what is unchanged is untouched
}

func TestApplyTheLastWordWins(t *testing.T) {
	one, two, three := graph("a:", "b:"), graph("b:"), graph("a:", "b:")
	three[0].Command = []string{"a", "3"}
	s := New(one, 0)
	upAll(s)
	play(t, s, []scene{
		{Apply{Target: two}, "remove a"},
		{Apply{Target: three}, ""}, // a is on its way out, and will be back as the third says
		{Gone{App: "a"}, "add a, meet a"},
	})
	if got := s.Member("a").Spec.Command; !slices.Equal(got, []string{"a", "3"}) {
		t.Errorf("a came back as %v", got)
	}
	play(t, s, []scene{
		{is("a", up), ""},
		{Apply{Target: one}, "remove a"},
		{Apply{Target: two}, ""}, // it was to come back, now it is not
		{Gone{App: "a"}, ""},
	})
	if !s.Applied() || s.Member("a") != nil {
		t.Error("a is still there")
	}
}

func TestShutdownEndsAnApply(t *testing.T) {
	s := New(graph("a:", "b:"), 0)
	upAll(s)
	target := graph("a:", "b:")
	target[0].Command = []string{"x"}
	play(t, s, []scene{
		{Apply{Target: target}, "remove a"},
		{Shutdown{}, "stop a ∞, stop b ∞"},
		{Gone{App: "a"}, ""},
		{Apply{Target: target}, ""},
		{is("b", gone), "end 0"},
	})
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"a: b|b: a", "depends on itself"}, {"a: a", "depends on itself"}, {"a: b", "not among the apps"}, {"a: b?", ""}, {"a:|a:", "twice"}, {"a: b|b:", ""},
	} {
		err := Check(graph(strings.Split(c.name, "|")...))
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
