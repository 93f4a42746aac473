package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
	"goinit/integration/load"
)

// suicideJS is the worker of the article on restarting processes: at an exception that nobody has caught it asks for its
// successor, takes no new connections, and exits when the old ones have ended. Who has met the bug is answered when a file
// is there, so that it is known how long that lasts.
const suicideJS = `
const http = require('http')
const fs = require('fs')
let worker
const server = http.createServer((req, res) => {
  if (req.url === '/bug') {
    setImmediate(() => { throw new Error('a hidden bug') })
    const wait = () => { if (fs.existsSync('over')) res.end('answered all the same'); else setTimeout(wait, 10) }
    return wait()
  }
  setTimeout(() => res.end(String(process.pid)), req.url === '/slow' ? 200 : 0)
})
SERVE
process.on('uncaughtException', () => {
  process.send({act: 'suicide'})
  worker.close(() => {
    process.exit(1)
  })
})
`

// The suicide signal under load: no request fails between the signal and the end of the worker, and there are never fewer
// workers than before: its successor is ready before it has gone.
func TestRunSuicide(t *testing.T) {
	bed.Need(t, "namespace", "node")
	port := freePorts(t, 1)[0]
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for _, c := range []struct {
		name, serve, spec string
		keep              bool
	}{
		{"the article's", `process.on('message', (m, tcp) => {
  if (m === 'server') {
    worker = tcp
    tcp.on('connection', socket => {
      server.emit('connection', socket)
    })
  }
})`, "node: ipc, listen: [{address: '" + address + "', message: server}]", false},
		{"cluster", fmt.Sprintf("worker = server.listen(%d, '127.0.0.1')", port), "balance: reuseport", true},
		{"cluster, round-robin", fmt.Sprintf("worker = server.listen(%d, '127.0.0.1')", port), "balance: round-robin", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "worker.js"), []byte(strings.ReplaceAll(suicideJS, "SERVE", c.serve)), 0o644); err != nil {
				t.Fatal(err)
			}
			m := runSpec(t, "apps: {suicide: {command: [node, worker.js], working_dir: '"+dir+"', workers: 3, "+c.spec+"}}\n")
			m.waitRows(t, "all to be ready", ready, "suicide")
			loads := map[string]*load.Load{
				"a connection each": load.Start(load.Options{Address: address}),
				"slow":              load.Start(load.Options{Address: address, Path: "/slow"}),
			}
			if c.keep {
				loads["keep-alive"] = load.Start(load.Options{Address: address, KeepAlive: true})
			}
			await := func() {
				for _, l := range loads {
					l.Await(20)
				}
			}
			for turn := range 2 {
				await()
				suicide(t, m, address, filepath.Join(dir, "over"), turn)
			}
			await()
			for name, l := range loads {
				if r := l.Stop(); r.Failed > 0 {
					t.Errorf("%s: %d of %d failed: %v\n%s", name, r.Failed, r.Failed+r.Answered, r.Reasons, m.must(t, "events"))
				}
			}
		})
	}
}

// suicide has one worker meet the bug, and sees it off.
func suicide(t *testing.T, m *manager, address, over string, turn int) {
	t.Helper()
	answer := make(chan string, 1)
	go func() {
		text, err := askOnce(address, "/bug")
		answer <- fmt.Sprint(text, err)
	}()
	var who string
	var successor, exited int // places in the order of events; 0: not so far
	look := func() {
		who, successor, exited = "", 0, 0
		generation := 0
		type event struct {
			Type, Worker string
			Generation   int
		}
		var all []event
		for line := range strings.Lines(m.must(t, "events", "-o", "json")) {
			var e event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		asked := 0
		for _, e := range all {
			if e.Type == "worker.draining" {
				if asked++; asked == turn+1 {
					who, generation = e.Worker, e.Generation
				}
			}
		}
		for i, e := range all {
			switch {
			case who == "" || e.Worker != who:
			case e.Type == "worker.ready" && e.Generation == generation+1:
				successor = i
			case e.Type == "worker.exited" && e.Generation == generation:
				exited = i
			}
		}
	}
	bed.Wait(t, "its successor to be ready", func() (bool, string) {
		look()
		return successor > 0, m.ask(t, "events").Stdout
	})
	if exited > 0 {
		t.Errorf("%s has gone while it had a request", who)
	}
	if rows := m.ps(t, "suicide"); len(pids(rows)) < 3 {
		t.Errorf("there are %v", rows)
	}
	if err := os.WriteFile(over, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := <-answer; got != "answered all the same<nil>" {
		t.Errorf("who has met the bug: %s", got)
	}
	bed.Wait(t, "its end", func() (bool, string) {
		look()
		return exited > 0, m.ask(t, "events").Stdout
	})
	if exited < successor {
		t.Errorf("%s had gone before its successor was ready", who)
	}
	if err := os.Remove(over); err != nil {
		t.Fatal(err)
	}
}

// askOnce is one request with a connection of its own: the body.
func askOnce(address, path string) (string, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(bed.Deadline))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", path); err != nil {
		return "", err
	}
	text, err := io.ReadAll(c)
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	return body, err
}
