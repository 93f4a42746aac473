package pid1_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"

	"golang.org/x/sys/unix"
)

// apps is a goinit in run mode in a directory of its own.
type apps struct {
	*process
	dir string
	env []string
}

// prepare makes the directory with its spec; an empty one is none.
func prepare(t *testing.T, spec string) *apps {
	t.Helper()
	a := &apps{dir: t.TempDir()}
	a.env = append(os.Environ(), "GOINIT_SOCKET_DIRECTORY="+filepath.Join(a.dir, "sockets"), "GOINIT_LOG_DIRECTORY="+filepath.Join(a.dir, "logs"))
	a.write(t, spec)
	return a
}

func (a *apps) write(t *testing.T, spec string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start runs goinit run with the arguments.
func (a *apps) start(t *testing.T, args ...string) *apps {
	t.Helper()
	a.process = command(append([]string{goinit, "run"}, args...)...)
	a.Dir, a.Env = a.dir, a.env
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Process.Kill(); a.Wait() })
	return a
}

// ctl is goinit ctl.
func (a *apps) ctl(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	p := command(append([]string{goinit, "ctl"}, args...)...)
	p.Dir, p.Env = a.dir, a.env
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	code = p.code(t)
	return p.stdout.String() + p.stderr.String(), code
}

type worker struct {
	Worker, State string
	PID           int
	Generation    int
}

// until waits until ps shows what is wanted of a worker.
func (a *apps) until(t *testing.T, name string, is func(worker) bool) (found worker) {
	t.Helper()
	bed.Wait(t, name, func() (bool, string) {
		out, code := a.ctl(t, "ps", "-o", "json")
		var all []worker
		if code != 0 || json.Unmarshal([]byte(out), &all) != nil {
			return false, out
		}
		for _, w := range all {
			if w.Worker == name && is(w) {
				found = w
				return true, ""
			}
		}
		return false, out
	})
	return found
}

func running(w worker) bool { return w.State == "running" && w.PID != 0 }

// When goinit itself ends, and with which status.
func TestRunStatus(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		args       []string
		want       int
	}{
		{"all completed", `apps: {a: {command: "true", restart: "no"}, b: {command: "true", restart: "no"}}`, nil, 0},
		{"a one-shot failed", `apps: {a: {shell: exit 7, restart: "no"}, b: {command: sleep 100}}`, nil, 7},
		{"a failure that is ignored", `apps: {a: {shell: exit 7, restart: "no", on_failure: ignore}, b: {shell: sleep 0.1, restart: "no"}}`, nil, 7},
		{"gave up", `apps: {a: {shell: exit 3, restart: {max_restarts: 2, window: 1m}}}`, nil, 3},
		{"main", `apps: {a: {shell: exit 4, main: true}, b: {command: sleep 100}}`, nil, 4},
		{"main of the command line", `apps: {b: {command: sleep 100}}`, []string{"--", "sh", "-c", "exit 5"}, 5},
		{"killed by a signal", `apps: {a: {shell: kill -KILL $$$$, main: true}}`, nil, 137},
		{"not found", `apps: {a: {command: nodee, main: true}}`, nil, 127},
		{"not executable", `apps: {a: {command: /etc/passwd, main: true}}`, nil, 126},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := prepare(t, c.spec).start(t, c.args...)
			if code := a.code(t); code != c.want {
				t.Errorf("status %d, wanted %d; %s", code, c.want, &a.stderr)
			}
			if left, err := filepath.Glob(filepath.Join(a.dir, "sockets", "*.notify")); err != nil || len(left) > 0 {
				t.Errorf("left beside the socket: %q, %v", left, err)
			}
		})
	}
}

// A stop is in order, and what will not end is killed, named and told by the status.
func TestRunStop(t *testing.T) {
	a := prepare(t, `
shutdown: {timeout: 20s}
apps:
  db: {shell: 'trap "echo db ends; exit 0" TERM; echo is up; while :; do sleep 0.05; done'}
  web: {shell: 'trap "sleep 0.2; echo web ends; exit 0" TERM; echo is up; while :; do sleep 0.05; done', depends_on: {db: started}}
  deaf: {shell: 'trap "" TERM; echo is up; while :; do sleep 0.05; done', stop: {timeout: 300ms}}
`).start(t)
	bed.Wait(t, "the traps are set", func() (bool, string) {
		out, _ := a.ctl(t, "logs")
		return strings.Count(out, "is up") == 3, out
	})
	a.Process.Signal(unix.SIGTERM)
	code := a.code(t)
	out := a.stdout.String()
	if web, db := strings.Index(out, "web ends"), strings.Index(out, "db ends"); web < 0 || db < web {
		t.Errorf("not in reverse order: %q", out)
	}
	if said := a.stderr.String(); code != 137 || !strings.Contains(said, "had to be killed: deaf/0") || !strings.Contains(said, "stopping everything: SIGTERM, within 20s") {
		t.Errorf("status %d: %s", code, said)
	}
}

// What cannot come by itself is not waited for, and what has failed can be stopped.
func TestRunInVain(t *testing.T) {
	a := prepare(t, `
apps:
  bad: {shell: exit 3, restart: "no", on_failure: ignore}
  web: {command: sleep 1000, depends_on: {bad: completed}}
  api: {command: sleep 1000, depends_on: {web: started}}
  off: {command: sleep 1000, enabled: false}
  job: {command: "true", schedule: "@yearly"}
  up: {command: sleep 1000}
`).start(t)
	a.until(t, "bad/0", func(w worker) bool { return w.State == "failed" })
	a.until(t, "job/0", func(w worker) bool { return w.State == "scheduled" })
	for _, c := range []struct{ target, want string }{
		{"web", "goinit ctl: web/0 will not be ready: it is waiting for bad: completed (failed, in vain)\n"},
		{"api", "goinit ctl: api/0 will not be ready: it is waiting for web: started (waiting, in vain)\n"},
		{"off", "goinit ctl: off/0 will not be ready: it is stopped\n"},
		{"job", "goinit ctl: job/0 will not be ready: it is scheduled\n"},
	} {
		bed.Wait(t, c.target, func() (bool, string) { // that it waits in vain may be known a moment after the failure
			out, code := a.ctl(t, "wait", c.target, "--timeout", "1s")
			return code == 1 && out == c.want, out
		})
	}
	out, code := a.ctl(t, "wait", "up", "--for", "completed", "--timeout", "10ms")
	if want := "goinit ctl: up/0 is still running, not completed\n  wait longer: --timeout 5m\n"; code != 5 || out != want {
		t.Errorf("not in time: status %d: %q", code, out)
	}
	if out, code := a.ctl(t, "health", "--live"); code != 1 || !strings.Contains(out, "bad") {
		t.Errorf("health of what has failed: status %d: %s", code, out)
	}
	if out, code := a.ctl(t, "stop", "bad", "off"); code != 0 || !strings.Contains(out, "bad/0  stopped\n") {
		t.Errorf("stop of what has failed: status %d: %s", code, out)
	}
	if out, code := a.ctl(t, "health", "--live"); code != 0 {
		t.Errorf("health of what was stopped: status %d: %s", code, out)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// SIGHUP reads the spec again and touches only what differs; a broken one changes nothing.
func TestRunHangup(t *testing.T) {
	const same = "  same: {command: sleep 1000}\n"
	a := prepare(t, "apps:\n"+same+"  other: {command: sleep 1001}\n  gone: {command: sleep 1002}\n")
	a.process = command("setsid", "-w", goinit, "run") // no controlling terminal: HUP is apply
	a.Dir, a.Env = a.dir, a.env
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Process.Kill(); a.Wait() })
	before := a.until(t, "same/0", running)
	other := a.until(t, "other/0", running)
	out, _ := a.ctl(t, "info", "-o", "json")
	var info struct{ PID int }
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { unix.Kill(info.PID, unix.SIGKILL) })

	a.write(t, "apps:\n"+same+"  other: {comand: sleep 1}\n")
	unix.Kill(info.PID, unix.SIGHUP)
	a.write(t, "apps:\n"+same+"  other: {command: sleep 2001}\n  new: {command: sleep 2002}\n")
	unix.Kill(info.PID, unix.SIGHUP)
	a.until(t, "new/0", running)
	if w := a.until(t, "same/0", running); w.PID != before.PID {
		t.Errorf("what did not change was restarted: %d, %d", before.PID, w.PID)
	}
	a.until(t, "other/0", func(w worker) bool { return running(w) && w.PID != other.PID })
	if out, code := a.ctl(t, "ps", "gone"); code != 4 {
		t.Errorf("what was removed is there: %s", out)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// What goinit's parent ignores is no business of the workers'.
func TestRunCleanSignals(t *testing.T) {
	a := prepare(t, "apps: {web: {command: grep SigIgn /proc/self/status, restart: \"no\"}}\n")
	p := command("/bin/sh", "-c", "trap '' HUP PIPE TTOU USR2; exec "+goinit+" run")
	p.Dir, p.Env = a.dir, a.env
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if code := p.code(t); code != 0 || !strings.Contains(p.stdout.String(), "SigIgn:\t0000000000000000") {
		t.Errorf("status %d: %s%s", code, &p.stdout, &p.stderr)
	}
}

// A spec with twelve mistakes starts nothing.
func TestRunMistakes(t *testing.T) {
	spec, err := os.ReadFile("../spec/compile/testdata/twelve.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../spec/compile/testdata/twelve.golden")
	if err != nil {
		t.Fatal(err)
	}
	a := prepare(t, string(spec)).start(t)
	code := a.code(t)
	got := strings.ReplaceAll(a.stderr.String(), a.dir+"/", "")
	if code != 1 || a.stdout.Len() > 0 || strings.Count(got, "\n") != strings.Count(string(want), "\n") {
		t.Errorf("status %d, stdout %q, stderr:\n%s\nwanted as many lines as in:\n%s", code, &a.stdout, got, want)
	}
}

// What the kernel refuses at a start is told with its value, and with what can be done.
func TestRunRefusedStarts(t *testing.T) {
	for setting, want := range map[string]string{
		"ulimits: {nofile: 1099511627776}": "cannot set the ulimit nofile to 1099511627776: operation not permitted",
		"ulimits: {nofile: 2}":             "cannot set up descriptors: bad file descriptor\n  ulimits: {nofile: 2} is too few",
		"working_dir: /no/where":           "cannot change to the directory /no/where: no such file or directory\n  working_dir: is it in the image",
	} {
		a := prepare(t, `apps: {a: {command: "true", restart: "no", `+setting+`}}`).start(t)
		if code := a.code(t); code != 126 || !strings.Contains(a.stderr.String(), `a/0 could not be started: "true": `+want) {
			t.Errorf("%s: status %d, %q is missing in:\n%s", setting, code, want, &a.stderr)
		}
	}
}

// A spec that is a bomb, or 100 MB long, is refused, at no cost that matters.
func TestRunHostileSpec(t *testing.T) {
	bomb := "x-a: &a [x, x, x, x, x, x, x, x, x]\n"
	for i, c := range "bcdefghijk" {
		before := string("abcdefghijk"[i])
		bomb += fmt.Sprintf("x-%c: &%[1]c [%s]\n", c, strings.TrimSuffix(strings.Repeat("*"+before+", ", 9), ", "))
	}
	for name, spec := range map[string]string{
		"bomb":   bomb + "apps: {web: {command: *k}}\n",
		"100 MB": "apps:\n  web:\n    command: sleep 1\n    environment:\n      A: " + strings.Repeat("a", 100<<20) + "\n",
		"deep":   "apps: " + strings.Repeat("[", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			a := prepare(t, spec)
			// The peak of what Python has forked: a process that we fork has our own peak to begin with.
			p := command("python3", "-c", "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "+
				"print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)", goinit, "run")
			p.Dir, p.Env = a.dir, a.env
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			code := p.code(t)
			peak, _ := strconv.Atoi(strings.TrimSpace(p.stdout.String())) // KiB
			if code != 1 || p.stderr.Len() == 0 || p.stderr.Len() > 16<<10 || peak == 0 || peak > 200<<10 {
				t.Errorf("status %d, peak %d KiB, said %.500q", code, peak, &p.stderr)
			}
			t.Logf("peak %d KiB", peak)
		})
	}
}

// TERM while the spec is being read ends goinit at once.
func TestRunTermWhileReading(t *testing.T) {
	a := prepare(t, "")
	fifo := filepath.Join(a.dir, "spec.yaml")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	a.start(t, "-f", fifo)
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0) // returns when the child has opened it to read
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	a.Process.Signal(unix.SIGTERM)
	if code := a.code(t); code != 143 {
		t.Errorf("status %d: %s", code, &a.stderr)
	}
}

// exec is the worker's user, directory and environment, and the program's status; what was added can be saved.
func TestRunExecAddSave(t *testing.T) {
	a := prepare(t, `
apps:
  web: {command: sleep 1000, working_dir: /usr, environment: {A: b}}
`).start(t)
	a.until(t, "web/0", running)
	if out, code := a.ctl(t, "exec", "web", "--", "sh", "-c", "echo $A $GOINIT_WORKER $(pwd) $(id -u); exit 7"); code != 7 || out != "b web/0 /usr "+strconv.Itoa(os.Getuid())+"\n" {
		t.Errorf("exec: %d, %q", code, out)
	}
	if out, code := a.ctl(t, "exec", "web", "--", "nodee"); code != 1 || !strings.Contains(out, `"nodee": not found in PATH`) {
		t.Errorf("exec: %d, %q", code, out)
	}
	if out, code := a.ctl(t, "add", "extra", "--", "sleep", "1003"); code != 0 {
		t.Fatalf("add: %d, %s", code, out)
	}
	a.ctl(t, "scale", "web", "2") // the spec's own
	a.ctl(t, "scale", "extra", "2")
	if out, code := a.ctl(t, "save"); code != 0 || !strings.Contains(out, "goinit.saved.json") {
		t.Fatalf("save: %d, %s", code, out)
	}
	a.ctl(t, "shutdown", "--status", "6")
	if code := a.code(t); code != 6 {
		t.Errorf("status %d, wanted what shutdown was told: %s", code, &a.stderr)
	}
	a.start(t)
	a.until(t, "extra/1", running)
	if out, _ := a.ctl(t, "ps"); strings.Contains(out, "web/1") {
		t.Errorf("saved, and the spec says another number: %s", out)
	}
	if out, code := a.ctl(t, "rm", "extra"); code != 0 {
		t.Errorf("rm: %d, %s", code, out)
	}
	if out, code := a.ctl(t, "save"); code != 0 || out != "nothing to save: no app was added by a command, and those of the spec are as it says\n" {
		t.Errorf("save: %d, %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(a.dir, "goinit.saved.json")); !os.IsNotExist(err) {
		t.Errorf("nothing is left to save, and there is a file: %v", err)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// exec's program ends when the client does.
func TestRunExecEndsWithItsClient(t *testing.T) {
	a := prepare(t, "apps: {web: {command: sleep 1000}}\n").start(t)
	a.until(t, "web/0", running)
	file := filepath.Join(a.dir, "pid")
	client := exec.Command(goinit, "ctl", "exec", "web", "--", "sh", "-c", "echo $$ >"+file+"; exec sleep 1004")
	client.Dir, client.Env = a.dir, a.env
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	bed.Wait(t, "the program's pid", func() (bool, string) {
		b, _ := os.ReadFile(file)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0, string(b)
	})
	client.Process.Kill()
	client.Wait()
	bed.Wait(t, "the program is gone", func() (bool, string) { return unix.Kill(pid, 0) != nil, "" })
	a.until(t, "web/0", running)
	a.ctl(t, "shutdown")
	a.code(t)
}

// A compiled spec that says to be its own source is refused.
func TestRunSpecOfItself(t *testing.T) {
	a := prepare(t, "apps: {web: {command: 'true'}}\n")
	if err := os.WriteFile(filepath.Join(a.dir, "self.json"), []byte(`{"compiled": {"format": 1, "sources": [{"path": "self.json", "sha256": "`+
		strings.Repeat("0", 64)+`"}]}, "apps": {"web": {"command": ["true"]}}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if code := a.start(t, "-f", "self.json").code(t); code != 1 {
		t.Errorf("status %d, %s", code, &a.stderr)
	}
}

// A program that exec has put beside a worker holds up the end of goinit no more than a storm of signals does.
func TestRunEndWithExec(t *testing.T) {
	a := prepare(t, "apps: {web: {command: sleep 1000}}\n").start(t)
	a.until(t, "web/0", running)
	up := filepath.Join(a.dir, "up")
	client := exec.Command(goinit, "ctl", "exec", "web", "--", "sh", "-c", "trap '' TERM HUP; touch "+up+"; sleep 1005 & wait; sleep 1006")
	client.Dir, client.Env = a.dir, a.env
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait()
	bed.Wait(t, "the program runs", func() (bool, string) {
		_, err := os.Stat(up)
		return err == nil, ""
	})
	a.Process.Signal(unix.SIGTERM)
	ended := make(chan int, 1)
	go func() { ended <- a.code(t) }()
	for {
		select {
		case code := <-ended:
			if code != 0 {
				t.Errorf("status %d, %s", code, &a.stderr)
			}
			return
		default:
			a.Process.Signal(unix.SIGUSR1)
		}
	}
}

// Who removes the last app that runs has laid hands on it: goinit stays.
func TestRunLastAppRemoved(t *testing.T) {
	a := prepare(t, "apps: {once: {command: 'true', restart: \"no\"}, web: {command: sleep 1000}}\n").start(t)
	a.until(t, "web/0", running)
	a.until(t, "once/0", func(w worker) bool { return w.State == "completed" })
	if out, code := a.ctl(t, "rm", "web"); code != 0 {
		t.Errorf("rm: %d, %s", code, out)
	}
	if out, code := a.ctl(t, "ps"); code != 0 {
		t.Errorf("goinit has ended: %d, %s", code, out)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// Two goinits of one name are one too many.
func TestRunTwice(t *testing.T) {
	a := prepare(t, "name: shop\napps: {web: {command: sleep 1000}}\n").start(t)
	a.until(t, "web/0", running)
	b := &apps{dir: a.dir, env: a.env}
	if code := b.start(t).code(t); code != 1 || !strings.Contains(b.stderr.String(), `a goinit named "shop" runs already`) {
		t.Errorf("status %d, %s", code, &b.stderr)
	}
	a.ctl(t, "shutdown")
	a.code(t)
}

// A compiled spec beside a source that was changed since is refused, and both are named.
func TestRunStaleSpec(t *testing.T) {
	a := prepare(t, "apps: {web: {command: 'true', restart: \"no\"}}\n")
	json := filepath.Join(a.dir, "goinit.json")
	if out, code := a.ctl(t, "compile", "-f", filepath.Join(a.dir, "goinit.yaml"), "--out", json); code != 0 {
		t.Fatal(out)
	}
	if code := a.start(t, "-f", json).code(t); code != 0 {
		t.Errorf("fresh: %d, %s", code, &a.stderr)
	}
	a.write(t, "apps: {web: {command: 'false', restart: \"no\"}}\n")
	code := a.start(t, "-f", json).code(t)
	if said := a.stderr.String(); code != 1 || !strings.Contains(said, json) || !strings.Contains(said, "goinit.yaml") {
		t.Errorf("stale: %d, %s", code, said)
	}
}
