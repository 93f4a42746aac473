package pid1_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
	"goinit/supervise/set"

	"golang.org/x/sys/unix"
)

// detach runs goinit run --detach, and gives what it printed. No daemon survives the test.
func (a *apps) detach(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	p := command(append([]string{goinit, "run", "--detach"}, args...)...)
	p.Dir, p.Env = a.dir, a.env
	t.Cleanup(func() { a.endDaemons(t) })
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	code = p.code(t)
	return p.stdout.String(), p.stderr.String(), code
}

// endDaemons kills what is registered in this test's own directory, by pid, with its workers.
func (a *apps) endDaemons(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(a.dir, "sockets", "*.json"))
	for _, f := range files {
		var in struct{ PID int }
		text, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(text, &in) != nil || in.PID <= 1 {
			continue
		}
		t.Logf("ended by the test: goinit %d", in.PID)
		bed.Wait(t, "the daemon to be gone", func() (bool, string) { return unix.Kill(in.PID, unix.SIGTERM) != nil, "" }) // the second one hurries
	}
}

// daemon is what ctl info says of it.
func (a *apps) daemon(t *testing.T) (pid int) {
	t.Helper()
	out, code := a.ctl(t, "info", "-o", "json")
	var info struct{ PID int }
	if err := json.Unmarshal([]byte(out), &info); code != 0 || err != nil || info.PID <= 1 {
		t.Fatalf("no daemon: %d, %s", code, out)
	}
	return info.PID
}

// proc is a field of /proc/PID/stat behind the name, or a line of status.
func stat(t *testing.T, pid int) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)
}

var anyPID = regexp.MustCompile(`pid \d+`)

// The daemon of the book: a session of its own that it does not lead, no terminal, a group of its own, a umask and descriptors
// that are not its caller's; and it is a goinit like any other: ctl finds it, from anywhere, and ends it.
func TestDetach(t *testing.T) {
	a := prepare(t, "name: shop\napps:\n  web: {shell: 'echo out; echo err >&2; exec sleep 1000'}\n  db: {command: sleep 1001}\n")
	unix.Umask(unix.Umask(0)) // that ours is not 0 is tested below
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// A careless caller: an inherited descriptor, a umask of its own.
	p := command("/bin/sh", "-c", "umask 0; exec "+goinit+" run --detach")
	p.Dir, p.Env, p.ExtraFiles = a.dir, a.env, []*os.File{w}
	t.Cleanup(func() { a.endDaemons(t) })
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	code := p.code(t)
	log := filepath.Join(a.dir, "logs", filepath.Base(a.dir)+".log")
	want := "goinit runs as pid N, 2 apps\n  to stop it: goinit ctl -N shop shutdown      to look: goinit ctl -N shop ps\n  what it says: " + log + "\n"
	if got := anyPID.ReplaceAllString(p.stdout.String(), "pid N"); code != 0 || got != want || p.stderr.Len() > 0 {
		t.Errorf("status %d, %q, %q; wanted %q", code, got, &p.stderr, want)
	}
	if b := make([]byte, 1); readsEOF(r, b) != nil {
		t.Error("the caller's descriptor is still open in the daemon")
	}

	pid := a.daemon(t)
	if said := "pid " + strconv.Itoa(pid) + ","; !strings.Contains(p.stdout.String(), said) {
		t.Errorf("it said %q, and is %s", &p.stdout, said)
	}
	f := stat(t, pid) // state, ppid, pgrp, session, tty_nr: proc_pid_stat(5)
	if f[1] == strconv.Itoa(p.Process.Pid) || f[2] != strconv.Itoa(pid) || f[3] == strconv.Itoa(pid) || f[4] != "0" {
		t.Errorf("parent %s, group %s, session %s, terminal %s of pid %d", f[1], f[2], f[3], f[4], pid)
	}
	if sid, err := unix.Getsid(0); err != nil || f[3] == strconv.Itoa(sid) {
		t.Errorf("it is in our session, %d", sid)
	}
	for fd, want := range map[string]string{"fd/0": "/dev/null", "fd/1": log, "fd/2": log, "cwd": a.dir} {
		if got, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/" + fd); err != nil || got != want {
			t.Errorf("%s is %q, %v; wanted %q", fd, got, err, want)
		}
	}
	if got := statusWord(t, pid, "Umask"); got != "0022" {
		t.Errorf("umask %s", got)
	}
	web := a.until(t, "web/0", running)
	if env, err := os.ReadFile("/proc/" + strconv.Itoa(web.PID) + "/environ"); err != nil || strings.Contains(string(env), "GOINIT_DETACH") || !strings.Contains(string(env), "GOINIT_APP=web") {
		t.Errorf("a worker's environment: %v %q", err, env)
	}
	bed.Wait(t, "what the worker said", func() (bool, string) {
		out, _ := a.ctl(t, "logs", "web")
		return strings.Contains(out, "out\n") && strings.Contains(out, "err\n"), out
	})
	elsewhere := &apps{dir: t.TempDir(), env: a.env}
	if out, code := elsewhere.ctl(t, "ps"); code != 0 || !strings.Contains(out, "web/0") {
		t.Errorf("ctl in another directory: %d, %s", code, out)
	}
	if b := (&apps{dir: a.dir, env: a.env}); true {
		if _, said, code := b.detach(t); code != 1 || !strings.Contains(said, `a goinit named "shop" runs already`) {
			t.Errorf("a second one: %d, %s", code, said)
		}
	}
	if out, code := a.ctl(t, "-N", "shop", "shutdown"); code != 0 {
		t.Errorf("shutdown: %d, %s", code, out)
	}
	bed.Wait(t, "the daemon to be gone", func() (bool, string) { return unix.Kill(pid, 0) != nil, "" })
	if unix.Kill(web.PID, 0) == nil {
		t.Error("a worker outlives it")
	}
	text, _ := os.ReadFile(log)
	if s := string(text); !strings.Contains(s, "child subreaper; 2 apps") || !strings.Contains(s, "the end, with status 0: goinit ctl shutdown") || strings.Contains(s, "out\n") {
		t.Errorf("its log: %s", s)
	}
}

// readsEOF reads what nobody writes any more.
func readsEOF(r *os.File, b []byte) error {
	r.SetReadDeadline(time.Now().Add(bed.Deadline))
	if n, err := r.Read(b); n != 0 || err.Error() != "EOF" {
		return err
	}
	return nil
}

func statusWord(t *testing.T, pid int, field string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), field+":\t")
	word, _, _ := strings.Cut(rest, "\n")
	return word
}

// Why it does not run is said where it was asked for, with the status of the goinit in the foreground.
func TestDetachFails(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		args       []string
		status     int
		says       string
		stays      bool
	}{
		{"a mistake in the spec", "apps: {web: {comand: x}}", nil, 1, "unknown key \"comand\"", false},
		{"no spec", "", []string{"-f", "none.yaml"}, 1, "none.yaml", false},
		{"no directory", "", []string{"-C", "none"}, 1, "-C: chdir none: no such file or directory", false},
		{"no such app", "apps: {web: {command: sleep 1000}}", []string{"mail"}, 1, "run mail: there is no such app\n  there are: web\n", false},
		{"the main app fails", "apps: {web: {shell: exit 7, main: true, readiness: {exec: sleep 1000}}}", nil, 7, "the end, with status 7: main app web ended with status 7", false},
		{"all is done", "apps: {once: {shell: 'exit 0', restart: 'no', readiness: {exec: sleep 1000}}}", nil, 0, "the end, with status 0: every app has completed", false},
		{"an app that cannot be started", "apps: {web: {command: nodee}, db: {command: sleep 1000}}", nil, 1,
			"goinit: not every app has come up; it goes on trying as pid N, 2 apps\n  to stop it: goinit ctl -N ", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := prepare(t, c.spec)
			out, said, code := a.detach(t, c.args...)
			if got := anyPID.ReplaceAllString(said, "pid N"); code != c.status || !strings.Contains(got, c.says) || out != "" {
				t.Errorf("status %d, stdout %q, stderr %s; wanted %d and %q", code, out, got, c.status, c.says)
			}
			if _, code := a.ctl(t, "info"); (code == 0) != c.stays {
				t.Errorf("ctl info: %d, wanted it to stay: %v", code, c.stays)
			}
		})
	}
}

// Who loses patience while it starts ends it.
func TestDetachInterrupted(t *testing.T) {
	a := prepare(t, "apps: {web: {command: sleep 1000, readiness: {exec: sleep 1001, timeout: 100s}}}")
	p := command(goinit, "run", "--detach")
	p.Dir, p.Env = a.dir, a.env
	t.Cleanup(func() { a.endDaemons(t) })
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w := a.until(t, "web/0", func(w worker) bool { return w.PID != 0 })
	p.Process.Signal(unix.SIGINT)
	if code := p.code(t); code != 128+int(unix.SIGINT) || !strings.Contains(p.stderr.String(), "the end, with status 0: SIGTERM") {
		t.Errorf("status %d, %s", code, &p.stderr)
	}
	if unix.Kill(w.PID, 0) == nil {
		t.Error("the worker is still there")
	}
}

// What it says has a bound, and so has what it has said before.
func TestDetachOwnLog(t *testing.T) {
	a := prepare(t, "apps: {web: {command: sleep 1000}}")
	log := filepath.Join(a.dir, "logs", filepath.Base(a.dir)+".log")
	const full = 1 << 20
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		t.Fatal(err)
	}
	old := strings.Repeat("old\n", full/4+1)
	if err := os.WriteFile(log, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	a.detach(t)
	if text, _ := os.ReadFile(log + ".1"); string(text) != old {
		t.Errorf("what was full is not put aside: %d bytes", len(text))
	}
	a.ctl(t, "shutdown")
	// One that fills up meanwhile.
	almost := strings.Repeat("new\n", (full-300)/4)
	if err := os.WriteFile(log, []byte(almost), 0o600); err != nil {
		t.Fatal(err)
	}
	a.detach(t)
	pid := a.daemon(t)
	bed.Wait(t, "the log to be put aside", func() (bool, string) {
		unix.Kill(pid, unix.SIGUSR1) // says a line
		text, _ := os.ReadFile(log + ".1")
		return strings.HasPrefix(string(text), almost), strconv.Itoa(len(text)) + " bytes"
	})
	bed.Wait(t, "it to go on in the new one", func() (bool, string) {
		unix.Kill(pid, unix.SIGUSR1)
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), "web/0 is running") && len(text) < full/2, string(text)
	})
	a.ctl(t, "shutdown")
}

// Where no goinit answers, add starts one and says so; it stays when its apps have ended, and ends when it is asked. What is
// saved comes again where nothing but that is there to run.
func TestAddStartsDaemon(t *testing.T) {
	a := prepare(t, "apps: {trap: {command: sleep 1002}}") // of another project, so to speak: nobody has asked for it
	t.Cleanup(func() { a.endDaemons(t) })
	out, code := a.ctl(t, "add", "once", "--restart", "no", "--", "true")
	for _, want := range []string{"goinit ctl: no goinit answers here, so one is started\n", "goinit runs as pid ", "to stop it: goinit ctl -N ", "once/0  added"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("status %d, no %q in %s", code, want, out)
		}
	}
	pid := a.daemon(t)
	a.until(t, "once/0", func(w worker) bool { return w.State == "completed" })
	if out, code := a.ctl(t, "add", "web", "--", "sleep", "1000"); code != 0 || strings.Contains(out, "started") || a.daemon(t) != pid {
		t.Errorf("a second one: %d, %s", code, out)
	}
	if out, _ := a.ctl(t, "ps"); strings.Contains(out, "trap") {
		t.Errorf("the spec that lies here was started: %s", out)
	}
	if out, code := a.ctl(t, "rm", "once"); code != 0 {
		t.Errorf("rm: %s", out)
	}
	if out, code := a.ctl(t, "save"); code != 0 || !strings.Contains(out, "goinit.saved.json") {
		t.Errorf("save: %s", out)
	}
	if out, code := a.ctl(t, "shutdown"); code != 0 {
		t.Errorf("shutdown: %s", out)
	}
	os.Remove(filepath.Join(a.dir, "goinit.yaml"))
	if _, said, code := a.detach(t); code != 0 {
		t.Errorf("with what was saved: %d, %s", code, said)
	}
	a.until(t, "web/0", running)
	if out, _ := a.ctl(t, "config"); !strings.Contains(out, "web") || strings.Contains(out, "once") {
		t.Errorf("config: %s", out)
	}
	a.ctl(t, "shutdown")
	if _, code := a.ctl(t, "ps"); code != 3 {
		t.Errorf("it has not ended: %d", code)
	}
}

// An apply tells of what a command has added, before it removes it.
func TestApplyTellsOfAdded(t *testing.T) {
	a := prepare(t, "apps: {web: {command: sleep 1000}}").start(t)
	a.until(t, "web/0", running)
	a.ctl(t, "add", "x", "--", "sleep", "1001")
	if out, _ := a.ctl(t, "apply", "--dry-run"); out != "x  remove    (added by a command, not saved: goinit ctl save)\n(nothing was done: --dry-run)\n" {
		t.Errorf("%q", out)
	}
	a.until(t, "x/0", running)
	a.ctl(t, "save")
	if out, _ := a.ctl(t, "apply", "--dry-run"); out != "nothing has changed\n" {
		t.Errorf("saved: %q", out)
	}
	a.ctl(t, "rm", "x")
	if out, _ := a.ctl(t, "apply", "--dry-run"); out != "x  add    (saved; goinit ctl save forgets it)\n(nothing was done: --dry-run)\n" {
		t.Errorf("saved and removed: %q", out)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// A part of a spec, and what it needs; what was saved and is no part of it stays saved.
func TestRunPart(t *testing.T) {
	const spec = `
apps:
  web: {command: sleep 1000, depends_on: [api]}
  api: {command: sleep 1001, tags: [backend], depends_on: {db: started}}
  db: {command: sleep 1002}
  mail: {command: sleep 1003, tags: [other]}
  debug: {command: sleep 1004, enabled: false}
`
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"web"}, "web api db"},
		{[]string{"@backend"}, "api db"},
		{[]string{"mail", "@backend"}, "api db mail"},
		{[]string{"debug"}, "debug"},
		{[]string{"all"}, "web api db mail debug"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			a := prepare(t, spec).start(t, c.args...)
			var names []string
			bed.Wait(t, "all are up", func() (bool, string) {
				out, _ := a.ctl(t, "ps", "-o", "json")
				var all []struct{ App, State string }
				if json.Unmarshal([]byte(out), &all) != nil || len(all) == 0 {
					return false, out
				}
				names = nil
				for _, w := range all {
					if w.State != "running" && !(w.App == "debug" && c.args[0] == "all") {
						return false, out
					}
					names = append(names, w.App)
				}
				return true, ""
			})
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%q, wanted %q", got, c.want)
			}
			a.ctl(t, "shutdown")
			a.code(t)
		})
	}
	a := prepare(t, spec).start(t)
	a.until(t, "db/0", running)
	a.ctl(t, "add", "x", "--", "sleep", "1001")
	a.ctl(t, "save")
	a.ctl(t, "shutdown")
	a.code(t)
	a.start(t, "mail")
	a.until(t, "mail/0", running)
	if out, _ := a.ctl(t, "ps"); strings.Contains(out, "x/0") {
		t.Errorf("not asked for: %s", out)
	}
	a.ctl(t, "save")
	if text, err := os.ReadFile(filepath.Join(a.dir, "goinit.saved.json")); err != nil || !strings.Contains(string(text), `"x"`) {
		t.Errorf("forgotten: %v %s", err, text)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// Ctrl-C ends in order, a second one hurries.
func TestRunOnTerminal(t *testing.T) {
	const spec = `
apps:
  db: {shell: 'trap "echo db-ends; exit 0" TERM; echo db-up; while :; do sleep 0.05; done'}
  web: {shell: 'trap "echo web-asked" TERM; echo web-up; while :; do sleep 0.05; done', depends_on: {db: started}, stop: {timeout: 100s}}
`
	a := prepare(t, spec)
	cmd := exec.Command(goinit, "run")
	cmd.Dir, cmd.Env = a.dir, append(a.env, "NO_COLOR=1")
	term := bed.NewTerminal(t, cmd)
	for range 2 {
		term.Output.Expect(t, "-up")
	}
	term.Type(t, "\x03")
	term.Output.Expect(t, "stopping everything: SIGINT, with no limit of time")
	if passed := term.Output.Expect(t, "web-asked"); strings.Contains(passed, "db-ends") {
		t.Errorf("not in order: %q", passed)
	}
	taken := time.Now()
	bed.Wait(t, "a second request to be another one", func() (bool, string) { return time.Since(taken) > set.OneRequest, "" })
	term.Type(t, "\x03")
	term.Output.Expect(t, "stopping everything at once: asked a second time")
	if passed := term.Output.Expect(t, "had to be killed: web/0"); !strings.Contains(passed, "db-ends") {
		term.Output.Expect(t, "db-ends") // what apps write comes by a pipe, and may be shown behind goinit's own words
	}
	if status := term.Wait(); status != 137 {
		t.Errorf("status %d", status)
	}
}

// SIGUSR1 has the state told.
func TestRunTellsState(t *testing.T) {
	a := prepare(t, "apps: {web: {command: sleep 1000}, once: {command: 'true', restart: \"no\"}}").start(t)
	w := a.until(t, "web/0", running)
	a.until(t, "once/0", func(w worker) bool { return w.State == "completed" })
	a.Process.Signal(unix.SIGUSR1)
	a.ctl(t, "shutdown")
	a.code(t)
	for _, want := range []string{"goinit: web/0 is running, pid " + strconv.Itoa(w.PID) + ", 0 restarts\n", "goinit: once/0 is completed, 0 restarts\n"} {
		if !strings.Contains(a.stderr.String(), want) {
			t.Errorf("no %q in %s", want, &a.stderr)
		}
	}
}

// goinit's own parent is notified, as systemd's Type=notify wants it; its workers are not told of that socket.
func TestRunNotifiesParent(t *testing.T) {
	for _, detached := range []bool{false, true} {
		a := prepare(t, "apps: {web: {shell: 'echo \"[$${NOTIFY_SOCKET-none}]\"; exec sleep 1000'}}")
		path := filepath.Join(a.dir, "notify")
		socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		a.env = append(a.env, "NOTIFY_SOCKET="+path)
		if detached {
			a.detach(t)
		} else {
			a.start(t)
		}
		next := func() string {
			socket.SetReadDeadline(time.Now().Add(bed.Deadline))
			b := make([]byte, 4096)
			n, err := socket.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			return string(b[:n])
		}
		want := "READY=1\nSTATUS=1 app, all started"
		got := next()
		if detached {
			want += "\nMAINPID=" + strconv.Itoa(a.daemon(t))
		}
		if got != want {
			t.Errorf("%q, wanted %q", got, want)
		}
		bed.Wait(t, "the worker's word", func() (bool, string) {
			out, _ := a.ctl(t, "logs", "web")
			return strings.Contains(out, "[none]\n"), out
		})
		a.ctl(t, "shutdown")
		if got := next(); got != "STOPPING=1\nSTATUS=stopping: goinit ctl shutdown" {
			t.Errorf("%q", got)
		}
	}
	a := prepare(t, "apps: 5")
	path := filepath.Join(a.dir, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	a.env = append(a.env, "NOTIFY_SOCKET="+path)
	a.start(t).code(t)
	b := make([]byte, 4096)
	if n, err := socket.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "STOPPING=1\nSTATUS=") {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// As PID 1 there is nothing to detach from.
func TestDetachPID1(t *testing.T) {
	p := asPID1(t, nil, goinit, "run", "--detach")
	if code := p.code(t); code != 64 || !strings.Contains(p.stderr.String(), "run --detach: this is PID 1, and the container ends with it\n  in the foreground: goinit run\n") {
		t.Errorf("status %d, %s", code, &p.stderr)
	}
}
