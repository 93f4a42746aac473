package gateway

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However many ask, goinit is asked once, and again when the answer has become old.
func TestQuestionIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		q := &question[int]{fresh: time.Second, ask: func() (int, error) {
			asked++
			time.Sleep(100 * time.Millisecond)
			return asked, nil
		}}
		all := func(want int) {
			t.Helper()
			var done sync.WaitGroup
			for range 1000 {
				done.Go(func() {
					if got, err := q.get(t.Context()); got != want || err != nil {
						t.Errorf("%d, %v; want %d", got, err, want)
					}
				})
			}
			done.Wait()
		}
		all(1)
		time.Sleep(899 * time.Millisecond) // a second after it was asked, not after the answer
		all(1)
		time.Sleep(time.Millisecond)
		all(2)
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// Nobody waits longer than it wants, and what is on its way is everybody's when it comes.
func TestQuestionWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		asked := 0
		q := &question[int]{ask: func() (int, error) { asked++; <-answer; return 7, errors.New("no") }}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := q.get(ctx); !errors.Is(err, errSilent) {
				t.Error(err)
			}
			cancel()
		}
		close(answer)
		synctest.Wait()
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		if got, err := q.get(t.Context()); got != 7 || err == nil || asked != 2 { // the answer was of no time
			t.Errorf("%d, %v, asked %d times", got, err, asked)
		}
	})
}
