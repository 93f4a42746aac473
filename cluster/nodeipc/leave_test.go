package nodeipc

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"
)

// How a worker comes to its end, and what is told of it.
func TestLeaving(t *testing.T) {
	const listen = `require('http').createServer().listen(0, '127.0.0.1')
`
	const listening = `require('http').createServer().listen(0, '127.0.0.1', () => setImmediate(() => ` // which tells us after its own callback
	for _, c := range []struct {
		name, program string
		with          func(*Options)
		drain         bool
		events        []Event
		code          int
	}{
		{"it disconnects", listening + `require('cluster').worker.disconnect()))`, nil, false,
			[]Event{{Ready, ""}, {Stopping, "it called cluster.worker.disconnect() or kill()"}}, 0},
		{"it kills itself", listening + `require('cluster').worker.kill()))`, nil, false,
			[]Event{{Ready, ""}, {Stopping, "it called cluster.worker.disconnect() or kill()"}}, 0},
		{"suicide", listen + `process.send({act: 'suicide'}, () => process.exit(3))`, nil, false,
			[]Event{{Stopping, `it sent {act: "suicide"}`}}, 3},
		{"suicide of an ordinary child", `process.send({act: 'suicide'}, () => process.exit(3))`, func(o *Options) { o.ID = 0 }, false,
			[]Event{{Stopping, `it sent {act: "suicide"}`}}, 3},
		{"ready by message", `require('http').createServer().listen(0, '127.0.0.1', () => process.send('ready', () => process.exit(0)))`,
			func(o *Options) { o.ReadyOnMessage = true }, false, []Event{{Ready, ""}}, 0},
		{"ready by message, of an ordinary child", `process.send('ready', () => process.exit(0))`,
			func(o *Options) { o.ID, o.ReadyOnMessage = 0, true }, false, []Event{{Ready, ""}}, 0},
		{"ready twice is once", listen + listen + `process.on('disconnect', () => console.log('end'))`, nil, true, []Event{{Ready, ""}}, 0},
		{"it has more to do", listen + `setInterval(() => {}, 1000)`, nil, true, []Event{{Ready, ""}, {Drained, ""}}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nodetest.One(t).Path, cluster.Shared)
			with := c.with
			if with == nil {
				with = func(*Options) {}
			}
			p := a.start(0, c.program, with)
			var got []Event
			for i := range c.events {
				got = append(got, p.event(c.events[i].Kind))
				if i == 0 && c.drain && !p.Drain() {
					t.Error("it could not be told")
				}
			}
			if c.code < 0 {
				p.end()
			}
			p.wait()
			for len(p.events) > 0 {
				switch e := <-p.events; {
				case e.Kind == Ready && c.events[0].Kind != Ready: // suicide may come before it listens, or after
				case e.Kind == Drained && c.code >= 0: // here its exit has taken more than a second
				default:
					got = append(got, e)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.events) {
				t.Errorf("%v, want %v", got, c.events)
			}
			if code := p.cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
		})
	}
}

// What listen() says when it cannot be, in Node's own words.
func TestErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	program := fmt.Sprintf("const TAKEN = %d", taken.Addr().(*net.TCPAddr).AddrPort().Port()) + `
const net = require('net')
const attempts = [[TAKEN, '127.0.0.1'], [0, '192.0.2.1'], [{path: '/nowhere/at/all'}], [{path: '/' + 'x'.repeat(200)}], [{fd: 99}]]
const next = () => {
  const a = attempts.shift()
  if (!a) return twice()
  net.createServer().on('error', e => { console.log('failed ' + e.code); next() }).listen(...a, () => { console.log('failed to fail ' + JSON.stringify(a)); next() })
}
function twice () {
  const one = net.createServer().listen(0, '127.0.0.1', () => {
    const port = one.address().port
    const two = net.createServer().on('error', e => {
      console.log('failed ' + e.code)
      one.close(() => net.createServer().listen(port, '127.0.0.1', () => { console.log('failed not, and listens again'); process.disconnect() }))
    }).listen(port, '127.0.0.1')
  })
}
next()
`
	for mode, name := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nodetest.One(t).Path, cluster.Mode(mode))
			p := a.start(0, program)
			for _, want := range []string{"EADDRINUSE", "EADDRNOTAVAIL", "ENOENT", "EINVAL", "EBADF", "EADDRINUSE", "not, and listens again"} {
				if got := strings.TrimPrefix(p.line("failed "), "failed "); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
}

// A program that waits for its server, as in the articles on child_process: its primary says worker.send('server', server).
func TestHanded(t *testing.T) {
	for _, node := range nodetest.All(t) {
		t.Run(node.Name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, node.Path, cluster.ReusePort)
			socket, err := a.pool.Socket(0, cluster.Address{Host: "127.0.0.1"}, cluster.Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := a.start(0, `
const server = require('http').createServer((q, r) => r.end(String(process.pid)))
process.on('message', (m, tcp) => {
  if (m === 'server') tcp.on('connection', socket => server.emit('connection', socket))
  if (m === 'shutdown') { tcp = null; console.log('told'); process.exit(0) }
})
`, func(o *Options) { o.ID, o.Balance, o.Handed = 0, nil, []Handed{{"server", socket.FD}} })
			if got := get(t, socket.Bound.Port); got != fmt.Sprint(p.cmd.Process.Pid) {
				t.Errorf("answered by %s", got)
			}
			if p.Drain() {
				t.Error("a signal has to tell it")
			}
			p.line("told")
		})
	}
}
