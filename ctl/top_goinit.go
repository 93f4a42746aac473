package ctl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"goinit/control"
	"goinit/ctl/top"
)

// watched is the goinit that top shows: top.Goinit. What it asks again and again goes over one connection, which is made anew when
// it has ended.
type watched struct {
	*session
	targets []string

	mu     sync.Mutex // of client: one question after the other
	client *control.Client
}

func (g *watched) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hangUp()
}

func (g *watched) hangUp() {
	if g.client != nil {
		g.client.Close()
		g.client = nil
	}
}

// Look is Ps for all, Stats for some and Info: three answers, one after the other.
func (g *watched) Look(ctx context.Context, details []string) (r top.Reading, err error) {
	ctx, cancel := g.context(ctx)
	defer cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.client == nil {
		if g.client, err = g.one("top"); err != nil {
			return r, err
		}
	}
	var ps control.PsReply
	var stats control.StatsReply
	var info control.InfoReply
	err = g.client.Call(ctx, "Ps", control.PsRequest{Targets: g.targets}, &ps)
	if err == nil {
		r.At, r.Workers = g.now(), ps.Workers
		err = g.client.Call(ctx, "Info", nil, &info)
		r.Info = info.Info
	}
	if err == nil && len(details) > 0 {
		err = g.client.Call(ctx, "Stats", control.StatsRequest{Targets: details}, &stats)
		r.Stats = stats.Stats
		if told := new(control.Error); errors.As(err, &told) && told.Name == control.NoSuchTarget {
			err = nil // one of them has just been scaled away: the next question has the right names
		}
	}
	if told := new(control.Error); err != nil && !errors.As(err, &told) {
		g.hangUp()
	}
	return r, err
}

// Events follows what happens over a connection of its own.
func (g *watched) Events(ctx context.Context, since time.Time, show func(control.Event)) error {
	c, err := g.one("top")
	if err != nil {
		return err
	}
	defer c.Close()
	in := control.EventsRequest{Targets: g.targets, Since: &since, Follow: true}
	return c.Stream(ctx, "Events", in, func(b json.RawMessage) error {
		var r control.EventsReply
		err := json.Unmarshal(b, &r)
		if err == nil && r.Event != nil {
			show(*r.Event)
		}
		return err
	})
}

// Logs is what logs -f -n 100 prints on a terminal.
func (g *watched) Logs(ctx context.Context, target string, show func(string)) error {
	s := *g.session
	var said bytes.Buffer
	world := *g.world
	world.stderr = &said // what could not be read belongs into the pane
	s.world = &world
	const lines = 100
	l := &logsQuery{s: &s, targets: []string{target}, last: lines, format: "short", flags: logsFlags{follow: true}}
	l.query.Warn = func(err error) { show("(" + err.Error() + ")") }
	src, err := l.sources(ctx)
	if err != nil {
		return g.told(err)
	}
	defer src.close()
	p := &linePrinter{out: bufio.NewWriterSize(&lineWriter{show: show}, 64<<10), format: "short", screen: true, prefix: !ofOneWorker(l.targets), zone: s.now().Location()}
	if err = src.follow(ctx, l, p); ctx.Err() != nil {
		return nil
	}
	return g.told(err)
}

// Order sends one over a connection of its own, and waits as long as it takes.
func (g *watched) Order(ctx context.Context, o top.Order) (string, error) {
	c, err := g.one("top")
	if err != nil {
		return "", g.told(err)
	}
	defer c.Close()
	ctx, cancel := g.patience(ctx)
	defer cancel()
	common := control.OrderRequest{Targets: []string{o.Target}, TimeoutSeconds: g.seconds()}
	var in any = common
	switch o.Verb {
	case "signal":
		in = control.SignalRequest{OrderRequest: common, Signal: o.Signal}
	case "scale":
		in = control.ScaleRequest{App: o.Target, Workers: o.Workers, TimeoutSeconds: g.seconds()}
	}
	var r control.OrderReply
	if err := c.Call(ctx, methodOf(o.Verb), in, &r); err != nil {
		return "", g.told(err)
	}
	return outcomes(r.Outcomes)
}

// methodOf is the method of a verb: Restart of restart.
func methodOf(verb string) string { return strings.ToUpper(verb[:1]) + verb[1:] }

// outcomes are told in one line; if one of them is a failure, each in one of its own.
func outcomes(all []control.Outcome) (string, error) {
	var words []string
	failed := false
	for _, o := range all {
		text := o.Name + " " + o.Outcome
		if o.PID != nil {
			text += " (pid " + number(o.PID) + ")"
		}
		if o.Message != "" {
			text += ": " + o.Message
		}
		failed = failed || o.Outcome == "failed"
		words = append(words, text)
	}
	switch {
	case failed:
		return "", errors.New(strings.Join(words, "\n"))
	case len(words) == 0:
		return "nothing was to be done", nil
	}
	return strings.Join(words, ", "), nil
}

// told is an error in the words that a verb prints.
func (g *watched) told(err error) error {
	if err == nil {
		return nil
	}
	var b bytes.Buffer
	tell(&b, err, statusOf(err))
	return errors.New(strings.TrimRight(b.String(), "\n"))
}

// lineWriter hands over lines.
type lineWriter struct {
	show func(string)
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		w.show(string(append(w.rest, b[:i]...)))
		w.rest, b = w.rest[:0], b[i+1:]
	}
	const most = 64 << 10 // more of a line than is ever shown
	w.rest = append(w.rest, b[:min(len(b), max(0, most-len(w.rest)))]...)
	return n, nil
}
