package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// kinds are the lives of a worker of the storm, each a shell's last lines.
var kinds = []struct{ keys, life string }{
	{"workers: %d", "exec sleep 1000"},
	{"workers: %d", "sleep 1001 & exec sleep 1000"},                                                    // its child has to go as well
	{"workers: %d, stop: {timeout: 100ms}", "trap '' TERM; sleep 1001 & while :; do sleep 1000; done"}, // goes by force only
	{"workers: %d, restart: {delay: 20ms, max_delay: 40ms}", "sleep 0.1; exit 1"},                      // never stays
	{`workers: %d, restart: "no"`, "exit 0"},
	{"schedule: {every: 1s, concurrency: replace}, max_workers: %d", "exec sleep 1000"},
}

// Two workers of a slot at once are two of whom one cannot have the lock, which all descendants hold with it.
const stormStart = `exec 9>>locks/$GOINIT_APP.$GOINIT_SLOT; flock -n 9 || echo $GOINIT_WORKER $GOINIT_GENERATION $VARIANT >>twice; ` +
	`echo $GOINIT_WORKER $GOINIT_GENERATION $VARIANT >>starts; `

// stormGroup is the group of an app of the storm, or of one of its workers.
var stormGroup = regexp.MustCompile(`/app[0-9]+(/|$)`)

// forecast makes specs at random; what an app is stays the same from one to the next, more often than not.
type forecast struct {
	*rand.Rand
	apps map[string]stormApp
	n    int
}

type stormApp struct{ kind, workers, variant int }

const stormApps = 12

// next changes a few apps, and returns the spec.
func (f *forecast) next() string {
	f.n++
	for range 1 + f.IntN(4) {
		name := fmt.Sprintf("app%d", f.IntN(stormApps))
		a, is := f.apps[name]
		switch {
		case !is:
			f.apps[name] = stormApp{f.IntN(len(kinds)), 1 + f.IntN(3), f.n}
		case f.IntN(3) == 0:
			delete(f.apps, name)
		case f.IntN(2) == 0 && kinds[a.kind].keys[0] == 'w': // of a job that is a restart too
			a.workers = 1 + f.IntN(3)
			f.apps[name] = a
		default:
			a.variant = f.n // which is another environment: a restart
			f.apps[name] = a
		}
	}
	return f.spec()
}

func (f *forecast) spec() string {
	var b strings.Builder
	b.WriteString("defaults: {logs: {console: \"off\"}, on_failure: ignore}\napps:\n  keep: {command: sleep 1000}\n")
	for _, name := range slices.Sorted(maps.Keys(f.apps)) {
		a := f.apps[name]
		k := kinds[a.kind]
		fmt.Fprintf(&b, "  %s: {shell: %q, environment: {VARIANT: %d}, "+k.keys+"}\n", name, strings.ReplaceAll(stormStart+k.life, "$", "$$"), a.variant, a.workers)
	}
	return b.String()
}

// 200 specs, each applied on top of what is still being done of the one before, while clients ask and restart and
// somebody kills workers: in the end there is what the last one says, once. No slot ever had two processes at a time, what
// nobody has changed is the process that it was, and PID 1 is as large as it was halfway.
func TestRunApplyStorm(t *testing.T) {
	bed.Need(t, "namespace", "flock")
	const rounds = 200
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := &forecast{Rand: rand.New(rand.NewPCG(seed, 7)), apps: map[string]stormApp{}}
	m, groups := stormy(t, f.spec())
	kept := pids(m.ps(t, "keep"))
	calm := func() {
		t.Helper()
		clear(f.apps)
		m.write(t, f.spec())
		m.must(t, "apply")
		bed.Wait(t, "nothing to be left of the storm", func() (bool, string) {
			rows, all := m.ps(t), children(t, m.PID())
			return len(rows) == 1 && len(all) == 1, fmt.Sprint(rows, all)
		})
	}
	var warm footprint
	for _, end := range []int{rounds / 2, rounds} {
		quiet := busy(t, m)
		for f.n < end {
			m.write(t, f.next())
			args := []string{"apply"}
			if f.n%7 != 0 {
				args = append(args, "--no-wait")
			}
			if r := m.ask(t, args...); r.Status != 0 && r.Status != 1 { // 1: what came of it is changed by others
				quiet()
				t.Fatalf("round %d: status %d: %s%s\n%s", f.n, r.Status, r.Stdout, r.Stderr, m.Output)
			}
		}
		quiet()
		asForecast(t, m, f)
		if groups.Mode != bed.None && !slices.ContainsFunc(groups.Left(), stormGroup.MatchString) {
			t.Error("in a storm there is no group to be seen")
		}
		calm()
		if end < rounds {
			warm = footprintOf(t, m.PID())
		}
	}
	flat(t, m.PID(), warm)
	if now := pids(m.ps(t, "keep")); !maps.Equal(now, kept) {
		t.Errorf("what nobody has changed was %v and is %v", kept, now)
	}
	onceEach(t, m.dir)
	bed.Wait(t, "no group to be left of the storm", func() (bool, string) {
		left := slices.DeleteFunc(groups.Left(), func(path string) bool { return !stormGroup.MatchString(path) })
		return len(left) == 0, fmt.Sprint(left)
	})
	m.Signal(t, syscall.SIGTERM)
	if status := m.Wait(); status != 0 || strings.Contains(m.Output.String(), "panic") {
		t.Errorf("status %d\n%s", status, m.Output)
	}
}

// stormy starts a goinit whose workers have groups, where this machine has any for them.
func stormy(t *testing.T, spec string) (*manager, *bed.Groups) {
	t.Helper()
	dir, err := os.MkdirTemp("", "st-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "locks"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := &manager{dir: dir, spec: filepath.Join(dir, "goinit.yaml"), client: client{"--socket", filepath.Join(dir, "socket")}}
	m.write(t, spec)
	var groups *bed.Groups
	m.PID1, groups = bed.Contain(t, bed.Modes(t)[0], built.contain, built.goinit, "run", "-C", dir, "-f", m.spec, "--socket", m.client[1])
	bed.Wait(t, "goinit to run", func() (bool, string) {
		r := m.ask(t, "info", "-o", "json")
		return strings.Contains(r.Stdout, `"state": "running"`), r.Stdout + r.Stderr + m.Output.String()
	})
	return m, groups
}

// busy has three clients do what comes to their mind, until it is called off.
func busy(t *testing.T, m *manager) (quiet func()) {
	var wait sync.WaitGroup
	over := make(chan struct{})
	for n, ask := range []func(i int){
		func(int) { m.ask(t, "ps", "-o", "json"); m.ask(t, "events") },
		func(i int) { m.ask(t, "restart", "--no-wait", fmt.Sprintf("app%d", i%stormApps)) },
		func(i int) { m.ask(t, "signal", "KILL", fmt.Sprintf("app%d", i*5%stormApps)) },
	} {
		wait.Go(func() {
			for i := n; ; i++ {
				select {
				case <-over:
					return
				default:
					ask(i)
				}
			}
		})
	}
	return func() { close(over); wait.Wait() }
}

// asForecast waits until every app and worker of the last spec is there, and no other.
func asForecast(t *testing.T, m *manager, f *forecast) {
	t.Helper()
	bed.WaitLong(t, "the last spec's workers", func() (bool, string) {
		count := map[string]int{}
		rows := m.ps(t)
		for _, r := range rows {
			count[r.App]++
			want := map[int]string{0: "running", 1: "running", 2: "running", 3: "running starting backoff stopping", 4: "completed failed", 5: "running scheduled stopping"}
			if a, is := f.apps[r.App]; r.App != "keep" && (!is || !strings.Contains(want[a.kind], r.State)) {
				return false, r.String()
			}
			if a := f.apps[r.App]; a.kind < 3 && r.App != "keep" && r.PID != nil {
				env, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/%d/environ", m.PID(), *r.PID))
				if err != nil || !strings.Contains(string(env)+"\x00", "\x00VARIANT="+strconv.Itoa(a.variant)+"\x00") {
					return false, r.String() + ": of an older spec"
				}
			}
		}
		for name, a := range f.apps {
			if a.kind != 5 && count[name] != a.workers {
				return false, fmt.Sprintf("%s has %d workers, want %d: %v", name, count[name], a.workers, rows)
			}
		}
		return len(count) == len(f.apps)+1, fmt.Sprint(rows)
	})
}

// onceEach looks at what the workers have written down: nobody has met another of its slot, and no start was carried out twice.
func onceEach(t *testing.T, dir string) {
	t.Helper()
	if twice, err := os.ReadFile(filepath.Join(dir, "twice")); err == nil {
		t.Errorf("two at a time:\n%s", twice)
	}
	starts, err := os.ReadFile(filepath.Join(dir, "starts"))
	if err != nil {
		t.Fatal(err)
	}
	n, seen := 0, map[string]bool{}
	for line := range strings.Lines(string(starts)) {
		n++
		// Slots above the first come and go with the number of workers, and begin at generation 1 each time.
		if strings.Contains(line, "/0 ") && seen[line] {
			t.Errorf("started twice: %s", line)
		}
		seen[line] = true
	}
	t.Logf("%d processes were started", n)
}
