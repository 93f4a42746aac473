package integration

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goinit/integration/bed"
)

// project is a directory with Node programs, and a goinit of its own to come.
type project struct {
	dir     string
	sockets string
	env     []string
}

func newProject(t *testing.T, files map[string]string) *project {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		bed.Without(t, "namespace", "node is not installed")
	}
	dir, err := os.MkdirTemp("", "seed-") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	p := &project{dir: dir, sockets: filepath.Join(dir, "sockets")}
	t.Cleanup(func() {
		p.endDaemons(t)
		os.RemoveAll(dir)
	})
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.env = append(os.Environ(), "GOINIT_SOCKET_DIRECTORY="+p.sockets, "GOINIT_LOG_DIRECTORY="+filepath.Join(dir, "logs"), "PATH="+built.dir+":"+os.Getenv("PATH"))
	return p
}

// endDaemons ends what a test that failed has left, by its pid.
func (p *project) endDaemons(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(p.sockets, "*.json"))
	for _, f := range files {
		var in struct{ PID int }
		if text, err := os.ReadFile(f); err != nil || json.Unmarshal(text, &in) != nil || in.PID <= 1 {
			continue
		}
		t.Logf("goinit %d was left, and is ended", in.PID)
		bed.Wait(t, "the end of "+strconv.Itoa(in.PID), func() (bool, string) { return unix.Kill(in.PID, unix.SIGTERM) != nil, cmdline(in.PID) }) // the second one hurries
	}
}

func gone(t *testing.T, pid int) {
	t.Helper()
	bed.Wait(t, "the end of "+strconv.Itoa(pid), func() (bool, string) { return unix.Kill(pid, 0) != nil, cmdline(pid) })
}

// goinit runs the executable in the project, as its user does.
func (p *project) goinit(t *testing.T, args ...string) bed.Result {
	t.Helper()
	cmd := exec.Command(built.goinit, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	r := bed.Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode()}
	t.Logf("$ goinit %s\n%s%s[status %d]", strings.Join(args, " "), r.Stdout, r.Stderr, r.Status)
	return r
}

// rows are the workers, by app.
func (p *project) rows(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	cmd := exec.Command(built.goinit, "ctl", "ps", "-o", "json")
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ps: %v", err)
	}
	for _, r := range rowsOf(t, string(out)) {
		rows[r.App] = r
	}
	return rows
}

// patience is how long one connection is waited for.
const patience = 5 * time.Second

// answers waits until a program of the project says want on its socket.
func (p *project) answers(t *testing.T, name, want string) {
	t.Helper()
	bed.Wait(t, name+" to answer", func() (bool, string) {
		c, err := net.Dial("unix", filepath.Join(p.dir, name+".http"))
		if err != nil {
			return false, err.Error()
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience)) // a worker that is on its way out may take it and never answer
		c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		return strings.HasSuffix(string(b[:n]), want), string(b[:n])
	})
}

// The article about daemons and Node (seed 3): a server that answers "test", kept running without a terminal; what dies is
// started again; children end with the parent. Where the article forks twice by hand, forever and nohup do it.
func TestRunSeedDaemon(t *testing.T) {
	p := newProject(t, map[string]string{
		"server.js": `
const http = require('http');
const fs = require('fs');
fs.rmSync('server.http', { force: true });
http.createServer((req, res) => {
res.end('test');
}).listen('server.http');
`,
		"app.js": `
console.log('app ' + process.pid + ' is a child of ' + process.ppid);
setInterval(() => {}, 1000);
`,
		"goinit.yaml": "name: seed\napps:\n  server: {command: node server.js}\n  app: {command: node app.js}\n",
	})
	// The user's terminal, which goes away: nohup's case.
	shell := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	shell.Dir, shell.Env = p.dir, append(p.env, "PS1=$ ", "TERM=dumb")
	term := bed.NewTerminal(t, shell)
	term.Type(t, "goinit run --detach; echo status-$?\r")
	term.Output.Expect(t, "goinit runs as pid ")
	term.Output.Expect(t, "status-0")
	p.answers(t, "server", "test")
	term.Type(t, "exit\r")
	term.Wait()
	before := p.rows(t)
	p.answers(t, "server", "test")

	// worker.on('exit', …) createWorker(appPath)
	for _, name := range []string{"server", "app"} {
		if err := unix.Kill(*before[name].PID, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	bed.Wait(t, "both to be back", func() (bool, string) {
		now := p.rows(t)
		for _, name := range []string{"server", "app"} {
			if r := now[name]; r.PID == nil || *r.PID == *before[name].PID || r.Restarts != 1 {
				return false, r.String()
			}
		}
		return true, ""
	})
	p.answers(t, "server", "test")

	// process.on('exit', …) workers[pid].kill(): and the daemon is ended by kill, as daemons are.
	var info struct{ PID int }
	if err := json.Unmarshal([]byte(p.goinit(t, "ctl", "info", "-o", "json").Stdout), &info); err != nil || info.PID <= 1 {
		t.Fatal(err, info)
	}
	after := p.rows(t)
	if err := syscall.Kill(info.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone(t, info.PID)
	for name, r := range after {
		if unix.Kill(*r.PID, 0) == nil {
			t.Errorf("%s has outlived its parent", name)
		}
	}
	if r := p.goinit(t, "ctl", "ps"); r.Status != 3 {
		t.Errorf("ps after the end: status %d", r.Status)
	}
}

// The article about PM2 (seed 4): the client looks whether a daemon is alive, starts one if there is none and says so, and
// does all by it: list, describe, logs, monitoring, restart, and at last the end.
func TestRunSeedClient(t *testing.T) {
	p := newProject(t, map[string]string{"app.js": `
const http = require('http');
const fs = require('fs');
fs.rmSync('app.http', { force: true });
http.createServer((req, res) => {
res.writeHead(200);
res.end('Hello world\n');
}).listen('app.http', () => console.log('Worker ' + process.pid + ' started'));
`})
	if r := p.goinit(t, "ctl", "ps"); r.Status != 3 {
		t.Fatalf("a daemon is alive already: status %d", r.Status)
	}
	r := p.goinit(t, "ctl", "add", "app", "--", "node", "app.js")
	if r.Status != 0 || !strings.Contains(r.Stderr, "no goinit answers here, so one is started") || !strings.Contains(r.Stdout, "app/0  added  pid ") {
		t.Fatalf("status %d", r.Status)
	}
	p.answers(t, "app", "Hello world\n")
	pid := *p.rows(t)["app"].PID
	if r := p.goinit(t, "ctl", "add", "other", "--", "node", "-e", "setInterval(() => {}, 1000)"); r.Status != 0 || strings.Contains(r.Stderr, "started") {
		t.Errorf("a second client: status %d, %s", r.Status, r.Stderr)
	}
	if got := *p.rows(t)["app"].PID; got != pid {
		t.Errorf("the first app is %d, was %d", got, pid)
	}
	if r := p.goinit(t, "ctl", "describe", "app"); r.Status != 0 || !strings.Contains(r.Stdout, "node app.js") || !strings.Contains(r.Stdout, strconv.Itoa(pid)) {
		t.Errorf("describe: status %d", r.Status)
	}
	bed.Wait(t, "the log", func() (bool, string) {
		r := p.goinit(t, "ctl", "logs", strconv.Itoa(pid))
		return strings.Contains(r.Stdout, "Worker "+strconv.Itoa(pid)+" started"), r.Stdout
	})
	var stats []struct {
		Worker      *string
		MemoryBytes *int64 `json:"memory_bytes"`
	}
	if r := p.goinit(t, "ctl", "stats", "app", "-o", "json"); r.Status != 0 || json.Unmarshal([]byte(r.Stdout), &stats) != nil || len(stats) == 0 ||
		stats[0].MemoryBytes == nil || *stats[0].MemoryBytes < 1<<20 {
		t.Errorf("stats: status %d", r.Status)
	}
	if r := p.goinit(t, "ctl", "restart", "app"); r.Status != 0 || *p.rows(t)["app"].PID == pid {
		t.Errorf("restart: status %d", r.Status)
	}
	p.answers(t, "app", "Hello world\n")
	if r := p.goinit(t, "ctl", "save"); r.Status != 0 {
		t.Errorf("save: status %d", r.Status)
	}
	all := p.rows(t)
	if r := p.goinit(t, "ctl", "shutdown"); r.Status != 0 {
		t.Errorf("shutdown: status %d", r.Status)
	}
	for name, r := range all {
		if unix.Kill(*r.PID, 0) == nil {
			t.Errorf("%s has outlived the daemon", name)
		}
	}
	// pm2 resurrect.
	if r := p.goinit(t, "run", "--detach"); r.Status != 0 {
		t.Errorf("what was saved: status %d", r.Status)
	}
	p.answers(t, "app", "Hello world\n")
	p.goinit(t, "ctl", "shutdown")
}

// As PID 1 of a namespace, with a daemon in it: what goinit starts and what is detached live side by side, and the daemon is
// adopted and reaped by the first.
func TestRunDetachedBelowPID1(t *testing.T) {
	m := runSpec(t, "apps: {inner: {shell: 'mkdir -p inner && cd inner && GOINIT_SOCKET_DIRECTORY=$$PWD/s GOINIT_LOG_DIRECTORY=$$PWD/logs "+
		built.goinit+" run --detach --empty; echo detached with $$?; exec sleep 1000'}}\n")
	bed.Wait(t, "the inner one", func() (bool, string) {
		r := m.ask(t, "logs", "inner")
		return strings.Contains(r.Stdout, "detached with 0"), r.Stdout
	})
	inner := client{"--socket", filepath.Join(m.dir, "inner", "s", "inner.sock")}
	if r := inner.run(t, "add", "web", "--", "sleep", "1001"); r.Status != 0 {
		t.Errorf("add: status %d", r.Status)
	}
	inner.waitRows(t, "it runs", func(r row) bool { return r.State == "running" })
	if r := inner.run(t, "shutdown"); r.Status != 0 {
		t.Errorf("shutdown: status %d", r.Status)
	}
	bed.Wait(t, "it to be reaped", func() (bool, string) {
		var info struct {
			Orphans int `json:"orphans_reaped"`
		}
		out := m.must(t, "info", "-o", "json")
		return json.Unmarshal([]byte(out), &info) == nil && info.Orphans >= 1, out
	})
}
