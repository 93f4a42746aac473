package nodeipc

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"

	"golang.org/x/sys/unix"
)

// stranger is the other end of a channel, without Node: it says what it likes.
type stranger struct {
	*Worker
	t      *testing.T
	file   *os.File
	events chan Event
}

func (a *app) stranger(slot int, with ...func(*Options)) *stranger {
	a.t.Helper()
	a.nextID++
	s := &stranger{t: a.t, events: make(chan Event, 100)}
	o := Options{ID: a.nextID, Slot: slot, Balance: a.balance, Mode: a.mode, Told: func(e Event) { s.events <- e }}
	for _, f := range with {
		f(&o)
	}
	w, child, _, err := a.hub.Open(o)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := unix.SetNonblock(child, true); err != nil { // for deadlines
		a.t.Fatal(err)
	}
	s.Worker, s.file = w, os.NewFile(uintptr(child), "channel")
	a.t.Cleanup(func() {
		s.file.Close()
		w.Gone()
	})
	return s
}

func (s *stranger) say(lines ...string) {
	s.t.Helper()
	for _, l := range lines {
		if _, err := io.WriteString(s.file, l+"\n"); err != nil {
			s.t.Fatal(err)
		}
	}
}

// until reads to the first that has that in it, and returns what was read.
func (s *stranger) until(part string) string {
	s.t.Helper()
	var all []byte
	b := make([]byte, 4096)
	for !bytes.Contains(all, []byte(part)) {
		n, err := s.file.Read(b)
		if err != nil {
			s.t.Fatalf("%v, after %q", err, all)
		}
		all = append(all, b[:n]...)
	}
	return string(all)
}

// listens has it be a worker on a port that is returned.
func (s *stranger) listens(port int) int {
	s.t.Helper()
	s.say(`{"cmd":"NODE_CLUSTER","act":"online","seq":0}`,
		fmt.Sprintf(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":"127.0.0.1","port":%d,"addressType":4,"seq":1}`, port))
	_, after, _ := strings.Cut(s.until(`"seq":`), `"port":`)
	fmt.Sscanf(after, "%d", &port)
	s.say(`{"cmd":"NODE_CLUSTER","act":"listening"}`)
	<-s.events
	s.Enter()
	return port
}

// One that takes connections and never says that it has them keeps 16 at most; the others get the rest, it is found out, and
// when it is gone those 16 are answered too.
func TestNeverAcknowledges(t *testing.T) {
	a := newApp(t, nodetest.One(t).Path, cluster.RoundRobin)
	s := a.stranger(0, func(o *Options) { o.HangTime = 200 * time.Millisecond })
	port := s.listens(0)
	const clients = 40
	var conns []net.Conn
	for range clients {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		conns = append(conns, c)
	}
	if e := <-s.events; e.Kind != Unhealthy || e.Detail != "it has not taken a connection for 200ms: its event loop does not turn" {
		t.Errorf("%v", e)
	}
	p := a.serve(1, "const HOST = '127.0.0.1', PORT = 0"+httpServer)
	want := fmt.Sprint(p.cmd.Process.Pid)
	for range 20 {
		if got := get(t, port); got != want {
			t.Errorf("answered by %s", got)
		}
	}
	a.hub.mu.Lock()
	if n := len(s.flights); n != maxFlights {
		t.Errorf("it has %d", n)
	}
	a.hub.mu.Unlock()
	s.Gone()
	for _, c := range conns {
		b, err := io.ReadAll(c)
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%v: %q", err, b)
		}
	}
}

// A line without an end is not kept, and a flood of messages that want an answer is not answered faster than it is read.
func TestFlood(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	var before, after runtime.MemStats
	for name, flood := range map[string]struct {
		text  string
		bytes int
	}{
		"a line of 24 MB":           {strings.Repeat("x", 1<<16), 24 << 20},
		"lines":                     {strings.Repeat("{\"a\":1}\n", 1<<13), 1 << 20},
		"listen, without an answer": {`{"cmd":"NODE_CLUSTER","act":"queryServer","port":99999,"addressType":4,"seq":1}` + "\n", 4 << 20},
		"handles":                   {`{"cmd":"NODE_HANDLE","type":"net.Socket","msg":1}` + "\n", 4 << 20},
	} {
		s := a.stranger(0)
		runtime.GC()
		runtime.ReadMemStats(&before)
		raw, err := s.file.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < flood.bytes && err == nil; { // until it is all gone, or nothing more is taken while the answers wait
			e := raw.Write(func(fd uintptr) bool {
				var w int
				w, err = unix.Write(int(fd), []byte(flood.text))
				n += max(w, 0)
				if err == unix.EAGAIN && !s.heldUp() {
					err = nil
					runtime.Gosched()
				}
				return true
			})
			if e != nil {
				t.Fatal(e)
			}
		}
		if wants := strings.Contains(flood.text, "cmd"); (err == unix.EAGAIN) != wants {
			t.Errorf("%s: it was held up: %v", name, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("%s: %d bytes more", name, grown)
		}
		a.hub.mu.Lock()
		if n := s.channel.queued; n > maxQueued+readSize*2 {
			t.Errorf("%s: %d bytes wait for it", name, n)
		}
		a.hub.mu.Unlock()
		s.Gone()
	}
	s := a.stranger(0) // and it works for others
	s.listens(0)
}

// heldUp says that it is not read any more, since it does not read.
func (s *stranger) heldUp() bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.channel.queued > maxQueued && s.watched&unix.EPOLLIN == 0
}

// Lines are read at a rate, however short: each costs us something.
func TestLinesCost(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	s := a.stranger(0)
	a.hub.mu.Lock() // the loop waits meanwhile
	defer a.hub.mu.Unlock()
	if _, err := io.WriteString(s.file, strings.Repeat("1\n", mostRead/lineCost)); err != nil {
		t.Fatal(err)
	}
	s.read()
	s.watch()
	if s.suspended.IsZero() || s.watched&unix.EPOLLIN != 0 {
		t.Fatal("it is read on")
	}
	s.tick(s.suspended)
	if s.watched&unix.EPOLLIN == 0 {
		t.Error("it is not read again")
	}
}

// Descriptors that a worker sends are closed, and acknowledged, at once: Node says nothing more before that.
func TestHandles(t *testing.T) {
	a := newApp(t, "", cluster.RoundRobin)
	s := a.stranger(0)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	for range 10 {
		many := bytes.Repeat([]byte{0}, 0)
		fds := make([]int, 100)
		for i := range fds {
			fds[i] = p[1]
		}
		many = append(many, unix.UnixRights(fds...)...)
		if err := unix.Sendmsg(int(s.file.Fd()), []byte(`{"cmd":"NODE_HANDLE","type":"net.Socket","msg":{}}`+"\n"), many, nil, 0); err != nil {
			t.Fatal(err)
		}
		s.until(`{"cmd":"NODE_HANDLE_ACK"}` + "\n")
	}
	unix.Close(p[1])
	if n, err := unix.Read(p[0], make([]byte, 1)); n != 0 || err != nil { // would wait for ever
		t.Errorf("%d %v", n, err)
	}
}

// A worker that has no descriptor left loses what it is sent, and says so: another gets it.
func TestLostHandle(t *testing.T) {
	a := newApp(t, nodetest.One(t).Path, cluster.RoundRobin)
	s := a.stranger(0)
	port := s.listens(0)
	answer := make(chan string, 1)
	go func() { answer <- get(t, port) }()
	s.until(`"newconn"`)
	s.Leave() // else it gets that one again, after a rest
	s.say(`{"cmd":"NODE_HANDLE_NACK"}`)
	if e := <-s.events; e.Kind != Hint || e.Detail != "it has no descriptors left and loses what it is sent: others get its connections\n  let it have more: ulimits: {nofile: 65536}" {
		t.Errorf("%v", e)
	}
	p := a.serve(1, "const HOST = '127.0.0.1', PORT = 0"+httpServer)
	if got := <-answer; got != fmt.Sprint(p.cmd.Process.Pid) {
		t.Errorf("answered by %q", got)
	}
}

// What was given to a worker that is killed, and not taken yet, is another's.
func TestKilled(t *testing.T) {
	a := newApp(t, nodetest.One(t).Path, cluster.RoundRobin)
	program := "const PORT = 0, HOST = '127.0.0.1'" + httpServer
	p := a.serve(0, program)
	var port int
	fmt.Sscanf(p.line("at "), "at %d", &port)
	if err := p.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string)
	const clients = 10
	for range clients {
		go func() { answers <- get(t, port) }()
	}
	q := a.start(1, program)
	q.event(Ready) // not in the balance yet: all are given to the one that does not move
	a.waitFlights(p, clients)
	q.Enter()
	p.end()
	for range clients {
		if got := <-answers; got != fmt.Sprint(q.cmd.Process.Pid) {
			t.Errorf("answered by %s", got)
		}
	}
}

func (a *app) waitFlights(p *process, n int) {
	for {
		a.hub.mu.Lock()
		got := len(p.flights)
		a.hub.mu.Unlock()
		if got == n {
			return
		}
		runtime.Gosched()
	}
}
