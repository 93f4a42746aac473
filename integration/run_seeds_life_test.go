package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goinit/integration/bed"
)

// workers are all workers of an app that have a process.
func (p *project) workers(t *testing.T, app string) (all []row) {
	t.Helper()
	for _, r := range rowsOf(t, p.goinit(t, "ctl", "ps", app, "-o", "json").Stdout) {
		if r.PID != nil {
			all = append(all, r)
		}
	}
	return all
}

// get asks a program of the project for a page, as one client after another.
func (p *project) get(name, page string) (string, error) {
	c, err := net.Dial("unix", filepath.Join(p.dir, name+".http"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bed.Deadline))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\n\r\n", page); err != nil {
		return "", err
	}
	var b bytes.Buffer
	_, err = b.ReadFrom(c)
	return b.String(), err
}

// masterJS is the article's (seed 1): its workers get the listening server, and are forked anew when they exit.
const masterJS = `
const fork = require('child_process').fork;
const net = require('net')
const server = net.createServer()

require('fs').rmSync('master.http', { force: true })
server.listen('master.http')

const workers = {}
const createWorker = function () {
  const worker  = fork('./forked.js')
  worker.on('exit', () => {
    console.log('exit: ' + worker.pid)
    delete workers[worker.pid]
    createWorker()
  })
  worker.send('server', server)
  workers[worker.pid] = worker
  console.log('created: ' + worker.pid)
}

for (let i = 0; i < 2; i++) {
  createWorker()
}
`

const forkedJS = `
const http = require('http')
const server = http.createServer(
  (req, res) => {
    res.writeHead(200, {
      'Content-Type': 'text/plain',
    })
    res.end('handle by child')
  }
)
process.on('message', (m, tcp) => {
  if (m === 'server') {
    tcp.on('connection', socket => {
      server.emit('connection', socket)
    })
  }
})
`

// workerJS is the article's worker with a hidden bug, where goinit is the master: it takes no new connections, answers those
// that it has, and exits.
const workerJS = `
const http = require('http')
const path = 'worker' + process.env.GOINIT_SLOT + '.http'
require('fs').rmSync(path, { force: true })
const server = http.createServer(
  (req, res) => {
    if (req.url === '/bug') {
      setImmediate(() => { throw new Error('a hidden bug') })
      setTimeout(() => res.end('answered all the same'), 100)
      return
    }
    res.writeHead(200, {
      'Content-Type': 'text/plain',
    })
    res.end('handle by child')
  }
)
server.listen(path)
process.on('uncaughtException', () => {
  server.close(() => {
    process.exit(1)
  })
})
`

// clusterJS is that of seed 2, with Node's own primary.
const clusterJS = `
const cluster = require("cluster");
const http = require("http");
if (cluster.isPrimary) {
  require('fs').rmSync('cluster.http', { force: true })
  for (let i = 0; i < 2; i++) {
    cluster.fork();
  }
  cluster.on("exit", function () {
    cluster.fork();
  });
} else {
  http
    .createServer((req, res) => {
      res.writeHead(200);
      res.end("hello world\n");
    })
    .listen('cluster.http');
}
`

// What the articles on restarting processes show (seeds 1 and 2): a worker that is killed is there again under another pid,
// and there are as many as before; one that has met an exception answers whom it has, ends, and is there again. A program with
// workers of its own runs as it is, and when it is killed they end with it.
func TestRunSeedRestart(t *testing.T) {
	t.Parallel() // it mostly waits
	p := newProject(t, map[string]string{"master.js": masterJS, "forked.js": forkedJS, "worker.js": workerJS, "cluster.js": clusterJS,
		"goinit.yaml": "name: seed\napps:\n  worker: {command: node worker.js, workers: 2}\n  master: {command: node master.js}\n  cluster: {command: node cluster.js}\n"})
	if r := p.goinit(t, "run", "--detach"); r.Status != 0 {
		t.Fatal("it did not start")
	}
	for _, name := range []string{"worker0", "worker1"} {
		p.answers(t, name, "handle by child")
	}
	before := p.workers(t, "worker")
	if err := unix.Kill(*before[0].PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	again := func(slot, restarts int) []row {
		t.Helper()
		var now []row
		bed.Wait(t, "the worker to be back", func() (bool, string) {
			now = p.workers(t, "worker")
			return len(now) == 2 && now[slot].Restarts == restarts && now[slot].State == "running", fmt.Sprint(now)
		})
		p.answers(t, fmt.Sprint("worker", slot), "handle by child")
		return now
	}
	now := again(0, 1)
	if *now[0].PID == *before[0].PID || *now[1].PID != *before[1].PID {
		t.Errorf("before %v, now %v", before, now)
	}
	if page, err := p.get("worker1", "/bug"); err != nil || !strings.HasSuffix(page, "answered all the same") {
		t.Errorf("the request that met the bug: %q, %v", page, err)
	}
	if now = again(1, 1); now[1].LastExit == nil || now[1].LastExit.Status != 1 || now[1].LastExit.Reason != "exited" {
		t.Errorf("%v", now)
	}

	for app, answer := range map[string]string{"master": "handle by child", "cluster": "hello world\n"} {
		p.answers(t, app, answer)
		parent := *p.workers(t, app)[0].PID
		own := forked(t, parent, nil)
		if err := unix.Kill(own[0], unix.SIGKILL); err != nil { // which is its own affair
			t.Fatal(err)
		}
		own = forked(t, parent, own[:1])
		if err := unix.Kill(parent, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for _, pid := range own {
			gone(t, pid)
		}
		bed.Wait(t, app+" to be back", func() (bool, string) {
			now := p.workers(t, app)
			return len(now) == 1 && *now[0].PID != parent && now[0].Restarts == 1, fmt.Sprint(now)
		})
		p.answers(t, app, answer)
	}
	if r := p.goinit(t, "ctl", "shutdown"); r.Status != 0 {
		t.Errorf("shutdown: status %d", r.Status)
	}
}

// forked waits for two workers of a program's own, and none of those that have gone.
func forked(t *testing.T, parent int, without []int) (own []int) {
	t.Helper()
	bed.Wait(t, "two workers of its own", func() (bool, string) {
		own = nil
		for _, text := range children(t, parent) {
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			own = append(own, pid)
		}
		old := slices.ContainsFunc(own, func(pid int) bool { return slices.Contains(without, pid) })
		return len(own) == 2 && !old, fmt.Sprint(own)
	})
	return own
}

// The article's listen.js (seed 3): server.js is edited, and the server is another one, each time.
func TestRunSeedWatch(t *testing.T) {
	server := func(answer string) string {
		return `
const http = require('http');
require('fs').rmSync('server.http', { force: true });
http.createServer((req, res) => {
res.end('` + answer + `');
}).listen('server.http');
`
	}
	p := newProject(t, map[string]string{"server.js": server("test"), "goinit.yaml": "name: seed\napps:\n  server: {command: node server.js, watch: true}\n"})
	if r := p.goinit(t, "run", "--detach"); r.Status != 0 {
		t.Fatal("it did not start")
	}
	p.answers(t, "server", "test")
	for n, answer := range []string{"test 2", "test 3", "test 4"} {
		if err := os.WriteFile(filepath.Join(p.dir, "server.js"), []byte(server(answer)), 0o644); err != nil {
			t.Fatal(err)
		}
		p.answers(t, "server", answer)
		if r := p.workers(t, "server")[0]; r.Generation != n+2 || r.Restarts != 0 || r.LastExit == nil || r.LastExit.Reason != "replaced" {
			t.Errorf("%s: %v", answer, r)
		}
	}
	if r := p.goinit(t, "ctl", "shutdown"); r.Status != 0 {
		t.Errorf("shutdown: status %d", r.Status)
	}
}

// Restarts by the clock (seed 4), of all workers, one after another; and a job that Node runs each second.
func TestRunSeedScheduled(t *testing.T) {
	t.Parallel() // it only waits for the next minute
	p := newProject(t, map[string]string{
		"app.js":    "console.log('up'); setInterval(() => {}, 1000)\n",
		"report.js": "console.log('all is well')\n",
		"goinit.yaml": `name: seed
apps:
  web: {command: node app.js, workers: 2, readiness: {log: up}, recycle: {schedule: "* * * * *", jitter: 0s}}
  report: {command: node report.js, schedule: {every: 1s}}
`})
	minute := time.Now().Minute()
	if r := p.goinit(t, "run", "--detach"); r.Status != 0 {
		t.Fatal("it did not start")
	}
	bed.WaitLong(t, "the next minute", func() (bool, string) {
		now := time.Now()
		return now.Minute() != minute, now.Format(time.TimeOnly)
	})
	bed.Wait(t, "both to be replaced", func() (bool, string) {
		now := p.workers(t, "web")
		return len(now) == 2 && !slices.ContainsFunc(now, func(r row) bool { return r.Generation < 2 || !r.Ready }), fmt.Sprint(now)
	})
	bed.Wait(t, "a second report", func() (bool, string) {
		r := p.goinit(t, "ctl", "logs", "report")
		return strings.Count(r.Stdout, "all is well") > 1, r.Stdout
	})
	// Nobody went before the one before was ready again.
	up := map[string]bool{} // by worker and generation: a successor is ready while the one before is there
	for line := range strings.Lines(p.goinit(t, "ctl", "events", "-o", "json").Stdout) {
		var e struct {
			Type, Worker string
			Generation   int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		who := fmt.Sprint(e.Worker, " ", e.Generation)
		switch {
		case !strings.HasPrefix(e.Worker, "web/"):
		case e.Type == "worker.exited":
			if delete(up, who); len(up) == 0 {
				t.Errorf("nobody is up after %s", line)
			}
		case e.Type == "worker.ready":
			up[who] = true
		}
	}
	if r := p.goinit(t, "ctl", "shutdown"); r.Status != 0 {
		t.Errorf("shutdown: status %d", r.Status)
	}
}
