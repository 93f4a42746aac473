package nodeipc

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"goinit/cluster"
)

// says is that it listens on a port, without waiting for what comes of it.
func (s *stranger) says(port int) {
	s.t.Helper()
	s.say(fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"127.0.0.1","port":%d,"addressType":4,"seq":1}`, port),
		`{"cmd":"NODE_CLUSTER","act":"listening"}`)
}

func (s *stranger) expect(want Kind, detail string) {
	s.t.Helper()
	if e := <-s.events; e.Kind != want || e.Detail != detail {
		s.t.Fatalf("%v, want %v", e, Event{want, detail})
	}
}

// Who is to replace a worker that serves is ready when it listens where that one does, and nowhere else.
func TestElsewhereIsNotReady(t *testing.T) {
	const remedy = ": it is not ready before it does" +
		"\n  let it listen there too; or, if it is meant to listen elsewhere, have all end before the new ones start: goinit ctl restart"
	a := newApp(t, "", cluster.ReusePort)
	main, metrics, now := freePort(t), freePort(t), freePort(t)
	old := a.stranger(0)
	old.listens(main)
	beside := a.stranger(1)
	beside.listens(main)
	beside.says(metrics) // which only this one has opened: a successor need not
	gap := func(port int) string {
		return fmt.Sprintf("it listens on 127.0.0.1:%d and not on 127.0.0.1:%d, where the worker that it is to replace does", port, main)
	}

	successor := a.stranger(0)
	successor.says(now)
	successor.expect(NotReady, gap(now))
	successor.expect(Hint, gap(now)+remedy)
	successor.says(main)
	successor.expect(Ready, "")

	broken := a.stranger(1)
	broken.says(now)
	broken.expect(NotReady, gap(now))
	broken.expect(Hint, gap(now)+remedy)
	beside.Drain() // it goes all the same
	broken.expect(Ready, "")
	broken.Gone()

	old.Gone()
	silent := a.stranger(0, func(o *Options) { o.ReadyOnMessage = true })
	silent.say(`"ready"`)
	nowhere := fmt.Sprintf("it does not listen on 127.0.0.1:%d, where the worker that it is to replace does", min(main, now))
	silent.expect(NotReady, nowhere)
	silent.expect(Hint, nowhere+remedy)
	successor.say(`{"act":"suicide"}`) // it is not replaced for the sake of another version
	successor.expect(Stopping, `it sent {act: "suicide"}`)
	silent.expect(Ready, "")
}

// The spec has the last word on where an app listens; and ports of the kernel's choice are nobody's.
func TestElsewhereIsMeant(t *testing.T) {
	a := newApp(t, "", cluster.Shared)
	address := func(port int) cluster.Address {
		return cluster.Address{Network: cluster.TCP, Host: "127.0.0.1", Port: port}
	}
	named, then := freePort(t), freePort(t)
	old := a.stranger(0, func(o *Options) { o.Listening = []cluster.Address{address(named)} })
	old.listens(named)
	old.says(0)
	successor := a.stranger(0, func(o *Options) { o.Listening = []cluster.Address{address(then)} })
	successor.says(then)
	successor.expect(Ready, "")
}

// One that always listens elsewhere in another way is not told of for ever: whoever hears of it keeps what it has not read yet.
func TestElsewhereIsToldAFewTimes(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	old := a.stranger(0)
	old.listens(freePort(t))
	s := a.stranger(0)
	for host := 99; host > 60; host-- { // the least is what is told
		s.say(fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"127.0.0.%d","port":0,"addressType":4,"seq":1}`, host),
			`{"cmd":"NODE_CLUSTER","act":"listening"}`)
	}
	s.say(`{"cmd":"NODE_HANDLE"}`)
	s.until("NODE_HANDLE_ACK")
	a.hub.mu.Lock()
	defer a.hub.mu.Unlock()
	if n := len(s.events); n != maxGaps+1 || s.isReady { // and a hint
		t.Errorf("%d events, want %d; ready: %v", n, maxGaps+1, s.isReady)
	}
}

// A worker that wants to listen again and again, and acknowledges nothing, has goinit open and copy no more than a few.
func TestQueriesAreBounded(t *testing.T) {
	descriptors := func() int {
		t.Helper()
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	a := newApp(t, "", cluster.ReusePort)
	before := descriptors()
	s := a.stranger(0)
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&text, `{"cmd":"NODE_CLUSTER","act":"queryServer","index":%d,"data":null,"address":"127.0.0.1","port":0,"addressType":4,"seq":%d}`+"\n", i, i)
	}
	written := make(chan bool)
	go func() {
		defer close(written)
		_, _ = io.WriteString(s.file, text.String()) // to its end, which comes with this one's
	}()
	defer func() {
		s.Gone()
		<-written
	}()
	for !s.heldUp() {
		runtime.Gosched()
	}
	if n, most := descriptors()-before, maxServers+maxLent+20; n > most {
		t.Errorf("%d descriptors, want %d at most", n, most)
	}
	a.hub.mu.Lock()
	if n := len(s.servers); n == 0 || n > maxServers {
		t.Errorf("it listens in %d places", n)
	}
	a.hub.mu.Unlock()
}

// Whose readiness others find out is not told to be ready by listening; but held, before it runs, while it does not listen
// where the one that it is to replace does.
func TestReadyElsewhere(t *testing.T) {
	probed := func(o *Options) { o.ReadyElsewhere = true }
	a := newApp(t, "", cluster.ReusePort)
	main := freePort(t)
	nothing := func(s *stranger) { // has come of all that it has said
		t.Helper()
		s.say(`{"cmd":"NODE_HANDLE"}`)
		s.until("NODE_HANDLE_ACK")
		a.hub.mu.Lock()
		defer a.hub.mu.Unlock()
		if len(s.events) > 0 {
			t.Errorf("%+v", <-s.events)
		}
	}
	old := a.stranger(0, probed)
	old.Started(0)
	old.says(main)
	nothing(old)

	gap := fmt.Sprintf("it does not listen on 127.0.0.1:%d, where the worker that it is to replace does", main)
	successor, other := a.stranger(0, probed), a.stranger(0, probed)
	for _, s := range []*stranger{successor, other} {
		s.Started(0)
		s.expect(NotReady, gap)
		nothing(s)
	}
	successor.says(main)
	successor.expect(Ready, "")
	nothing(successor)
	successor.say(`{"act":"suicide"}`)
	successor.expect(Stopping, `it sent {act: "suicide"}`)
	old.Gone() // nobody serves whom the other would have to equal
	other.expect(Ready, "")
	other.says(freePort(t))
	nothing(other)
}
