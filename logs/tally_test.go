package logs

import (
	"slices"
	"strings"
	"testing"

	"goinit/logs/store"
)

// Bytes are counted always, lines where somebody asks for them, and each loss where it happens.
func TestTallies(t *testing.T) {
	k, _, _ := keeper(t)
	say := func(app, text string, l store.Limits) {
		o := k.open(Worker{App: app, Console: Off, Limits: l})
		write(t, o.Stdout(), text)
		o.Drain(soon())
	}
	of := func(app string) Tally {
		all := k.Tallies()
		i := slices.IndexFunc(all, func(t Tally) bool { return t.App == app })
		if i < 0 {
			return Tally{}
		}
		return all[i]
	}
	say("web", "not counted\n", store.Limits{})
	if got := of("web"); got != (Tally{App: "web", Bytes: 12}) {
		t.Errorf("before lines are counted: %+v", got)
	}
	k.CountLines()
	say("web", "one\ntwo\nthr", store.Limits{})
	if got := of("web"); got != (Tally{App: "web", Bytes: 23, Lines: 2}) {
		t.Errorf("lines: %+v", got)
	}
	say("fast", strings.Repeat("x\n", 100), store.Limits{Rate: 10})
	if got := of("fast"); got.Bytes != 200 || got.Lines != 100 || got.Limited == 0 || got.Limited > 90 || got.Lost != 0 {
		t.Errorf("over a rate of 10 a second: %+v", got)
	}
	k.Forget("web")
	if got := of("web"); got != (Tally{}) {
		t.Errorf("forgotten: %+v", got)
	}
}
