package nodeipc

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"

	"golang.org/x/sys/unix"
)

const httpServer = `
require('http').createServer((q, r) => r.end(String(process.pid))).listen(PORT, HOST, function () { console.log('at ' + this.address().port) })
`

func TestHTTP(t *testing.T) {
	for mode, name := range modes {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, nodetest.One(t).Path, cluster.Mode(mode))
			program := "const PORT = 0, HOST = '127.0.0.1'" + httpServer
			var workers []*process
			for slot := range 4 {
				workers = append(workers, a.serve(slot, program))
			}
			var port int
			for _, p := range workers {
				var q int
				fmt.Sscanf(p.line("at "), "at %d", &q)
				if port != 0 && q != port {
					t.Fatalf("two ports: %d and %d", port, q)
				}
				port = q
			}
			byPID := map[string]*process{}
			for _, p := range workers {
				byPID[fmt.Sprint(p.cmd.Process.Pid)] = p
			}
			for len(byPID) > 0 { // the kernel, or goinit, gives each its share
				pid := get(t, port)
				if p := byPID[pid]; p != nil && a.mode == cluster.Shared { // a share may be nothing as long as others are faster
					p.end()
				}
				delete(byPID, pid)
			}
		})
	}
}

func get(t *testing.T, port int) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Keep-alive connections while workers are replaced, one after another: no request is lost.
func TestDrain(t *testing.T) {
	for _, v := range nodetest.All(t) {
		for mode, name := range modes {
			t.Run(v.Name+"/"+name, func(t *testing.T) {
				a := newApp(t, v.Path, cluster.Mode(mode)).withPreload()
				program := "const PORT = 0, HOST = '127.0.0.1'" + httpServer
				var workers []*process
				for slot := range 2 {
					workers = append(workers, a.serve(slot, program))
				}
				var port int
				fmt.Sscanf(workers[0].line("at "), "at %d", &port)
				load := startLoad(port, 8)
				for slot := range 2 {
					load.until(t, 200)
					fresh := a.serve(slot, program)
					old := workers[slot]
					workers[slot] = fresh
					old.Leave()
					if !old.Drain() {
						t.Fatal("it could not be told")
					}
					old.wait()
					if s := old.cmd.ProcessState; !s.Success() {
						t.Errorf("it ended with %v", s)
					}
				}
				load.until(t, 200)
				if err := load.stop(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// load are clients with connections of their own that ask all the time.
type load struct {
	done     chan struct{}
	answered atomic.Int64
	failed   chan error
	clients  sync.WaitGroup
}

func startLoad(port, clients int) *load {
	l := &load{done: make(chan struct{}), failed: make(chan error, 1000)}
	for range clients {
		l.clients.Go(func() {
			c := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-l.done:
					return
				default:
				}
				// POST without GetBody is never tried again by net/http
				r, err := c.Post(fmt.Sprintf("http://127.0.0.1:%d/", port), "text/plain", struct{ io.Reader }{strings.NewReader("x")})
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
				if err != nil {
					select {
					case l.failed <- err:
					default:
					}
				} else {
					l.answered.Add(1)
				}
			}
		})
	}
	return l
}

// until waits for so many answers more.
func (l *load) until(t *testing.T, n int64) {
	t.Helper()
	for want := l.answered.Load() + n; l.answered.Load() < want; runtime.Gosched() {
	}
}

func (l *load) stop() error {
	close(l.done)
	l.clients.Wait()
	close(l.failed)
	var all []error
	for err := range l.failed {
		all = append(all, err)
	}
	if len(all) > 0 {
		return fmt.Errorf("%d of %d requests failed: %w", len(all), int(l.answered.Load())+len(all), all[0])
	}
	return nil
}

var modes = []string{cluster.ReusePort: "reuseport", cluster.Shared: "shared", cluster.RoundRobin: "round-robin"}

// The sockets of listen: block, for programs that expect it. What we accept from does not, nor does what Node gets.
func TestBlockingSocket(t *testing.T) {
	for _, mode := range []cluster.Mode{cluster.RoundRobin, cluster.Shared} {
		a := newApp(t, "", mode)
		where := cluster.Address{Host: "127.0.0.1"}
		socket, err := a.pool.Socket(0, where, cluster.Options{Mode: mode, Blocking: true})
		if err != nil {
			t.Fatal(err)
		}
		s := a.stranger(0, func(o *Options) { o.Listening = []cluster.Address{where} })
		s.say(`{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":null,"port":null,"addressType":null,"fd":3,"seq":1}`)
		if answer := s.until(`"ack":1`); !strings.Contains(answer, `"errno":null`) && !strings.Contains(answer, `"errno":0`) {
			t.Error(answer)
		}
		if flags, err := unix.FcntlInt(uintptr(socket.FD), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("flags %#x, %v", flags, err)
		}
	}
}
