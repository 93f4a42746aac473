package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"
)

// Who comes has a place; who goes is the first of those who are not being answered.
func TestCrowd(t *testing.T) {
	c := newCrowd(3)
	var all []net.Conn // the other ends
	come := func() *guest {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		all = append(all, there)
		c.state(here, http.StateNew)
		return c.there[here]
	}
	first, second, third := come(), come(), come()
	first.answered = true
	come()
	if c.there[second.conn] != nil || len(c.there) != 3 {
		t.Errorf("the second did not go: %d are there", len(c.there))
	}
	if err := <-readError(all[1]); err != io.EOF {
		t.Errorf("its connection: %v", err)
	}
	c.back(first) // it was answered, and is the last now
	come()
	if c.there[third.conn] != nil || c.there[first.conn] == nil {
		t.Error("the third did not go")
	}
	for g := c.first; g != nil; g = g.next {
		g.answered = true
	}
	oldest := c.first
	come()
	if c.there[oldest.conn] != nil || len(c.there) != 3 {
		t.Error("all were answered, and the first of them did not go")
	}
	for conn := range c.there {
		c.state(conn, http.StateClosed)
	}
	if len(c.there) > 0 || c.first != nil || c.last != nil {
		t.Error("somebody is left")
	}
}

// Of the requests of a real server it knows who makes them: one that is being answered stays, and is the last afterwards.
func TestCrowdKnowsWhoIsAnswered(t *testing.T) {
	c := newCrowd(1)
	handling, answer := make(chan *guest), make(chan struct{})
	s := &http.Server{ConnState: c.state, ConnContext: c.context, Handler: c.answering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		c.mu.Lock()
		g := c.first
		c.mu.Unlock()
		handling <- g
		<-answer
	}))}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	t.Cleanup(func() { s.Close(); <-ended })
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	g := <-handling
	is := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return g.answered
	}
	if !is() {
		t.Error("its request is under way, and it is not being answered")
	}
	close(answer)
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); is(); runtime.Gosched() { // the answer may be ahead of the mark
		if time.Now().After(end) {
			t.Fatal("it was answered, and still is being")
		}
	}
}

func readError(c net.Conn) <-chan error {
	answer := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		answer <- err
	}()
	return answer
}
