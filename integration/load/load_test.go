package load

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What is counted is what the server has answered, and what it has not.
func TestCounts(t *testing.T) {
	served := make(chan struct{}, 100000)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served <- struct{}{}
		fmt.Fprintln(w, "me")
	}))
	defer s.Close()
	for _, keep := range []bool{false, true} {
		l := Start(Options{Address: strings.TrimPrefix(s.URL, "http://"), KeepAlive: keep, Clients: 3})
		l.Await(50)
		r := l.Stop()
		if r.Failed != 0 || r.Answered < 50 || r.Answered != len(served) || r.Bodies["me"] != r.Answered {
			t.Errorf("keep-alive %v: %+v, served %d", keep, r, len(served))
		}
		if want := map[bool]int{false: r.Answered, true: 3}[keep]; r.Connections != want {
			t.Errorf("keep-alive %v: %d connections, want %d", keep, r.Connections, want)
		}
		for len(served) > 0 {
			<-served
		}
	}
}

// A connection that is closed instead of an answer is a failure, each time, with its reason.
func TestFailures(t *testing.T) {
	s, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan int)
	go func() {
		n := 0
		for {
			c, err := s.Accept()
			if err != nil {
				closed <- n
				return
			}
			n++
			_, _ = c.Read(make([]byte, 1000))
			c.Close()
		}
	}()
	l := Start(Options{Address: s.Addr().String(), Clients: 1, KeepAlive: true})
	l.Await(1)
	r := l.Stop()
	s.Close()
	if n := <-closed; r.Answered != 0 || r.Failed == 0 || r.Failed != n || r.Reasons["answer: the connection was closed"] != n {
		t.Errorf("%+v, closed %d", r, n)
	}
	l = Start(Options{Address: s.Addr().String(), Clients: 1})
	l.Await(1)
	if r := l.Stop(); r.Failed == 0 || r.Reasons["connect: connection refused"] != r.Failed {
		t.Errorf("%+v", r)
	}
}
