package set

import (
	"fmt"
	"testing"
	"time"
)

// An event of one app must not cost what all apps weigh: 500 that start, or crash, at once would cost their square.
func TestAnEventDoesNotCompareAllApps(t *testing.T) {
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("app-%d", i))
	}
	apps := graph(names...)
	s := New(apps, 0)
	s.Step(Boot{})
	settled := func(when string) {
		t.Helper()
		n := testing.AllocsPerRun(10, func() {
			for _, state := range []bool{false, true} {
				summary := up
				summary.Ready = state
				s.Step(Changed{App: "app-7", Summary: summary, Now: time.Second})
			}
			_ = s.Target()
		})
		if n >= 100 {
			t.Errorf("%s: two events of one of 500 apps make %.0f allocations", when, n)
		}
	}
	settled("after the boot")

	target := graph(names...)
	target[3].Command = []string{"another"}
	s.Step(Apply{Target: target})
	if s.Applied() || !s.Member("app-3").Leaving {
		t.Fatal("a changed app is not replaced")
	}
	s.Step(Changed{App: "app-3", Summary: gone})
	s.Step(Gone{App: "app-3"})
	s.Step(Changed{App: "app-3", Summary: up})
	if !s.Applied() {
		t.Fatal("the changed app has come back, and the target is not reached")
	}
	settled("after an apply")
}
