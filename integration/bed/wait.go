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

// pollInterval is between two looks at a state that nobody tells us of. Most are there soon, and a look may cost a process:
// so the longer it has taken the rarer they are, up to maxPollInterval.
const (
	pollInterval    = 5 * time.Millisecond
	maxPollInterval = 100 * time.Millisecond
)

// pause waits until the next look at what has been waited for since then.
func pause(since time.Time) {
	<-time.After(min(max(time.Since(since)/8, pollInterval), maxPollInterval))
}

// WaitLong is Wait for what takes as long as it takes; the deadline counts from the last time that state saw something else.
func WaitLong(t testing.TB, what string, state func() (reached bool, seen string)) {
	t.Helper()
	last, began := "", time.Now()
	for end := began.Add(Deadline); ; pause(began) {
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
	for began := time.Now(); ; pause(began) {
		reached, seen := state()
		if reached {
			return
		}
		if time.Since(began) > most {
			t.Fatalf("waited %v for %s; last seen: %s", most, what, seen)
		}
	}
}
