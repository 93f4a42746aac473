package launch

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/spec"
	"goinit/supervise"
)

// A worker of three processes, one of which has left its session and counts as fast as it can.
const busy = `(setsid sh -c 'echo left $$; while :; do :; done' &)
sleep 1000 & wait`

// ticks is the CPU time of a process so far, and its state.
func ticks(t *testing.T, pid int) (used int, state string) {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, _ := strconv.Atoi(f[14-3])
	system, _ := strconv.Atoi(f[15-3])
	return user + system, f[0]
}

// Without cgroups a pause suspends all that belongs to a worker, wherever it went, and a resume lets all of it go on.
func TestPauseBySignals(t *testing.T) {
	if !inside(t, asPID1) {
		return
	}
	b := newBed(t, nil, shell("web", busy), shell("other", busy))
	pid, other := left(t, b, "web/0"), left(t, b, "other/0")
	for range 3 {
		b.do(t, supervise.Pause{Targets: []string{"web"}})
		before, state := ticks(t, pid)
		if main := *b.state("web/0").PID; state != "T" {
			t.Errorf("the daemon is %s", state)
		} else if _, state := ticks(t, main); state != "T" {
			t.Errorf("the main process is %s", state)
		}
		reference, _ := ticks(t, other)
		eventually(t, "the other one goes on", func() bool { n, _ := ticks(t, other); return n > reference+2 })
		if now, _ := ticks(t, pid); now != before {
			t.Errorf("it used %d ticks while it was paused", now-before)
		}
		b.do(t, supervise.Resume{Targets: []string{"web"}})
		eventually(t, "it goes on", func() bool { n, _ := ticks(t, pid); return n > before })
	}
	b.do(t, supervise.Pause{Targets: []string{"web"}})
	b.do(t, supervise.Stop{Targets: []string{"all"}})
	if s := strangers(t); len(s) > 0 {
		t.Errorf("left: %q", s)
	}
}

// A pause of something that forks all the time ends: what is found is suspended, until nobody new is found.
func TestPauseOfSomethingThatForks(t *testing.T) {
	if !inside(t, asPID1) {
		return
	}
	b := newBed(t, nil, shell("web", `echo left $$; while :; do (/bin/true); done`))
	left(t, b, "web/0")
	for range 20 {
		b.do(t, supervise.Pause{Targets: []string{"web"}})
		if _, state := ticks(t, *b.state("web/0").PID); state != "T" {
			t.Fatalf("it is %s", state)
		}
		b.do(t, supervise.Resume{Targets: []string{"web"}})
	}
}

// Without cgroups what a worker uses is added up from /proc: of all of its tree, and of nobody else.
func TestUsageFromProc(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	b := newBed(t, nil, shell("web", busy), shell("idle", "echo left $$; exec sleep 1000"))
	left(t, b, "web/0")
	left(t, b, "idle/0")
	var web supervise.Usage
	eventually(t, "the daemon's CPU time is counted, and the shell has started its child", func() bool {
		var err error
		if web, err = b.Usage("web", 0); err != nil {
			t.Fatal(err)
		}
		return web.CPU > 50*time.Millisecond && web.Pids >= 3
	})
	idle, err := b.Usage("idle", 0)
	if err != nil || idle.CPU >= web.CPU || idle.Pids != 1 || idle.Memory == 0 || idle.Source != supervise.FromProc {
		t.Errorf("idle: %+v, %v", idle, err)
	}
	if web.Memory <= idle.Memory || web.CPU != web.User+web.System {
		t.Errorf("web: %+v", web)
	}
	app, err := b.AppUsage("web")
	if err != nil || app.CPU < web.CPU || app.Pids != web.Pids {
		t.Errorf("the app: %+v, %v", app, err)
	}
	_, err = b.Do(context.Background(), supervise.Update{App: "web", Change: func(r *spec.Resources) error { r.Memory = 1 << 30; return nil }})
	if !errors.Is(err, supervise.ErrNoGroups) {
		t.Errorf("a limit without cgroups: %v", err)
	}
}
