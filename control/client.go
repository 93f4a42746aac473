package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Client is a connection to a goinit, for one call after the other.
type Client struct {
	conn *conn
	path string
}

// Dial connects.
func Dial(path string) (*Client, error) {
	const patience = 5 * time.Second // a full backlog means that PID 1 has not run for a while
	c, err := connect(path, patience)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", path, err)
	}
	return &Client{c, path}, nil
}

// Adopted is a connection that this process was started with.
func Adopted(fd int) (*Client, error) {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	c, err := newConn(fd)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d: %w", fd, err)
	}
	return &Client{c, "goinit"}, nil
}

// connect waits within bounds where the queue of the listener is full, as SO_SNDTIMEO says (unix(7)).
func connect(path string, patience time.Duration) (*conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	tv := unix.NsecToTimeval(patience.Nanoseconds())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	addr, release, err := address(path)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	defer release()
	err = again(func() error { return unix.Connect(fd, addr) })
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return newConn(fd)
}

// Close ends the connection, and a call that another goroutine has under way.
func (c *Client) Close() { c.conn.close() }

// ErrGone is a connection that ended instead of an answer.
var ErrGone = errors.New("goinit has closed the connection")

// Call asks for method, e.g. Ps, and decodes the answer into out, unless that is nil. An answer that says no is an
// *Error.
func (c *Client) Call(ctx context.Context, method string, in, out any, files ...int) error {
	return c.exchange(ctx, method, in, false, files, ownFiles(func(p json.RawMessage) error {
		if out == nil {
			return nil
		}
		return json.Unmarshal(p, out)
	}))
}

// CallFiles is Call for an answer that comes with descriptors, which are the caller's to close.
func (c *Client) CallFiles(ctx context.Context, method string, in, out any) (files []int, err error) {
	c.conn.take = true
	err = c.exchange(ctx, method, in, false, nil, func(p json.RawMessage, came []int) error {
		files = came
		return json.Unmarshal(p, out)
	})
	if err != nil {
		closeFiles(files)
		return nil, err
	}
	return files, nil
}

// StreamFiles is Stream for answers that come with descriptors, which are f's to close.
func (c *Client) StreamFiles(ctx context.Context, method string, in any, f func(p json.RawMessage, files []int) error) error {
	c.conn.take = true
	return c.exchange(ctx, method, in, true, nil, f)
}

// ownFiles is for answers that need no descriptors.
func ownFiles(f func(json.RawMessage) error) func(json.RawMessage, []int) error {
	return func(p json.RawMessage, files []int) error {
		closeFiles(files)
		return f(p)
	}
}

// Stream asks for all of a method's answers, and hands each to f.
func (c *Client) Stream(ctx context.Context, method string, in any, f func(json.RawMessage) error) error {
	return c.exchange(ctx, method, in, true, nil, ownFiles(f))
}

func (c *Client) exchange(ctx context.Context, method string, in any, more bool, files []int, f func(json.RawMessage, []int) error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.file.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := c.ask(method, in, more, files)
	for err == nil {
		var r reply
		var came []int
		if r, came, err = c.nextFiles(); err != nil {
			break
		}
		if r.Error != "" {
			closeFiles(came)
			return errorOf(r.Error, r.Parameters)
		}
		if !r.Continues && more && (len(r.Parameters) == 0 || string(r.Parameters) == "{}") {
			closeFiles(came)
			return nil // the end of a stream says no more than that
		}
		if err = f(r.Parameters, came); err != nil || !r.Continues {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *Client) ask(method string, in any, more bool, files []int) error {
	if in == nil {
		in = struct{}{}
	}
	p, err := json.Marshal(in)
	if err != nil {
		return err
	}
	b, err := json.Marshal(request{Method: "io.goinit." + method, Parameters: p, More: more})
	if err != nil {
		return err
	}
	err = c.conn.send(append(b, 0), files, time.Time{})
	if errors.Is(err, unix.EPIPE) {
		return nil // it may have said why before it hung up
	}
	return err
}

func (c *Client) next() (reply, error) {
	r, files, err := c.nextFiles()
	closeFiles(files)
	return r, err
}

func (c *Client) nextFiles() (reply, []int, error) {
	const most = 64 << 20 // a thousand times a long answer
	for {
		if frame, files, ok := c.conn.frame(); ok {
			var r reply
			if err := json.Unmarshal(frame, &r); err != nil {
				closeFiles(files)
				return r, nil, fmt.Errorf("cannot read the answer from %s: %w", c.path, err)
			}
			return r, files, nil
		}
		err := c.conn.fill(most)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, os.ErrClosed):
			return reply{}, nil, ErrGone
		case err != nil:
			return reply{}, nil, err
		}
	}
}

// Gone returns when the other side has ended the connection, or with the context's error.
func (c *Client) Gone(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.file.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		if _, err := c.next(); errors.Is(err, ErrGone) {
			return nil
		} else if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
	}
}
