package nodeipc

import (
	"testing"
	"time"
)

// A worker has its whole time to take a connection, and none is counted in which it could not: when it was paused, or all was.
func TestHungIsWhoCouldRun(t *testing.T) {
	h, err := newHub(func(err error) { t.Error(err) }) // ticks are the test's
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	const limit = 30 * time.Second
	given := time.Now().Add(-time.Hour)
	told := 0
	worker := func() *Worker {
		told = 0
		return &Worker{hub: h, entered: true, flights: []flight{{at: given}}, o: Options{HangTime: limit, Told: func(e Event) {
			if e.Kind == Unhealthy {
				told++
			}
		}}}
	}
	tick := func(w *Worker, at time.Time, want int) {
		t.Helper()
		h.mu.Lock()
		defer h.mu.Unlock()
		if w.tick(at); told != want {
			t.Errorf("%v after it was given: told %d times, want %d", at.Sub(given), told, want)
		}
	}

	w := worker()
	tick(w, given.Add(limit-time.Millisecond), 0)
	tick(w, given.Add(limit+time.Millisecond), 1)
	tick(w, given.Add(2*limit), 1)

	w = worker()
	awake := given.Add(10 * time.Minute)
	tick(w, awake, 0)
	tick(w, awake.Add(limit-time.Millisecond), 0)
	tick(w, awake.Add(limit+time.Millisecond), 1)

	w = worker()
	w.Leave()
	tick(w, given.Add(limit), 0)
	w.Enter()
	entered := w.flights[0].at
	if !entered.After(given) {
		t.Fatal("the time that it was paused is counted")
	}
	if h.due.IsZero() || h.due.After(entered.Add(limit)) {
		t.Errorf("nobody looks after it again: %v", h.due)
	}
	tick(w, entered.Add(limit-time.Millisecond), 0)
	tick(w, entered.Add(limit), 1)
}
