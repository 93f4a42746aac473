package nodeipc

import (
	"fmt"
	"os"
	"testing"
	"time"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"

	"golang.org/x/sys/unix"
)

const comesUp = `{"cmd":"NODE_CLUSTER","act":"online","seq":0}`

func (s *stranger) event(t *testing.T, want Event) {
	t.Helper()
	if e := <-s.events; e != want {
		t.Errorf("%+v, want %+v", e, want)
	}
}

// A program that never listens is ready by staying alive, which is told once; as soon as one of its workers has listened, no
// more.
func TestServesNothing(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	quiet := func(o *Options) { o.QuietTime = 20 * time.Millisecond }
	first := a.stranger(0, quiet)
	first.say(comesUp)
	first.event(t, Event{Hint, "it has run for 20ms and nobody of its app has listened: it is taken for a program that serves nothing, and is ready" +
		"\n  write node: off, and it is ready as soon as it runs; or node: cluster, and it has to listen"})
	first.event(t, Event{Kind: Ready})
	second := a.stranger(1, quiet)
	second.say(comesUp)
	second.event(t, Event{Kind: Ready})

	server := a.stranger(2, quiet)
	server.listens(0)
	third := a.stranger(3, quiet)
	third.say(comesUp, `{"cmd":"NODE_HANDLE"}`)
	third.until("NODE_HANDLE_ACK")
	a.hub.mu.Lock()
	defer a.hub.mu.Unlock()
	if !third.online || !third.quiet.IsZero() || third.isReady {
		t.Error("it would be ready without listening, and others of its app listen")
	}
}

// Who has to listen, or has to say that it is ready, is not ready without.
func TestHasToListen(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	for _, with := range []func(*Options){
		func(*Options) {},
		func(o *Options) { o.QuietTime, o.ReadyOnMessage = time.Millisecond, true },
	} {
		s := a.stranger(0, with)
		s.say(comesUp, `{"cmd":"NODE_HANDLE"}`)
		s.until("NODE_HANDLE_ACK")
		a.hub.mu.Lock()
		if !s.online || !s.quiet.IsZero() {
			t.Error("it would be ready without")
		}
		a.hub.mu.Unlock()
	}
}

// A real Node that does something else.
func TestNodeServesNothing(t *testing.T) {
	a := newApp(t, nodetest.One(t).Path, cluster.ReusePort)
	p := a.start(0, "setInterval(() => {}, 1000)", func(o *Options) { o.QuietTime = time.Millisecond })
	for _, want := range []Kind{Hint, Ready} {
		if e := <-p.events; e.Kind != want {
			t.Errorf("%+v, want %v", e, want)
		}
	}
}

// As many may wait as the spec says, though Node's workers say less when they listen on the same socket.
func TestBacklogOfTheSpec(t *testing.T) {
	a := newApp(t, "", cluster.Shared)
	where := cluster.Address{Host: fmt.Sprintf("127.%d.%d.%d", 128+os.Getpid()>>16&63, os.Getpid()>>8&255, 1+os.Getpid()&127), Port: 7000}
	socket, err := a.pool.Socket(0, where, cluster.Options{Mode: cluster.Shared, Backlog: 90})
	if err != nil {
		t.Fatal(err)
	}
	s := a.stranger(0, func(o *Options) { o.Listening = []cluster.Address{where} })
	query := fmt.Sprintf(`"index":0,"data":null,"address":%q,"port":%d,"addressType":4,"backlog":10,"seq":1}`, where.Host, where.Port)
	s.say(comesUp, `{"cmd":"NODE_CLUSTER","act":"queryServer",`+query)
	s.until(`"ack":1`)
	if err := unix.Listen(socket.FD, 10); err != nil { // it has the same socket
		t.Fatal(err)
	}
	s.say(`{"cmd":"NODE_CLUSTER","act":"listening",` + query)
	s.event(t, Event{Kind: Ready})
	info, err := unix.GetsockoptTCPInfo(socket.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.Sacked != 90 { // that is the backlog of a socket that listens
		t.Errorf("%d may wait, %v; want 90", info.Sacked, err)
	}
}
