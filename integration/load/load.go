// Package load is an HTTP client that counts: how many requests were answered, by whom, and every one that was not, with
// the reason. It forgives nothing and tries nothing again, so what it counts as failed is what a user would have seen.
package load

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what is asked, and how.
type Options struct {
	Network   string        // tcp or unix; empty: tcp
	Address   string        // 127.0.0.1:8080, or a path
	Path      string        // empty: /
	Clients   int           // at the same time; 0: 4
	KeepAlive bool          // requests share a connection until the server closes it with Connection: close; else each has its own
	Timeout   time.Duration // of one request, its connection included; 0: 30 s. It is for what hangs: such a request has failed
	Pause     time.Duration // between a client's requests; 0: none

	// Dial is how to connect, where the address is in another network; nil: net.DialTimeout.
	Dial func(network, address string) (net.Conn, error)
}

// Result is what has been counted.
type Result struct {
	Answered int            // with status 200
	Failed   int            // everything else
	Reasons  map[string]int // of the failed ones
	Bodies   map[string]int // of the answered ones, without the white space at their ends
	// Connections is how many were made.
	Connections int
}

// most is how many different bodies and reasons are told apart.
const most = 1000

// Load is one that is under way.
type Load struct {
	options Options
	stop    atomic.Bool
	clients sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	result  Result
}

// Start begins. Stop ends it.
func Start(o Options) *Load {
	if o.Network == "" {
		o.Network = "tcp"
	}
	if o.Path == "" {
		o.Path = "/"
	}
	if o.Clients == 0 {
		o.Clients = 4
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Dial == nil {
		o.Dial = func(network, address string) (net.Conn, error) { return net.DialTimeout(network, address, o.Timeout) }
	}
	l := &Load{options: o, result: Result{Reasons: map[string]int{}, Bodies: map[string]int{}}}
	l.changed = sync.NewCond(&l.mu)
	for range o.Clients {
		l.clients.Go(l.client)
	}
	return l
}

// Stop lets every request that is under way come to its end, and returns what was counted.
func (l *Load) Stop() Result {
	l.stop.Store(true)
	l.clients.Wait()
	return l.Result()
}

// Result is what has been counted so far.
func (l *Load) Result() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.result
	r.Reasons, r.Bodies = map[string]int{}, map[string]int{}
	for k, n := range l.result.Reasons {
		r.Reasons[k] = n
	}
	for k, n := range l.result.Bodies {
		r.Bodies[k] = n
	}
	return r
}

// Await returns when so many requests more have been answered, or when one has failed: a test that waits for what happens
// to its server waits for requests, not for time.
func (l *Load) Await(more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for end, failed := l.result.Answered+more, l.result.Failed; l.result.Answered < end && l.result.Failed == failed && !l.stop.Load(); {
		l.changed.Wait()
	}
}

// connection is one with its reader.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

func (l *Load) client() {
	var c *connection
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for !l.stop.Load() {
		next, body, err := l.request(c)
		c = next
		l.count(body, err)
		if l.options.Pause > 0 {
			time.Sleep(l.options.Pause)
		}
	}
}

// request makes one, on the connection that is there or on a new one. It returns the connection that the next one may take.
func (l *Load) request(c *connection) (next *connection, body string, err error) {
	if c == nil {
		conn, err := l.options.Dial(l.options.Network, l.options.Address)
		if err != nil {
			return nil, "", fmt.Errorf("connect: %w", err)
		}
		c = &connection{conn, bufio.NewReader(conn)}
		l.mu.Lock()
		l.result.Connections++
		l.mu.Unlock()
	}
	fail := func(what string, err error) (*connection, string, error) {
		c.Close()
		return nil, "", fmt.Errorf("%s: %w", what, err)
	}
	_ = c.SetDeadline(time.Now().Add(l.options.Timeout))
	words := "close"
	if l.options.KeepAlive {
		words = "keep-alive"
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: load\r\nConnection: %s\r\n\r\n", l.options.Path, words); err != nil {
		return fail("send", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fail("answer", err)
	}
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fail("body", err)
	case response.StatusCode != http.StatusOK:
		return fail("status", fmt.Errorf("%d", response.StatusCode))
	case response.Close || !l.options.KeepAlive:
		c.Close()
		c = nil
	}
	return c, string(text), nil
}

func (l *Load) count(body string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.changed.Broadcast()
	if err != nil {
		l.result.Failed++
		add(l.result.Reasons, reason(err))
		return
	}
	l.result.Answered++
	add(l.result.Bodies, trim(body))
}
