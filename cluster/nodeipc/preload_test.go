package nodeipc

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"
)

// answers is a server that keeps its requests, each for a way to give an answer's headers, until it is being drained.
const answers = `
const kinds = {
  object: r => r.writeHead(200, Object.freeze({Connection: 'keep-alive', 'X-Own': 'yes'})),
  reason: r => r.writeHead(200, 'Fine', Object.freeze({CONNECTION: 'keep-alive', 'X-Own': 'yes'})),
  list: r => r.writeHead(200, Object.freeze(['X-Own', 'yes', 'Connection', 'keep-alive'])),
  pairs: r => r.writeHead(200, Object.freeze([['connection', 'keep-alive'], ['X-Own', 'yes']])),
  plain: r => r.writeHead(200, {'X-Own': 'yes'}),
  both: r => { r.setHeader('connection', 'keep-alive'); r.writeHead(200, {'X-Own': 'yes', Connection: 'keep-alive'}) },
  implicit: r => { r.setHeader('X-Own', 'yes'); r.setHeader('Connection', 'keep-alive') },
  removed: r => { r.setHeader('X-Own', 'yes'); r.removeHeader('Connection') },
  upgrade: r => r.writeHead('101', {'X-Own': 'yes', Connection: 'Upgrade', Upgrade: 'other'}),
}
const kept = []
const server = require('http').createServer((q, r) => {
  kept.push(() => { kinds[q.url.slice(1)](r); r.end() })
  console.log('has ' + kept.length)
}).listen(0, '127.0.0.1', () => console.log('at ' + server.address().port))
const answer = () => server.listening ? setImmediate(answer) : kept.forEach(f => f())
process.on('message', m => { if (m === 'shutdown') answer() })
`

// Whatever a program says of its connections, an answer of a worker that is drained says that this one ends.
func TestDrainAnswers(t *testing.T) {
	for _, v := range nodetest.All(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, v.Path, cluster.Shared).withPreload()
			p := a.serve(0, answers)
			var port int
			fmt.Sscanf(p.line("at "), "at %d", &port)
			kinds := []string{"object", "reason", "list", "pairs", "plain", "both", "implicit", "removed", "upgrade"}
			connections := map[string]net.Conn{}
			for _, kind := range kinds {
				c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				connections[kind] = c
				fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", kind)
			}
			p.line(fmt.Sprintf("has %d", len(kinds)))
			if !p.Drain() {
				t.Fatal("it could not be told")
			}
			for _, kind := range kinds {
				r, err := http.ReadResponse(bufio.NewReader(connections[kind]), nil)
				if err != nil {
					t.Errorf("%s: %v", kind, err)
					continue
				}
				ends, rest := true, "" // ReadResponse takes a close away
				if kind == "upgrade" {
					ends, rest = false, "Upgrade"
				}
				if r.Close != ends || r.Header.Get("Connection") != rest || r.Header.Get("X-Own") != "yes" {
					t.Errorf("%s: close %v, %q", kind, r.Close, r.Header)
				}
				connections[kind].Close()
			}
			p.wait()
			if s := p.cmd.ProcessState; !s.Success() {
				t.Errorf("it ended with %v", s)
			}
		})
	}
}

// speechless is a server of each kind, and says who has connected.
const speechless = `
const fs = require('fs'), tls = {key: fs.readFileSync(DIR + '/key.pem'), cert: fs.readFileSync(DIR + '/cert.pem')}
const answer = (q, r) => r.end('answer')
const servers = [require('http').createServer(answer), require('https').createServer(tls, answer), require('net').createServer(c => c.pipe(c))]
let listening = 0, connected = 0
for (const s of servers) s.on('connection', () => console.log('has ' + ++connected)).listen(0, '127.0.0.1', () => {
  if (++listening === servers.length) console.log('at ' + servers.map(s => s.address().port).join(' '))
})
`

// A browser connects ahead of time, and says nothing. Such a connection does not hold a drain; one on which something has
// come does, as does one to a server whose clients need not speak first.
func TestDrainUnused(t *testing.T) {
	for _, v := range nodetest.All(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, v.Path, cluster.Shared).withPreload()
			certificate(t, a.dir)
			p := a.serve(0, fmt.Sprintf("const DIR = %q\n", a.dir)+speechless)
			var plain, secure, other int
			fmt.Sscanf(p.line("at "), "at %d %d %d", &plain, &secure, &other)
			connected := 0
			dial := func(port int) net.Conn {
				t.Helper()
				c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				connected++
				return c
			}
			insecure := &tls.Config{InsecureSkipVerify: true}
			shaken := tls.Client(dial(secure), insecure)
			if err := shaken.Handshake(); err != nil {
				t.Fatal(err)
			}
			unused := map[string]net.Conn{"http": dial(plain), "https": dial(secure), "https, after the handshake": shaken}
			waiting, begun := dial(other), dial(plain)
			fmt.Fprint(begun, "GET / HTTP/1.1\r\n")
			h := &halting{Conn: dial(secure), halted: make(chan struct{}), on: make(chan struct{})}
			slow := tls.Client(h, insecure)
			handshake := make(chan error, 1)
			go func() { handshake <- slow.Handshake() }()
			<-h.halted
			p.line(fmt.Sprintf("has %d", connected))

			if !p.Drain() {
				t.Fatal("it could not be told")
			}
			closed := func(name string, c net.Conn) {
				_ = c.SetReadDeadline(time.Now().Add(time.Minute))
				if n, err := c.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("%s: it is not closed: %d bytes, %v", name, n, err)
				}
			}
			for name, c := range unused {
				closed(name, c)
			}
			fmt.Fprint(waiting, "x")
			if n, err := waiting.Read(make([]byte, 1)); n != 1 {
				t.Errorf("neither HTTP nor TLS: %v", err)
			}
			waiting.Close()
			close(h.on)
			if err := <-handshake; err != nil {
				t.Errorf("the handshake: %v", err)
			}
			closed("https, after a handshake that took its time", slow)
			fmt.Fprint(begun, "Host: localhost\r\n\r\n")
			if r, err := http.ReadResponse(bufio.NewReader(begun), nil); err != nil || !r.Close {
				t.Errorf("%v, %v", r, err)
			}
			p.wait()
			if s := p.cmd.ProcessState; !s.Success() {
				t.Errorf("it ended with %v", s)
			}
		})
	}
}

// halting is a connection that stops in the middle of what is first said.
type halting struct {
	net.Conn
	once       sync.Once
	halted, on chan struct{}
}

func (h *halting) Write(b []byte) (n int, err error) {
	const part = 3
	h.once.Do(func() {
		n, err = h.Conn.Write(b[:part])
		close(h.halted)
		<-h.on
	})
	if err != nil {
		return n, err
	}
	m, err := h.Conn.Write(b[n:])
	return n + m, err
}

// The program has events and headers of its own, and is none the worse for what the preload makes of them.
func TestDrainHarmless(t *testing.T) {
	const program = `
const {EventEmitter} = require('events'), net = require('net')
const server = net.createServer().listen(0, '127.0.0.1', () => {
  const bare = new EventEmitter(), closing = Object.assign(new EventEmitter(), {close () { console.log('bad: it is closed') }})
  const broken = {once () { throw Error('once') }, goaway () {}, close () {}}, late = {once () {}, goaway () {}, close () { throw Error('close') }}
  for (const s of [bare, closing, broken, late, undefined, null, 'words']) server.emit('session', s)
  for (const s of [{_parent: 'words'}, undefined]) server.emit('secureConnection', s)
  server.on('own', (...args) => console.log('own ' + args.length))
  server.emit('own')
})
process.on('exit', code => console.log('exit ' + code))
`
	for _, v := range nodetest.All(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			p := newApp(t, v.Path, cluster.Shared).withPreload().serve(0, program)
			if l := p.line("own "); l != "own 0" {
				t.Error(l)
			}
			if !p.Drain() {
				t.Fatal("it could not be told")
			}
			if rest, _ := io.ReadAll(readerOf(p.out)); string(rest) != "exit 0\n" {
				t.Errorf("%q", rest)
			}
		})
	}
}
