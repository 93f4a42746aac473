package control

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"time"
)

// call is one request being answered.
type call struct {
	ctx    context.Context // ends when the peer leaves
	client *client
	server *Server
	req    request
	files  []int
	broken error // the connection's end, in the middle of an answer
}

// handle makes a handler of a function from parameters to an answer. An unknown parameter is an error: it would have
// changed what was asked.
func handle[P, R any](f func(*call, P) (R, error)) func(*call) error {
	return takes(func(c *call, p P) error {
		r, err := f(c, p)
		if err != nil {
			return err
		}
		return c.reply(r)
	})
}

// takes makes a handler of a function that answers for itself.
func takes[P any](f func(*call, P) error) func(*call) error {
	return func(c *call) error {
		var p P
		if len(c.req.Parameters) > 0 {
			d := json.NewDecoder(bytes.NewReader(c.req.Parameters))
			d.DisallowUnknownFields()
			if err := d.Decode(&p); err != nil {
				return invalid("", "%s: %s", c.req.Method, clip(err.Error()))
			}
		}
		return f(c, p)
	}
}

// reply is the last, or only, part of an answer.
func (c *call) reply(parameters any) error { return c.send(parameters, false) }

// more is one of many.
func (c *call) more(parameters any) error { return c.send(parameters, true) }

func (c *call) send(parameters any, continues bool) error {
	return c.sendFiles(parameters, continues, nil)
}

// sendFiles sends descriptors with an answer, on its first byte. They remain the caller's.
func (c *call) sendFiles(parameters any, continues bool, files []int) error {
	if c.req.OneWay {
		return nil
	}
	b, err := json.Marshal(struct {
		Parameters any  `json:"parameters"`
		Continues  bool `json:"continues,omitempty"`
	}{parameters, continues})
	if err != nil {
		return err
	}
	limit := c.server.limits.AnswerTimeout
	if continues {
		limit = c.server.limits.StreamTimeout
	}
	c.broken = c.client.writeFiles(append(b, 0), files, limit)
	return c.broken
}

// replyList sends {"parameters":{"key":[...]}} element by element: however long the list, and however slow the peer,
// PID 1 holds a part of it.
func replyList[T any](c *call, key string, continues bool, list iter.Seq[T]) error {
	if c.req.OneWay {
		return nil
	}
	w := c.client.answerWriter()
	w.WriteString(`{"parameters":{"` + key + `":[`)
	var text []byte
	var err error
	for v := range list {
		if len(text) > 0 {
			w.WriteByte(',')
		}
		if text, err = appendElement(text[:0], &v); err != nil {
			c.broken = err // the beginning may be out already
			return err
		}
		if _, err := w.Write(text); err != nil {
			break // Flush tells
		}
	}
	w.WriteString(`]}`)
	if continues {
		w.WriteString(`,"continues":true`)
	}
	w.WriteString("}\x00")
	c.broken = w.Flush()
	return c.broken
}

func appendElement[T any](b []byte, v *T) ([]byte, error) {
	if w, ok := any(v).(writer); ok {
		return w.appendTo(b), nil
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// within bounds a call by what its caller asked for; zero is no bound.
func (c *call) within(seconds float64) (context.Context, context.CancelFunc, error) {
	const most = 365 * 24 * 3600
	switch {
	case seconds == 0:
		ctx, cancel := context.WithCancel(c.ctx)
		return ctx, cancel, nil
	case seconds < 0 || seconds > most:
		return nil, nil, invalid("timeout_seconds", "timeout_seconds: %v is not between 0 and a year", seconds)
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Duration(seconds*float64(time.Second)))
	return ctx, cancel, nil
}
