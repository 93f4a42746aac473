package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"
)

// errBigBusy is the end of the wait for one's turn.
var errBigBusy = Errorf(Busy, "another long request is under way")

// client is one connection, served by one goroutine; while a call lasts a second one watches for its end.
type client struct {
	conn   *conn
	peer   peer
	server *Server

	busy  bool      // as is since, the clients' to guard
	since time.Time // that it is, or is not

	ended   bool // the peer will send no more
	holding bool // server.big
}

// serve answers one request after the other until the peer has gone.
func (c *client) serve() {
	defer c.server.clients.leave(c)
	defer c.conn.release()
	defer c.releaseBig()
	defer c.server.guard("a client", func(error) {})
	for {
		frame, files, err := c.next()
		if err != nil {
			switch {
			case errors.Is(err, errTooLong):
				_ = c.write(encodeError(invalid("", "the request is longer than goinit takes")))
			case errors.Is(err, errBigBusy):
				_ = c.write(encodeError(err))
			}
			c.slow(err)
			return
		}
		c.server.clients.mark(c, true)
		err = c.answer(frame, files)
		closeFiles(files)
		c.releaseBig()
		if err != nil {
			return
		}
		c.server.clients.mark(c, false)
	}
}

// next waits for a request: for its beginning as long as it takes, for the rest until a deadline.
func (c *client) next() ([]byte, []int, error) {
	begun := false
	for {
		if frame, files, ok := c.conn.frame(); ok {
			return frame, files, nil
		}
		if c.ended {
			return nil, nil, io.EOF
		}
		if len(c.conn.buf) > 0 && !begun {
			begun = true
			if err := c.conn.file.SetReadDeadline(time.Now().Add(c.server.limits.RequestTimeout)); err != nil {
				return nil, nil, err
			}
			defer c.conn.file.SetReadDeadline(time.Time{})
		}
		limit, err := c.limit()
		if err != nil {
			return nil, nil, err
		}
		if err := c.conn.fill(limit); errors.Is(err, io.EOF) {
			c.ended = true
		} else if err != nil {
			return nil, nil, err
		}
	}
}

// limit is how long the request that is being received may be. Beyond the ordinary limit there is room for one; the
// next waits for it, and then has all its time again.
func (c *client) limit() (int, error) {
	l := c.server.limits
	if c.peer.access != write || len(c.conn.buf) < l.Frame {
		return l.Frame, nil
	}
	if !c.holding {
		turn := time.NewTimer(2 * l.RequestTimeout) // more than a half-open one is given
		defer turn.Stop()
		select {
		case c.server.big <- struct{}{}:
			c.holding = true
			_ = c.conn.file.SetReadDeadline(time.Now().Add(l.RequestTimeout))
		case <-turn.C:
			return 0, errBigBusy
		case <-c.server.ctx.Done():
			return 0, c.server.ctx.Err()
		}
	}
	return l.BigFrame, nil
}

func (c *client) releaseBig() {
	if c.holding {
		c.holding = false
		<-c.server.big
	}
}

// answer finds the request's method, asks whether the peer may, and calls it. Its error is the connection's.
func (c *client) answer(frame []byte, files []int) error {
	var req request
	if err := json.Unmarshal(frame, &req); err != nil {
		_ = c.write(encodeError(invalid("", "the request is not JSON: %v", err)))
		return err // what follows can't be told apart
	}
	r, found := c.server.routes[req.Method]
	call := &call{client: c, server: c.server, req: req, files: files}
	err := func() (err error) {
		defer c.server.guard(req.Method, func(e error) { err = e })
		switch {
		case !found:
			return &serviceError{name: methodNotFound, Method: clip(req.Method), Message: "there is no method " + clip(req.Method)}
		case r.access > c.peer.access:
			return c.peer.notAllowed(req.Method)
		case len(frame) > c.server.limits.Frame && !r.big:
			return invalid("", "the request is longer than %d bytes", c.server.limits.Frame)
		case r.stream && !req.More:
			return &serviceError{name: expectedMore, Message: req.Method + ` answers more than once: "more": true`}
		case len(files) > 0 && !r.files:
			return invalid("", "%s takes no descriptors", req.Method)
		}
		if r.waits || r.lists && req.More {
			ctx, stop := c.watch()
			defer stop()
			call.ctx = ctx
		} else {
			call.ctx = c.server.ctx
		}
		return r.handle(call)
	}()
	switch {
	case call.broken != nil:
		return call.broken
	case req.OneWay:
		return nil
	case err != nil:
		return c.write(encodeError(err))
	}
	return nil
}

// watch reads on while a call lasts, to see its peer leave. What it receives is kept for the next request.
func (c *client) watch() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(c.server.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer c.server.guard("watching a client", func(error) {})
		for !c.ended && len(c.conn.buf) < c.server.limits.Frame && ctx.Err() == nil {
			err := c.conn.fill(c.server.limits.Frame)
			switch {
			case err == nil:
				continue
			case errors.Is(err, io.EOF) && !c.conn.gone(): // shutdown(SHUT_WR), as nc and socat do
				c.ended = true
				timer := time.AfterFunc(c.server.limits.HalfClosed, cancel)
				context.AfterFunc(ctx, func() { timer.Stop() })
			case ctx.Err() == nil:
				c.ended = true
				cancel()
			}
			return
		}
	}()
	return ctx, func() {
		cancel()
		_ = c.conn.file.SetReadDeadline(time.Unix(1, 0)) // wakes it
		<-done
		_ = c.conn.file.SetReadDeadline(time.Time{})
	}
}

// write sends an answer; a peer that does not take it is as idle as one that does not ask.
func (c *client) write(b []byte) error {
	return c.writeWithin(b, c.server.limits.AnswerTimeout)
}

func (c *client) writeWithin(b []byte, d time.Duration) error { return c.writeFiles(b, nil, d) }

func (c *client) writeFiles(b []byte, files []int, d time.Duration) error {
	c.server.clients.mark(c, false)
	defer c.server.clients.mark(c, true)
	err := c.conn.send(b, files, time.Now().Add(d))
	c.slow(err)
	return err
}

// slow counts a client that is dropped because its time is over.
func (c *client) slow(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.server.clients.countDropped()
	}
}

// clip keeps what a peer sent from filling an answer.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// answerWriter sends a long answer in parts.
func (c *client) answerWriter() *bufio.Writer {
	return bufio.NewWriterSize(writerFunc(func(b []byte) (int, error) { return len(b), c.write(b) }), 16<<10)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
