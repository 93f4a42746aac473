package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goinit/integration/bed"
	"goinit/supervise/set"
)

// freePorts are ports of the loopback that nobody has: the namespace's network is this machine's.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// fill puts values in the place of names in a spec.
func fill(spec string, pairs ...any) string {
	for i := 0; i < len(pairs); i += 2 {
		spec = strings.ReplaceAll(spec, pairs[i].(string), fmt.Sprint(pairs[i+1]))
	}
	return spec
}

// waitWorker waits until a worker is as wanted.
func (m *manager) waitWorker(t *testing.T, what, worker string, is func(row) bool) row {
	t.Helper()
	return m.waitRows(t, what, is, worker)[0]
}

// event waits until one of the type has told the detail.
func (m *manager) event(t *testing.T, kind, detail string) {
	t.Helper()
	bed.Wait(t, kind+": "+detail, func() (bool, string) {
		text := m.must(t, "-o", "json", "events")
		for line := range strings.Lines(text) {
			var e struct {
				Type string
				Data struct{ Detail string }
			}
			if json.Unmarshal([]byte(line), &e) == nil && e.Type == kind && strings.Contains(e.Data.Detail, detail) {
				return true, ""
			}
		}
		return false, text
	})
}

func ready(r row) bool    { return r.Ready }
func starting(r row) bool { return r.State == "starting" && !r.Ready }

// server.js is the seeds' server, with what a person can do to it.
const serverJS = `
const http = require('http')
const server = http.createServer((q, r) => {
  if (q.url === '/close') { server.close(); server.closeIdleConnections() } // it lives, and refuses
  if (q.url === '/hang') { r.end('hanging', () => { for (;;); }); return }  // it accepts, and does not answer
  r.end('hello from ' + process.pid + '\n')
})
setInterval(() => {}, 1000)
server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening on ' + process.env.PORT))
`

// Each kind of readiness, with a real program. It is not ready before it has said so, and its dependent does not start;
// then it is, and the dependent does.
func TestRunReadiness(t *testing.T) {
	bed.Need(t, "namespace", "node", "python3", "nginx", "redis-server", "redis-cli", "systemd-notify")
	p := freePorts(t, 6)
	m := bootSpec(t, fill(`defaults: {restart: {delay: 10ms}}
apps:
  notify:
    shell: until [ -e go ]; do sleep 0.05; done; systemd-notify --ready --status=serving; exec sleep 1000
    readiness: {notify: true}
  newline:
    shell: until [ -e go ]; do sleep 0.05; done; echo >&4; exec 4>&-; exec sleep 1000
    readiness: {fd: 4}
  listening:
    shell: until [ -e go ]; do sleep 0.05; done; python3 -m http.server --bind 127.0.0.1 P0; exit 1
    readiness: {listening: P0, period: 200ms}
  log:
    shell: until [ -e go ]; do sleep 0.05; done; exec redis-server --bind 127.0.0.1 --port P1 --save ""
    readiness: {log: "Ready to accept connections"}
  http:
    shell: until [ -e go ]; do sleep 0.05; done; exec nginx -p $PWD -c nginx.conf -e stderr
    readiness: {http: "http://127.0.0.1:P2/ready", period: 200ms}
  tcp:
    shell: until [ -e go ]; do sleep 0.05; done; exec node server.js
    environment: {PORT: "P3"}
    readiness: {tcp: ":P3", period: 200ms}
  exec:
    shell: until [ -e go ]; do sleep 0.05; done; exec redis-server --bind 127.0.0.1 --port P4 --save ""
    readiness: {exec: [redis-cli, -p, "P4", ping], period: 200ms, timeout: 1s}
  after:
    command: sleep 1000
    depends_on: [notify, newline, listening, log, http, tcp, exec]
  never:
    command: sleep 1000
    readiness: {tcp: ":P5", period: 200ms, start_timeout: 500ms}
    restart: {max_restarts: 1}
    on_failure: ignore
  held:
    command: sleep 1000
    depends_on: [never]
`, "P0", p[0], "P1", p[1], "P2", p[2], "P3", p[3], "P4", p[4], "P5", p[5]))
	conf := fmt.Sprintf("daemon off; master_process off; pid nginx.pid; events {}\nhttp { access_log off; client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .; uwsgi_temp_path .; scgi_temp_path .;\nserver { listen 127.0.0.1:%d; location /ready { return 204; } } }\n", p[2])
	for name, text := range map[string]string{"server.js": serverJS, "nginx.conf": conf} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kinds := []string{"notify", "newline", "listening", "log", "http", "tcp", "exec"}
	m.waitRows(t, "all to have been executed", func(r row) bool { return starting(r) && r.PID != nil }, kinds...)
	if r := m.ps(t, "after")[0]; r.State != "waiting" {
		t.Errorf("before they are ready: %v", r)
	}
	// Readiness that never comes is a failed start, and it holds its dependents.
	r := m.waitWorker(t, "never to have failed", "never/0", func(r row) bool { return r.State == "failed" })
	if r.LastExit == nil || r.LastExit.Reason != "start-timeout" || r.Generation != 2 {
		t.Errorf("%v", r)
	}
	if r := m.ps(t, "held")[0]; r.State != "waiting" || r.Generation != 0 {
		t.Errorf("its dependent: %v", r)
	}
	m.event(t, "worker.start-timeout", fmt.Sprintf("connect to :%d: connection refused", p[5]))

	if r := m.ps(t, "after")[0]; r.State != "waiting" {
		t.Errorf("before they are ready: %v", r)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		r := m.waitWorker(t, kind+" to be ready", kind+"/0", ready)
		if r.Generation != 1 {
			t.Errorf("%v: it was restarted", r)
		}
	}
	m.waitWorker(t, "the dependent of all to run", "after/0", running)

	// The kinds that are asked for ever lose it again: a redis that is suspended answers no ping.
	m.must(t, "signal", "STOP", "exec")
	m.waitWorker(t, "exec not to be ready any more", "exec/0", func(r row) bool { return !r.Ready && r.Generation == 1 })
	m.must(t, "signal", "CONT", "exec")
	m.waitWorker(t, "exec to be ready again", "exec/0", ready)
}

// A worker that says another's READY is not heard, however it came by the address.
func TestRunNotifyForged(t *testing.T) {
	bed.Need(t, "namespace", "systemd-notify")
	m := bootSpec(t, `apps:
  silent:
    shell: echo $$NOTIFY_SOCKET >address.new; mv address.new address; exec sleep 1000
    readiness: {notify: true}
  forger:
    shell: |
      until [ -e address ]; do sleep 0.05; done
      NOTIFY_SOCKET=$$(cat address) GOINIT_WORKER=silent/0 setsid systemd-notify --ready
      echo forged; exec sleep 1000
`)
	m.Output.Expect(t, "silent/0: a notification of pid ")
	m.waitWorker(t, "the forger to be done", "forger/0", func(row) bool { return strings.Contains(m.Output.String(), "forged") })
	if r := m.ps(t, "silent")[0]; r.Ready || r.State != "starting" {
		t.Errorf("%v, and it has said nothing", r)
	}
}

// https is asked by a short-lived goinitctl, in the worker's place; nothing of it is left behind.
func TestRunHTTPSProbe(t *testing.T) {
	var well atomic.Bool
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "not yet")
		}
	}))
	defer server.Close()
	m := bootSpec(t, fill(`apps:
  web:
    command: sleep 1000
    readiness: {http: "URL/ready", period: 200ms, failure_threshold: 1}
`, "URL", server.URL))
	bed.Wait(t, "describe to say why it is not ready", func() (bool, string) {
		r := m.ask(t, "describe", "web/0")
		return strings.Contains(r.Stdout, "GET "+server.URL+"/ready: status 503"), r.Stdout + r.Stderr
	})
	well.Store(true)
	m.waitWorker(t, "web to be ready", "web/0", ready)
	well.Store(false)
	m.event(t, "worker.unready", "GET "+server.URL+"/ready: status 503\nnot yet")
	m.must(t, "stop", "web")
	if left := children(t, m.PID()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The timed probe of the seeds: ECONNREFUSED and ETIMEDOUT have the server restarted.
func TestRunSeedsTimedProbe(t *testing.T) {
	bed.Need(t, "namespace", "node")
	port := freePorts(t, 1)[0]
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "server.js"), []byte(serverJS), 0o644); err != nil {
		t.Fatal(err)
	}
	m := runSpec(t, fill(`apps:
  web:
    command: node DIR/server.js
    environment: {PORT: PPP}
    readiness: {http: URL, period: 200ms}
    liveness: {http: URL, period: 200ms, timeout: 1s, failure_threshold: 2}
    restart: {delay: 10ms, max_delay: 10ms}
    stop: {timeout: 1s}
`, "DIR", dir, "PPP", port, "URL", url))
	for restarts, c := range []struct{ do, why string }{
		{"/close", "GET " + url + ": connection refused"},
		{"/hang", "GET " + url + ": no answer within 1s"},
	} {
		m.waitWorker(t, "the server to be ready", "web/0", func(r row) bool { return r.Ready && r.Restarts == restarts })
		if r, err := http.Get(url + c.do); err == nil {
			r.Body.Close()
		}
		m.event(t, "worker.unhealthy", c.why)
		r := m.waitWorker(t, "the server to be restarted", "web/0", func(r row) bool { return r.Ready && r.Restarts == restarts+1 })
		if r.LastExit == nil || r.LastExit.Reason != "unhealthy" {
			t.Errorf("after %s: %v", c.do, r)
		}
	}
}

// beatPY beats in its second life only.
const beatPY = `
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a = os.environ['NOTIFY_SOCKET']
s.connect('\0' + a[1:] if a[0] == '@' else a)
s.send(b'READY=1')
assert os.environ['WATCHDOG_USEC'] == '2000000'
while os.environ['GOINIT_GENERATION'] != '1':
    s.send(b'WATCHDOG=1')
    time.sleep(0.2)
time.sleep(1000)
`

// Each kind of liveness has a worker restarted that is not alive any more, and leaves alone one that is. A probe that
// hangs is killed, with what it has started.
func TestRunLiveness(t *testing.T) {
	bed.Need(t, "namespace", "python3")
	port := freePorts(t, 1)[0]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "beat.py"), []byte(beatPY), 0o644); err != nil {
		t.Fatal(err)
	}
	m := runSpec(t, fill(`defaults: {restart: {delay: 10ms, max_delay: 10ms}, stop: {timeout: 1s}, logs: {console: "off"}}
apps:
  tcp:
    shell: "[ $$GOINIT_GENERATION = 1 ] || exec python3 -m http.server --bind 127.0.0.1 PPP; exec sleep 1000"
    liveness: {tcp: ":PPP", initial_delay: 3s, period: 100ms, failure_threshold: 2}
  exec:
    command: sleep 1000
    liveness: {exec: [sh, -c, "[ $$GOINIT_GENERATION != 1 ]"], period: 100ms, failure_threshold: 2}
  hangs:
    command: sleep 1000
    liveness: {exec: [sh, -c, "echo $$$$ >>probes; sleep 1000 & echo $$! >>probes; wait"], period: 100ms, timeout: 300ms, failure_threshold: 3, action: none}
  heartbeat:
    shell: exec python3 DIR/beat.py
    readiness: {notify: true}
    liveness: {heartbeat: 2s}
  silence:
    shell: while [ $$GOINIT_GENERATION != 1 ]; do echo alive; sleep 0.2; done; exec sleep 1000
    liveness: {silence: 2s}
`, "PPP", port, "DIR", dir))
	for _, kind := range []string{"tcp", "exec", "silence", "heartbeat"} {
		r := m.waitWorker(t, kind+" to be restarted", kind+"/0", func(r row) bool {
			return r.Ready && r.LastExit != nil && r.LastExit.Reason == "unhealthy"
		})
		t.Log(r)
	}
	var probes []string
	bed.Wait(t, "probes that hang", func() (bool, string) {
		text, _ := os.ReadFile(filepath.Join(m.dir, "probes"))
		probes = strings.Fields(string(text))
		return len(probes) >= 8, string(text)
	})
	// Of four probes that hang three are over; one may be under way, with its child.
	bed.Wait(t, "all of them but the last to be dead", func() (bool, string) {
		alive := 0
		for _, pid := range probes[:6] {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/proc/%s", m.PID(), pid)); err == nil {
				alive++
			}
		}
		return alive == 0, strconv.Itoa(alive) + " alive"
	})
	if r := m.ps(t, "hangs")[0]; r.Generation != 1 || !r.Ready {
		t.Errorf("action: none: %v", r)
	}
	for _, r := range m.ps(t) {
		if *r.Worker != "hangs/0" && r.Generation > 3 {
			t.Errorf("restarted although it is alive: %v", r)
		}
	}
}

// As in a pod: at the end goinit first says that it is not ready, and goes on serving. Whoever sends nothing more after that
// loses no request, and the stop that follows is in order. How long that lasts is not for the clock of a busy machine: a second
// SIGTERM ends it.
func TestRunShutdownDelay(t *testing.T) {
	bed.Need(t, "namespace", "node")
	port := freePorts(t, 1)[0]
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "server.js"), []byte(serverJS), 0o644); err != nil {
		t.Fatal(err)
	}
	m := runSpec(t, fill(`shutdown: {delay: 10m, timeout: 20m}
apps:
  db: {command: sleep 1000}
  web:
    command: node DIR/server.js
    environment: {PORT: PPP}
    readiness: {http: URL, period: 200ms}
    depends_on: [db]
`, "DIR", dir, "PPP", port, "URL", url))
	m.waitRows(t, "all to be ready", ready)
	if r := m.run(t, "health", "--ready"); r.Status != 0 {
		t.Fatalf("health --ready: %d", r.Status)
	}

	var served, lost, after atomic.Int64
	var asked atomic.Bool
	out := make(chan struct{}) // the balancer has taken us out
	var balancer sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 4 {
		balancer.Go(func() {
			for {
				select {
				case <-out:
					return
				default:
				}
				during := asked.Load()
				r, err := client.Get(url)
				if err != nil {
					lost.Add(1)
					t.Log(err)
					continue
				}
				r.Body.Close()
				served.Add(1)
				if during {
					after.Add(1)
				}
			}
		})
	}
	bed.Wait(t, "traffic", func() (bool, string) { return served.Load() > 100, fmt.Sprint(served.Load()) })
	m.Signal(t, syscall.SIGTERM)
	asked.Store(true)
	bed.Wait(t, "goinit to say that it is not ready", func() (bool, string) {
		r := m.ask(t, "health", "--ready")
		return r.Status == 1, r.Stdout + r.Stderr
	})
	if r := m.ask(t, "health", "--live"); r.Status != 0 {
		t.Errorf("health --live while it is waiting: %d %s%s", r.Status, r.Stdout, r.Stderr)
	}
	seen, taken := after.Load(), time.Now()
	bed.Wait(t, "traffic to go on, and a second signal to be another request", func() (bool, string) {
		return after.Load() > seen+20 && time.Since(taken) > set.OneRequest, fmt.Sprint(after.Load())
	})
	for _, r := range m.ps(t) {
		if r.State != "running" {
			t.Errorf("while it is waiting: %v", r)
		}
	}
	close(out)
	balancer.Wait()
	m.Signal(t, syscall.SIGTERM)
	if status := m.Wait(); status != 0 {
		t.Errorf("status %d:\n%s", status, m.Output)
	}
	said := m.Output.String()
	var at []int
	for _, text := range []string{"not ready, and serving on", "everything is asked to stop now", "goinit: web/0 was killed by SIGTERM", "goinit: db/0 was killed by SIGTERM", "the end, with status 0"} {
		at = append(at, strings.Index(said, text))
	}
	if slices.Contains(at, -1) || !slices.IsSorted(at) {
		t.Errorf("not in order, or not all there: %v\n%s", at, said)
	}
	t.Logf("%d requests served, %d of them after SIGTERM, %d lost", served.Load(), after.Load(), lost.Load())
	if lost.Load() > 0 {
		t.Errorf("%d requests lost", lost.Load())
	}
}
