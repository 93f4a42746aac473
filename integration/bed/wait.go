package bed

import (
	"os"
	"testing"
	"time"
)

// Deadline is how long a state may take to come. It is far above what any takes on an idle machine: it tells a hang from
// a busy machine, and no test measures with it. In an emulated machine it is longer, see InMachine.
var Deadline = deadline()

// deadlineVariable has another one, as time.ParseDuration reads it.
const deadlineVariable = "GOINIT_BED_DEADLINE"

func deadline() time.Duration {
	if d, err := time.ParseDuration(os.Getenv(deadlineVariable)); err == nil {
		return d
	}
	return 60 * time.Second
}

// pollInterval is between two looks at a state that nobody tells us of.
const pollInterval = 20 * time.Millisecond

// WaitLong is Wait for what takes as long as it takes; the deadline counts from the last time that state saw something else.
func WaitLong(t testing.TB, what string, state func() (reached bool, seen string)) {
	t.Helper()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	last := ""
	for end := time.Now().Add(Deadline); ; <-tick.C {
		reached, seen := state()
		if reached {
			return
		}
		if seen != last {
			last, end = seen, time.Now().Add(Deadline)
		}
		if time.Now().After(end) {
			t.Fatalf("waited for %s, and nothing has changed for %v; last seen: %s", what, Deadline, seen)
		}
	}
}

// Wait returns when state reports true, or fails the test at the deadline with what state saw last.
func Wait(t testing.TB, what string, state func() (reached bool, seen string)) {
	t.Helper()
	waitFor(t, Deadline, what, state)
}

func waitFor(t testing.TB, most time.Duration, what string, state func() (reached bool, seen string)) {
	t.Helper()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for end := time.Now().Add(most); ; <-tick.C {
		reached, seen := state()
		if reached {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s; last seen: %s", most, what, seen)
		}
	}
}
