package gateway

import (
	"io"
	"net"
	"net/http"
	"testing"
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

func readError(c net.Conn) <-chan error {
	answer := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		answer <- err
	}()
	return answer
}
