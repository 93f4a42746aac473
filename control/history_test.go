package control_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"goinit/control"
	"goinit/control/controltest"
)

func event(n int) control.Event {
	slot := n % 2
	return control.Event{At: controltest.Epoch.Add(time.Duration(n) * time.Second), Type: fmt.Sprint(n), App: "web", Slot: &slot}
}

func TestHistory(t *testing.T) {
	h := control.NewHistory(4)
	for n := range 6 {
		h.Add(event(n))
	}
	for _, tt := range []struct {
		name string
		q    control.EventsQuery
		want []string
	}{
		{"all that is kept", control.EventsQuery{}, []string{"2", "3", "4", "5"}},
		{"since", control.EventsQuery{Since: controltest.Epoch.Add(4 * time.Second)}, []string{"4", "5"}},
		{"a worker's", control.EventsQuery{Targets: []control.Target{{App: "web", Slot: 1}}}, []string{"3", "5"}},
		{"an app's", control.EventsQuery{Targets: []control.Target{{App: "web", Slot: control.WholeApp}}}, []string{"2", "3", "4", "5"}},
		{"another's", control.EventsQuery{Targets: []control.Target{{App: "db", Slot: control.WholeApp}}}, nil},
	} {
		var got []string
		if err := h.Events(t.Context(), tt.q, func(e control.Event) error { got = append(got, e.Type); return nil }); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
	full := errors.New("full")
	if err := h.Events(t.Context(), control.EventsQuery{}, func(control.Event) error { return full }); err != full {
		t.Errorf("send's error: %v", err)
	}
}

// A follower sees each event once and in order, and is told of those that it was too slow for.
func TestHistoryFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := control.NewHistory(4)
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		slow := make(chan struct{})
		ended := make(chan error)
		go func() {
			ended <- h.Events(ctx, control.EventsQuery{Follow: true}, func(e control.Event) error {
				got = append(got, e.Type+string(e.Data))
				if e.Type == "1" {
					<-slow
				}
				return nil
			})
		}()
		synctest.Wait()
		h.Add(event(0))
		synctest.Wait()
		for n := 1; n <= 10; n++ {
			h.Add(event(n))
			synctest.Wait()
		}
		close(slow)
		synctest.Wait()
		h.Add(event(11))
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if want := []string{"0", "1", `events.lost{"lost":5}`, "7", "8", "9", "10", "11"}; !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	})
}
