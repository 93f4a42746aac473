package gateway

import (
	"context"
	"errors"
	"sync"
	"time"
)

// question is one that many ask at once, and goinit is asked seldom: an answer is everybody's for a moment, and who comes while
// it is on its way waits for that one.
type question[T any] struct {
	ask   func() (T, error) // it may take as long as goinit takes
	fresh time.Duration     // how old an answer may be, from when it was asked for

	mu     sync.Mutex
	answer answer[T]
	coming chan struct{} // closed when the answer is there; nil: none is on its way
}

type answer[T any] struct {
	value T
	err   error
	asked time.Time
}

// errSilent is goinit's not answering in time. What was asked goes on, and is asked once.
var errSilent = errors.New("goinit does not answer")

// get returns an answer, or errSilent when the context ends before there is one.
func (q *question[T]) get(ctx context.Context) (T, error) {
	q.mu.Lock()
	if q.coming == nil && (q.answer.asked.IsZero() || time.Since(q.answer.asked) >= q.fresh) {
		q.coming = make(chan struct{})
		go q.fetch(q.coming)
	}
	a, coming := q.answer, q.coming
	q.mu.Unlock()
	if coming == nil {
		return a.value, a.err
	}
	select {
	case <-coming:
		q.mu.Lock()
		a = q.answer
		q.mu.Unlock()
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, errSilent
	}
}

func (q *question[T]) fetch(done chan struct{}) {
	a := answer[T]{asked: time.Now()}
	a.value, a.err = q.ask()
	q.mu.Lock()
	q.answer, q.coming = a, nil
	q.mu.Unlock()
	close(done)
}
