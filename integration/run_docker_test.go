package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
)

// runBudget is shutdown.timeout: auto of a PID 1 outside of Kubernetes.
const runBudget = 9 * time.Second

// inContainer is goinit ctl by docker exec, as a person types it.
type inContainer struct {
	e *bed.Engine
	c *bed.Container
}

func (in inContainer) words(args ...string) []string {
	return append([]string{"exec", in.c.ID, "goinit", "ctl"}, args...)
}

func (in inContainer) run(t *testing.T, args ...string) bed.Result {
	t.Helper()
	return in.e.Run(t, in.words(args...)...)
}

func (in inContainer) must(t *testing.T, args ...string) string {
	t.Helper()
	return in.e.Must(t, in.words(args...)...)
}

func (in inContainer) worker(t *testing.T, name string) row {
	t.Helper()
	r := in.e.Quiet(t, in.words("-o", "json", "ps", name)...)
	if r.Status != 0 {
		t.Fatalf("ps %s: status %d: %s", name, r.Status, r.Stderr)
	}
	return rowsOf(t, r.Stdout)[0]
}

// follow starts a verb that goes on, and ends it with the test.
func (in inContainer) follow(t *testing.T, args ...string) (output *bed.Output, cmd *exec.Cmd) {
	t.Helper()
	output, cmd = bed.NewOutput(), in.e.Command(t, in.words(args...)...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return output, cmd
}

// startRun is docker run of the image with three apps, until they have said that they are there.
func startRun(t *testing.T, flags []string, args ...string) inContainer {
	t.Helper()
	e := docker(t)
	in := inContainer{e, e.Detach(t, append(append(flags, runImage), args...)...)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the container is %s, and wrote:\n%s", in.c.Inspect(t, "{{json .State}}"), in.c.Logs(t))
		}
	})
	in.c.Expect(t, "ready as pid ")
	in.c.Expect(t, "Ready to accept connections")
	in.c.Expect(t, "orphan 1")
	return in
}

// Several real programs in a real container, and every verb that keeps them: a Node server, Redis and a script that leaves
// orphans behind.
func TestRunDocker(t *testing.T) {
	in := startRun(t, nil)
	e := in.e
	if comm := e.Must(t, "exec", in.c.ID, "cat", "/proc/1/comm"); comm != "goinit" {
		t.Errorf("PID 1 is %s", comm)
	}
	in.must(t, "ps")
	if answer := e.Must(t, "exec", in.c.ID, "node", "request.js", "/"); !strings.HasSuffix(answer, "child of 1") {
		t.Errorf("web answers %q", answer)
	}
	if answer := e.Must(t, "exec", in.c.ID, "redis-cli", "ping"); answer != "PONG" {
		t.Errorf("db answers %q", answer)
	}

	t.Run("look", func(t *testing.T) { look(t, in) })
	t.Run("act", func(t *testing.T) { act(t, in) })
	t.Run("kill -9", func(t *testing.T) { killed(t, in) })
	t.Run("orphans", func(t *testing.T) {
		var info struct {
			Orphans int `json:"orphans_reaped"`
		}
		bed.Wait(t, "orphans to be reaped", func() (bool, string) {
			text := e.Quiet(t, in.words("info", "-o", "json")...).Stdout
			return json.Unmarshal([]byte(text), &info) == nil && info.Orphans >= 5, text
		})
		noZombie(t, in.c)
	})

	// docker stop: web goes before db, on which it depends, and only when its slow request is answered.
	e.Must(t, "exec", "--detach", in.c.ID, "node", "request.js", "/slow")
	in.c.Expect(t, "slow request")
	r, status := in.c.Stop(t)
	if status != 0 || r.Took > runBudget {
		t.Errorf("status %d after %v, wanted 0", status, r.Took)
	}
	logs := in.c.Logs(t)
	t.Log("the container wrote:\n" + logs)
	bed.InOrder(t, logs, "slow request", "slow answered", "closed", "Redis is now ready to exit")
	bed.InOrder(t, logs, "stopping everything: SIGTERM, within 9s", "the end, with status 0")
	if strings.Contains(logs, "killed: ") || strings.Contains(logs, "did not end in its time") {
		t.Error("something had to be killed")
	}
}

// look are the verbs that change nothing.
func look(t *testing.T, in inContainer) {
	for _, c := range []struct {
		args   []string
		status int
		parts  []string
	}{
		{[]string{"ps"}, 0, []string{"WORKER", "web/0", "db/0", "litter/0", "running"}},
		{[]string{"ps", "@frontend"}, 0, []string{"web/0"}},
		{[]string{"ps", "no-such-app"}, 4, []string{`no-such-app`, "web"}},
		{[]string{"describe", "web"}, 0, []string{"node server.js", "SIGTERM", "running"}},
		{[]string{"logs", "web", "-n", "1"}, 0, []string{"ready as pid "}},
		{[]string{"logs", "db", "--grep", "Ready to accept"}, 0, []string{"Ready to accept connections"}},
		{[]string{"events"}, 0, []string{"worker.started", "worker.ready"}},
		{[]string{"wait", "web", "db", "litter"}, 0, []string{"web/0 running"}},
		{[]string{"wait", "web", "--for", "stopped", "--timeout", "100ms"}, 5, nil},
		{[]string{"health"}, 0, []string{"web", "ok"}},
		{[]string{"info"}, 0, []string{"1, PID 1", "running", "goinit.yaml"}},
		{[]string{"config"}, 0, []string{"redis-server"}},
		{[]string{"apply", "--dry-run"}, 0, nil},
	} {
		r := in.run(t, c.args...)
		if r.Status != c.status {
			t.Errorf("%v: status %d, wanted %d", c.args, r.Status, c.status)
		}
		for _, part := range c.parts {
			if !strings.Contains(r.Stdout+r.Stderr, part) {
				t.Errorf("%v: %q is missing", c.args, part)
			}
		}
	}
}

// act are the verbs that change something.
func act(t *testing.T, in inContainer) {
	follow, _ := in.follow(t, "logs", "web", "-f", "-n", "0")
	events, _ := in.follow(t, "events", "web", "-f")
	events.Expect(t, "worker.ready") // so it follows; and what comes is written behind this
	bed.Wait(t, "logs -f to follow", func() (bool, string) {
		in.must(t, "signal", "USR2", "web")
		said := follow.String()
		return strings.Contains(said, "got SIGUSR2"), said
	})

	before := in.worker(t, "web")
	in.must(t, "restart", "web")
	if after := in.worker(t, "web"); after.State != "running" || *after.PID == *before.PID || after.Generation != before.Generation+1 {
		t.Errorf("restart: %v, then %v", before, after)
	}
	for _, part := range []string{"got SIGTERM, closing", "closed", "ready as pid "} {
		follow.Expect(t, part)
	}
	for _, part := range []string{"worker.exited", "worker.started", "worker.ready"} {
		events.Expect(t, part)
	}

	wait, cmd := in.follow(t, "wait", "web", "--for", "stopped")
	in.must(t, "stop", "web")
	if r := in.worker(t, "web"); r.State != "stopped" || r.PID != nil || r.LastExit.Reason != "stopped" {
		t.Errorf("stop: %v", r)
	}
	wait.Expect(t, "stopped")
	if err := cmd.Wait(); err != nil {
		t.Errorf("wait --for stopped: %v", err)
	}
	if r := in.run(t, "health", "web"); r.Status != 1 {
		t.Errorf("health of what is stopped: status %d", r.Status)
	}
	if r := in.run(t, "signal", "TERM", strconv.Itoa(*before.PID)); r.Status != 4 {
		t.Errorf("signal to a pid that is gone: status %d", r.Status)
	}
	in.must(t, "start", "web")
	follow.Expect(t, "ready as pid ")
	if r := in.run(t, "health", "web"); r.Status != 0 {
		t.Errorf("health of what is started again: status %d", r.Status)
	}
	in.must(t, "stop", "litter")
	in.must(t, "start", "litter")
	in.must(t, "ps")
}

// killed is what kill -9 does to each of the apps: it is back.
func killed(t *testing.T, in inContainer) {
	for _, app := range []string{"web", "db", "litter"} {
		before := in.worker(t, app)
		in.e.Must(t, "exec", in.c.ID, "sh", "-c", "kill -9 "+strconv.Itoa(*before.PID))
		bed.Wait(t, app+" to be back", func() (bool, string) {
			r := in.worker(t, app)
			return r.State == "running" && *r.PID != *before.PID && r.Restarts == before.Restarts+1 && *r.LastExit.Signal == "SIGKILL", r.String()
		})
	}
	in.run(t, "ps")
	bed.Wait(t, "web and db to answer again", func() (bool, string) {
		web, db := in.e.Quiet(t, "exec", in.c.ID, "node", "request.js", "/"), in.e.Quiet(t, "exec", in.c.ID, "redis-cli", "ping")
		return web.Status == 0 && db.Stdout == "PONG\n", web.Stderr + db.Stdout + db.Stderr
	})
}

// What hardened and other containers have: no writable file system, no root, no PID 1.
func TestRunDockerPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		flags []string
		args  []string
		role  string
	}{
		"read-only": {[]string{"--read-only"}, nil, "PID 1"},
		"user":      {[]string{"--user", "12345"}, nil, "PID 1"},
		"all": {[]string{"--read-only", "--user", "12345:12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"},
			nil, "PID 1"},
		"not PID 1": {[]string{"--init"}, []string{"run"}, "subreaper"}, // goinit alone runs a spec only as PID 1
	} {
		t.Run(name, func(t *testing.T) {
			in := startRun(t, c.flags, c.args...)
			if info := in.must(t, "info"); !strings.Contains(info, c.role) {
				t.Errorf("it is no %s", c.role)
			}
			in.must(t, "ps")
			killed(t, in)
			in.must(t, "restart", "all")
			in.must(t, "health")
			in.c.Expect(t, "orphan 5")
			noZombie(t, in.c)
			r, status := in.c.Stop(t)
			if status != 0 || r.Took > runBudget {
				t.Errorf("status %d after %v", status, r.Took)
			}
			if logs := in.c.Logs(t); !strings.Contains(logs, "the end, with status 0") {
				t.Errorf("the container wrote:\n%s", logs)
			}
		})
	}
}

// delaySpec is a server that is asked again and again, by a program that stops asking when it is told to.
const delaySpec = `shutdown: {delay: 10m, timeout: 20m}
apps:
  db: {command: redis-server --bind 127.0.0.1 --save "" --daemonize no}
  web:
    command: node server.js
    readiness: {http: "http://127.0.0.1:8080/", period: 200ms}
    depends_on: [db]
  traffic:
    command: node /spec/traffic.js
    restart: "no"
    depends_on: [web]
`

const trafficJS = `
const http = require('http'), fs = require('fs');
let served = 0, lost = 0, asking = 4;
function ask() {
  if (fs.existsSync('/tmp/out')) {
    if (--asking === 0) console.log('served ' + served + ', lost ' + lost + '.');
    return;
  }
  http.get({ port: 8080, host: '127.0.0.1', agent: false }, (r) => {
    r.resume().on('end', () => { if (++served === 100) console.log('traffic'); setImmediate(ask); });
  }).on('error', () => { lost++; setImmediate(ask); });
}
for (let i = asking; i > 0; i--) ask();
`

// As in a pod: docker's first SIGTERM makes goinit say that it is not ready, and all goes on; when nobody asks any more, a
// second one ends the delay, and everything stops in order. Nothing is lost.
func TestRunDockerDelay(t *testing.T) {
	e := docker(t)
	dir, err := os.MkdirTemp("", "spec-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, text := range map[string]string{"goinit.yaml": delaySpec, "traffic.js": trafficJS} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := inContainer{e, e.Detach(t, "--volume", dir+":/spec:ro", runImage, "run", "-f", "/spec/goinit.yaml")}
	in.c.Expect(t, "traffic/0 | traffic")
	in.must(t, "health", "--ready")

	in.c.Kill(t, "TERM")
	bed.Wait(t, "goinit to say that it is not ready", func() (bool, string) {
		r := e.Quiet(t, in.words("health", "--ready")...)
		return r.Status == 1, r.Stdout + r.Stderr
	})
	in.must(t, "health", "--live")
	for _, name := range []string{"web/0", "db/0", "traffic/0"} {
		if r := in.worker(t, name); r.State != "running" {
			t.Errorf("while it is waiting: %v", r)
		}
	}
	e.Must(t, "exec", in.c.ID, "touch", "/tmp/out")
	in.c.Expect(t, "lost 0.")
	in.c.Kill(t, "TERM")
	status := in.c.Wait(t)
	logs := in.c.Logs(t)
	t.Log("the container wrote:\n" + logs)
	if status != 0 {
		t.Errorf("status %d", status)
	}
	bed.InOrder(t, logs, "not ready, and serving on", "everything is asked to stop now", "the end, with status 0")
	bed.InOrder(t, logs, "got SIGTERM, closing", "closed", "Redis is now ready to exit")
}

// What does not stop in its budget is killed and named, before Docker kills everything.
func TestRunDockerBudget(t *testing.T) {
	e := docker(t)
	c := e.Detach(t, "--env", "GOINIT_STOP_TIMEOUT=1s", "--entrypoint", "/sbin/goinit", runImage,
		"run", "-f", "/app/goinit.yaml", "--", "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1000; done")
	c.Expect(t, "deaf")
	r, status := c.Stop(t)
	if status != 137 || r.Took > soon {
		t.Errorf("status %d after %v, wanted 137 after a second", status, r.Took)
	}
	logs := c.Logs(t)
	t.Log("the container wrote:\n" + logs)
	bed.InOrder(t, logs, "stopping everything: SIGTERM, within 1s", "main/0 did not end in its time and is killed", "had to be killed: main/0")
}
