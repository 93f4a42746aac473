package gateway

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goinit/control"
)

// What a client may cost.
const (
	maxConnections = 256
	maxHeader      = 8 << 10         // bytes; net/http adds 4 KiB
	headerTime     = 5 * time.Second // for a request to come
	answerTime     = 10 * time.Second
	idleTime       = 2 * time.Minute // beyond a scrape's interval, which is a minute mostly
	closeTime      = 200 * time.Millisecond
)

// How old an answer of goinit's may be.
const (
	probeFresh   = 250 * time.Millisecond
	metricsFresh = time.Second
)

// How long a request waits for goinit: a kubelet gives a probe up after a second, a Prometheus after ten.
const (
	patience       = 900 * time.Millisecond
	scrapePatience = 5 * time.Second
)

// Asker asks goinit; a *control.Client is one.
type Asker interface {
	Call(ctx context.Context, method string, in, out any, files ...int) error
}

// Gateway answers over HTTP.
type Gateway struct {
	goinit *line
	crowd  *crowd
	health map[string]*question[control.HealthReply] // by what is checked

	patience, scrapePatience time.Duration

	scrape   *question[*scrape]
	scrapes  chan struct{} // room for those that are under way
	own      *prometheus.Registry
	requests *prometheus.CounterVec // by page and status
}

// New makes one that asks goinit through asker. lost is told, once, that goinit answers no more.
func New(asker Asker, lost func(error)) *Gateway {
	g := &Gateway{goinit: &line{asker: asker, lost: lost}, crowd: newCrowd(maxConnections), scrapes: make(chan struct{}, maxScrapes), health: map[string]*question[control.HealthReply]{},
		patience: patience, scrapePatience: scrapePatience}
	for _, p := range probes {
		g.health[p.check] = &question[control.HealthReply]{fresh: probeFresh, ask: func() (r control.HealthReply, err error) {
			return r, g.goinit.call("Health", control.HealthRequest{Check: p.check, All: true}, &r)
		}}
	}
	g.scrape = &question[*scrape]{fresh: metricsFresh, ask: g.ask}
	g.requests = newRequests()
	g.own = ownRegistry(g.requests)
	return g
}

// Serve answers on a socket that listens, until the context ends.
func (g *Gateway) Serve(ctx context.Context, listener net.Listener) error {
	s := &http.Server{
		Handler: g.crowd.answering(g.handler()), ConnState: g.crowd.state, ConnContext: g.crowd.context,
		ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, WriteTimeout: answerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0), // what clients do wrong is no news, and could be a flood
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		if s.Shutdown(closing) != nil {
			s.Close()
		}
	}()
	err := s.Serve(listener)
	if errors.Is(err, http.ErrServerClosed) {
		<-stopped
		return nil
	}
	return err
}

// line is the one connection to goinit: one question after the other.
type line struct {
	asker Asker
	lost  func(error)
	mu    sync.Mutex
	once  sync.Once
}

// call asks. That goinit says no is an answer; anything else is the end of the connection.
func (l *line) call(method string, in, out any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.asker.Call(context.Background(), method, in, out)
	if err != nil && !errors.As(err, new(*control.Error)) {
		l.once.Do(func() { l.lost(err) })
	}
	return err
}
