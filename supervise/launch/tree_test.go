package launch

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/spec"
	"goinit/supervise"
)

// escapes are ways in which something gets away from its parent. Each prints "left PID" and stays.
var escapes = []struct{ name, script string }{
	{"child", `sleep 1000 & echo left $!`},
	{"session of its own", `setsid sh -c 'echo left $$; exec sleep 1000' &`},
	{"double fork into a session", `(setsid sh -c 'echo left $$; exec sleep 1000' &) &`},
	{"double fork with a cleared environment", `(env -i sh -c 'echo left $$; exec sleep 1000' &) &`},
	{"cleared environment, session of its own, parent alive", `trap "" TERM; setsid env -i sh -c 'echo left $$; exec sleep 1000' &`},
	{"deaf child", `(trap "" TERM HUP INT; echo left $(exec sh -c 'echo $PPID'); while :; do sleep 1; done) &`},
	{"stopped child", `sh -c 'echo left $$; kill -STOP $$' &`},
	{"fork bomb of a hundred", `setsid sh -c 'echo left $$; i=0; while [ $i -lt 100 ]; do (setsid sleep 1000 &); i=$((i+1)); done; exec sleep 1000' &`},
}

func left(t *testing.T, b *bed, worker string) int {
	t.Helper()
	pid := 0
	eventually(t, worker+" says what it has left", func() bool {
		_, text, ok := strings.Cut(b.pipes.said(worker), "left ")
		line, _, whole := strings.Cut(text, "\n")
		pid, _ = strconv.Atoi(line)
		return ok && whole && b.state(worker).PID != nil // it can write before the supervisor knows that it was started
	})
	return pid
}

func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return pid <= 0 || err == nil && !dead(string(stat))
}

// dead is a zombie, or one that is being reaped right now.
func dead(stat string) bool { return strings.Contains(stat, ") Z ") || strings.Contains(stat, ") X ") }

// strangers are all living processes but us.
func strangers(t *testing.T) (all []string) {
	t.Helper()
	dir, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if stat, err := os.ReadFile("/proc/" + e.Name() + "/stat"); err == nil && !dead(string(stat)) {
			all = append(all, string(stat))
		}
	}
	return all
}

// A stop ends with nothing left of the worker; and so does a crash, before the next start.
func TestNothingIsLeft(t *testing.T) {
	if !inside(t, asPID1) {
		return
	}
	users := map[string]func(*spec.App){"": func(*spec.App) {}, " of another uid": func(a *spec.App) { a.User = "12345:54321" }}
	for _, esc := range escapes {
		for who, as := range users {
			t.Run(esc.name+who, func(t *testing.T) {
				b := newBed(t, nil, shell("web", esc.script+"\nwhile :; do sleep 1; done", as, func(a *spec.App) { a.Stop.Timeout = spec.Duration(100 * time.Millisecond) }))
				pid := left(t, b, "web/0")
				r := b.do(t, supervise.Stop{Targets: []string{"web"}})
				if r.Workers[0].State != "stopped" || alive(pid) {
					stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
					t.Errorf("%s, and %d is alive: %s %v", r.Workers[0].State, pid, stat, err)
				}
				if s := strangers(t); len(s) > 0 {
					t.Errorf("left: %q", s)
				}
				if n := b.pipes.drained["web/0.1"]; n != 1 {
					t.Errorf("drained %d times", n)
				}
			})
			if esc.name == "cleared environment, session of its own, parent alive" {
				continue // its parent dies first now: what escapes, as the documentation says
			}
			t.Run(esc.name+who+", after a crash", func(t *testing.T) {
				b := newBed(t, nil, shell("web", esc.script+`
				while ! [ -e $GO ]; do sleep 0.01; done; exit 3`, as, func(a *spec.App) {
					a.Environment = []spec.Variable{{Name: "GO", Value: t.TempDir() + "/go"}}
				}))
				pid := left(t, b, "web/0")
				release(t, b)
				eventually(t, "web/0 gives up", func() bool { return b.state("web/0").State == "failed" })
				if alive(pid) {
					t.Errorf("%d is alive", pid)
				}
				if s := strangers(t); len(s) > 0 {
					t.Errorf("left: %q", s)
				}
			})
		}
	}
}

// release makes the file that a worker waits for.
func release(t *testing.T, b *bed) {
	t.Helper()
	path := b.Apps()[0].Environment[0].Value
	for dir := path; dir != "/tmp" && dir != "/"; dir = dir[:strings.LastIndexByte(dir, '/')] {
		_ = os.Chmod(dir, 0o755)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Without CAP_SYS_PTRACE, as under Docker's default, root cannot read the environment of another user's process, but by
// taking on its identity.
func TestCookieWithoutPtrace(t *testing.T) {
	if !inside(t, asPID1) {
		return
	}
	asInDocker(t)
	escape := `(setsid sh -c 'echo left $$; exec sleep 1000' &) & exec sleep 1000`
	b := newBed(t, nil, shell("web", escape, func(a *spec.App) { a.User = "12345:54321"; a.Stop.Timeout = spec.Duration(50 * time.Millisecond) }))
	pid := left(t, b, "web/0")
	if _, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ"); err == nil {
		t.Fatal("the environment can be read as it is: the test shows nothing")
	}
	b.do(t, supervise.Stop{Targets: []string{"web"}})
	if alive(pid) {
		t.Error("the daemon of another uid was not found")
	}
}

// What one worker has left is not another's, and one that lives is not touched.
func TestOthersAreNotTouched(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	daemon := `(trap "" TERM; setsid sh -c 'echo left $$; exec sleep 1000' &) & exec sleep 1000`
	b := newBed(t, nil, shell("web", daemon, func(a *spec.App) { a.Workers.Count = 2; a.Stop.Timeout = spec.Duration(50 * time.Millisecond) }))
	zero, one := left(t, b, "web/0"), left(t, b, "web/1")
	b.do(t, supervise.Stop{Targets: []string{"web/0"}})
	if alive(zero) || !alive(one) || b.state("web/1").State != "running" {
		t.Errorf("web/0's daemon alive: %v, web/1's: %v, web/1 %s", alive(zero), alive(one), b.state("web/1").State)
	}
	b.do(t, supervise.Shutdown{})
	o := <-b.ended
	if alive(one) || o.Status != 137 || strings.Join(o.Killed, " ") != "web/1" {
		t.Errorf("alive: %v, outcome %+v", alive(one), o)
	}
}

// What a worker has left is told to end as the worker was, and has what is left of its time.
func TestLeftoversAreAskedFirst(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	closing := `(setsid sh -c 'trap "sleep 0.3; echo closed; exit" TERM; echo left $$; while :; do sleep 0.05; done' &) & wait; exec sleep 1000`
	b := newBed(t, nil, shell("web", closing, func(a *spec.App) { a.Stop.Timeout = spec.Duration(20 * time.Second) }))
	pid := left(t, b, "web/0")
	b.do(t, supervise.Shutdown{})
	o := <-b.ended
	b.pipes.wait.Wait()
	if alive(pid) || o.Status != 0 || len(o.Killed) > 0 || !strings.Contains(b.pipes.said("web/0"), "closed") {
		t.Errorf("alive: %v, outcome %+v, said %q", alive(pid), o, b.pipes.said("web/0"))
	}
}

// What a probe has started dies with it, also what has left its session; the worker's, which looks like it, does not.
func TestBesideIsATreeOfItsOwn(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	const away = `(setsid sh -c 'echo left $$; exec sleep 1000' &)`
	b := newBed(t, nil, shell("web", away+`; exec sleep 1000`))
	workers := left(t, b, "web/0")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	app := shell("web", "")
	exited, gone := make(chan struct{}), make(chan struct{})
	p, err := b.starter.Beside(supervise.Work{App: &app, Generation: 1, Given: supervise.Given{Files: map[int]int{1: int(w.Fd())}}},
		[]string{"sh", "-c", away}, nil, supervise.Told{Exited: func(supervise.Exit) { close(exited) }, TreeGone: func() { close(gone) }})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	pid, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "left ")))
	if err != nil || pid == 0 {
		t.Fatalf("%q, %v", line, err)
	}
	<-exited
	p.KillTree()
	<-gone
	if alive(pid) {
		t.Error("what the probe has started lives on")
	}
	if !alive(workers) {
		t.Error("what the worker has started was killed with the probe")
	}
	b.do(t, supervise.Stop{Targets: []string{"web"}})
	if alive(workers) {
		t.Error("what the worker has started lives on")
	}
}
