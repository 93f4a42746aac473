package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"goinit/control"
	"goinit/logs/query"
)

// writer is a goinit that a follower depends on.
type writer struct {
	instance control.Instance
	client   *control.Client
	handed   *query.Handed // nil: its directory is followed
}

// gone returns when goinit has ended, or with the context. A goinit that only had too many clients answers again.
// Meanwhile it hands over segments that are begun, where that is wanted.
func (w writer) gone(ctx context.Context) {
	for ctx.Err() == nil {
		if w.handed != nil {
			_ = takeSegments(ctx, w.client, control.LogFilesRequest{Follow: true}, w.handed)
		} else {
			_ = w.client.Gone(ctx)
		}
		w.client.Close()
		select {
		case <-time.After(time.Second / 2):
		case <-ctx.Done():
			return
		}
		var err error
		if w.client, err = dial(w.instance); err != nil {
			return
		}
	}
	w.client.Close()
}

// follow prints what is kept and goes on, until all goinits have gone.
func (src *logSources) follow(ctx context.Context, l *logsQuery, p *linePrinter) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !l.query.Until.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, time.Now().Add(l.query.Until.Sub(l.s.now())))
		defer stop()
	}
	var mu sync.Mutex // of p
	var wg sync.WaitGroup
	errs := make([]error, len(src.rings)+1)
	for i, r := range src.rings {
		wg.Go(func() { errs[i] = r.follow(ctx, l, p, &mu) })
	}
	if len(src.stores) > 0 {
		wg.Go(func() { errs[len(src.rings)] = src.followStores(ctx, l, p, &mu) })
	}
	wg.Wait()
	_, err := settle(l.s.all, make([]answer[struct{}], len(errs)), errs)
	if errors.Is(err, context.DeadlineExceeded) && !l.query.Until.IsZero() {
		return nil
	}
	return err
}

func (r ring) follow(ctx context.Context, l *logsQuery, p *linePrinter, mu *sync.Mutex) error {
	filter := query.NewFilter(&l.query)
	return r.client.Stream(ctx, "Logs", r.request, func(b json.RawMessage) error {
		var reply control.LogsReply
		if err := json.Unmarshal(b, &reply); err != nil || reply.Line == nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, line := range filter.Add(lineOf(r.name, reply.Line)) {
			if err := p.print(line); err != nil {
				return err
			}
		}
		return p.out.Flush()
	})
}

func (src *logSources) followStores(ctx context.Context, l *logsQuery, p *linePrinter, mu *sync.Mutex) error {
	f := query.NewFollower(&l.query, src.stores...)
	defer f.Close()
	mu.Lock()
	err := l.history(f.Stores(), p)
	if err == nil {
		err = p.out.Flush()
	}
	mu.Unlock()
	if err != nil {
		return err
	}
	// When the goinits have gone, nothing more will come.
	running, stop := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	for _, w := range src.writers {
		wg.Go(func() { w.gone(running) })
	}
	if len(src.writers) > 0 {
		go func() {
			wg.Wait()
			stop(control.ErrGone)
		}()
	}
	defer wg.Wait()
	defer stop(nil)
	err = f.Run(running, func(line query.Line) error {
		mu.Lock()
		defer mu.Unlock()
		return p.print(line)
	}, func() error {
		mu.Lock()
		defer mu.Unlock()
		return p.out.Flush()
	})
	if err == nil {
		err = context.Cause(running)
	}
	return err
}
