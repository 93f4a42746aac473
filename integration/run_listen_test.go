package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"goinit/integration/load"
)

// ownHost is an address of the loopback network for each use, so that no other test has its ports.
func ownHost(n int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 128+n, pid>>8&255, 1+pid&127)
}

// listener is a server that takes its socket from LISTEN_FDS and answers with a pid of its own.
type listener struct {
	name    string
	needs   string // a program
	balance string
	keep    bool                                           // connections, until the server says otherwise
	app     func(t *testing.T, dir, address string) string // of its spec
}

func listeners(t *testing.T) []listener {
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inGo := func(*testing.T, string, string) string {
		return "{command: [" + self + "], environment: {" + listenServer + ": yes}"
	}
	return []listener{
		{name: "Go", app: inGo},
		{name: "Go, keep-alive", app: inGo, keep: true},
		{name: "Go, one socket for all", balance: "shared", app: inGo},
		{name: "Python", needs: "python3", app: func(*testing.T, string, string) string {
			return "{command: [python3, " + testdata + "/listen.py]"
		}},
		{name: "Node on descriptor 3", needs: "node", app: func(*testing.T, string, string) string {
			return "{command: [node, " + testdata + "/listen.js], node: off"
		}},
		{name: "gunicorn", needs: "gunicorn", app: func(t *testing.T, dir, _ string) string {
			return "{command: [gunicorn, --chdir, " + testdata + ", --workers, 1, --worker-tmp-dir, " + dir + ", 'listen_wsgi:app'], environment: {PYTHONDONTWRITEBYTECODE: 1}"
		}},
		{name: "HAProxy", needs: "haproxy", app: func(*testing.T, string, string) string {
			return "{command: [haproxy, -db, -f, " + testdata + "/haproxy.cfg], stop: {signal: SIGUSR1}"
		}},
		{name: "nginx", needs: "nginx", app: func(t *testing.T, dir, address string) string {
			config := filepath.Join(dir, "nginx.conf")
			text := "daemon off; error_log stderr;\nevents {}\nhttp { access_log off; server { listen " + address + "; location / { return 200 \"$pid\\n\"; } } }\n"
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return "{shell: 'exec nginx -c " + config + " -g \"pid " + dir + "/$GOINIT_SLOT.$GOINIT_GENERATION.pid;\"', environment: {NGINX: \"3;\"}, stop: {signal: SIGQUIT}"
		}},
	}
}

// Real servers with sockets of goinit's under load: they are scaled, reloaded and killed, and what they had not in their
// hands is answered.
func TestListen(t *testing.T) {
	for i, l := range listeners(t) {
		t.Run(l.name, func(t *testing.T) {
			if l.needs != "" {
				if _, err := exec.LookPath(l.needs); err != nil {
					t.Skip(err)
				}
			}
			address := ownHost(i) + ":8080"
			dir := t.TempDir()
			// Not web: goinit as PID 1 of a mere PID namespace shares the machine's cgroups with every other that runs there.
			spec := "apps:\n  listener: " + l.app(t, dir, address) + ", workers: 2, listen: [\"" + address + "\"]"
			if l.balance != "" {
				spec += ", balance: " + l.balance
			}
			m := runSpec(t, spec+"}\n")
			requests := load.Start(load.Options{Address: address, Clients: 3, KeepAlive: l.keep})
			unharmed := func(what string) {
				t.Helper()
				requests.Await(100) // by those who serve now
				if r := requests.Result(); r.Failed > 0 {
					t.Errorf("%s: %d of %d failed: %v\n%s", what, r.Failed, r.Failed+r.Answered, r.Reasons, m.Output)
				}
			}
			unharmed("two workers")
			for _, n := range []string{"6", "2"} {
				m.must(t, "scale", "listener", n)
				unharmed("scale to " + n)
			}
			m.must(t, "reload", "listener")
			unharmed("reload")
			m.must(t, "restart", "listener")
			unharmed("restart")

			before := requests.Result().Failed
			old := m.ps(t, "listener")
			m.must(t, "signal", "SIGKILL", "listener/0")
			m.waitRows(t, "a replacement", func(r row) bool { return r.State == "running" && (*r.Slot != 0 || *r.PID != *old[0].PID) }, "listener")
			requests.Await(100)
			r := requests.Stop()
			if lost := r.Failed - before; lost > 3 {
				t.Errorf("kill -9: %d failed, and 3 were under way: %v", lost, r.Reasons)
			}
			t.Logf("%d answered by %d processes, %d failed with the one that was killed", r.Answered, len(r.Bodies), r.Failed-before)
		})
	}
}

// A spec with an address that is not to be had starts nothing, and an apply of one changes nothing.
func TestListenInUse(t *testing.T) {
	address := ownHost(50)
	bad := "apps:\n  web: {command: [sleep, infinity], listen: [\"" + address + ":8081\", \"" + address + ":8080\"]}\n"
	good := strings.Replace(bad, ", \""+address+":8080\"", "", 1)
	m := runSpec(t, good)
	holder := runSpec(t, strings.Replace(good, ":8081", ":8080", 1))
	before := m.ps(t)
	m.write(t, bad)
	r := m.run(t, "apply")
	if r.Status != 1 || !strings.Contains(r.Stderr, "cannot listen on "+address+":8080 for web: it is in use") {
		t.Errorf("apply: status %d, %s", r.Status, r.Stderr)
	}
	if after := m.ps(t); fmt.Sprint(pids(after)) != fmt.Sprint(pids(before)) || !listens(t, address+":8081") {
		t.Errorf("it has changed something: %v, %v", before, after)
	}
	// Where the holder's processes are in sight, it is named.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(bad), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(built.goinit, "run", "-C", dir, "--socket", filepath.Join(dir, "socket"))
	cmd.Env = append(os.Environ(), "GOINIT_LOG_DIRECTORY=memory")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v: %s", err, out)
	}
	// 8081 comes first, and belongs to the first goinit.
	if want := fmt.Sprintf("goinit: cannot listen on %s:8081 for web: it is in use, by ", address); !strings.Contains(string(out), want) ||
		!strings.Contains(string(out), "\n  end that, or write another address\n") {
		t.Errorf("%s\nwant %s", out, want)
	}
	holder.must(t, "shutdown")
	holder.Wait()
	if listens(t, address+":8080") {
		t.Error("the socket of a goinit that has ended still listens")
	}
	if diff := m.run(t, "apply"); diff.Status != 0 || !listens(t, address+":8080") {
		t.Errorf("apply, once it is free: status %d, %s", diff.Status, diff.Stderr)
	}
}

func listens(t *testing.T, address string) bool {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	return true
}

// A port below 1024 is opened by goinit for a worker that is nobody.
func TestListenForAnother(t *testing.T) {
	self := filepath.Join(built.dir, "listener") // anybody may go there
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, program, 0o755); err != nil {
		t.Fatal(err)
	}
	address := ownHost(51) + ":80"
	path := filepath.Join(t.TempDir(), "web.sock")
	m := runSpec(t, "apps:\n  web: {command: ["+self+"], working_dir: \"/\", environment: {"+listenServer+": yes}, user: \"65534:65534\", listen: [\""+address+"\", \"unix:"+path+"\"]}\n")
	l := load.Start(load.Options{Address: address, Clients: 1})
	l.Await(1)
	r := l.Stop()
	if r.Failed > 0 || r.Bodies[strconv.Itoa(*m.ps(t)[0].PID)] != r.Answered {
		t.Errorf("%+v, %s", r, m.Output)
	}
	st, err := os.Stat(path)
	if err != nil || st.Sys().(*syscall.Stat_t).Uid != 65534 || st.Mode().Perm() != 0o660 {
		t.Errorf("%+v, %v", st, err)
	}
	m.must(t, "shutdown")
	m.Wait()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("its file is left: %v", err)
	}
}
