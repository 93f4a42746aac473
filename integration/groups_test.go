package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
)

// One table of what cgroups do for a user, in every mode that this machine can show: the host has v1 and the hybrid, the
// virtual machine v2 (TestVM runs this there), and every machine can be without.
func TestGroups(t *testing.T) {
	for _, mode := range bed.Modes(t) {
		if mode == bed.None && os.Getenv(insideVM) != "" {
			continue // that is the same on every kernel, and much slower here
		}
		t.Run(string(mode), func(t *testing.T) {
			w := startWorld(t, mode)
			for _, c := range []struct {
				name string
				test func(*testing.T, *world)
			}{
				{"info", tellsMode},
				{"birth", birth},
				{"limits", limits},
				{"optional", optionalLimit},
				{"update", update},
				{"stats", stats},
				{"throttle", throttled},
				{"disk", diskThrottled},
				{"hugetlb", hugePages},
				{"pause", pause},
				{"oom", outOfMemory},
				{"recycle", recycled},
				{"bomb", forkBomb},
				{"escape", escape},
				{"rm", removed},
				{"end", ended},
			} {
				t.Run(c.name, func(t *testing.T) { c.test(t, w) })
			}
		})
	}
}

// world is a goinit in a container of the bed, with an app for each row of the table.
type world struct {
	*manager
	groups *bed.Groups
}

// grouped reports whether workers have groups.
func (w *world) grouped() bool { return w.groups.Mode != bed.None }

// v2 reports whether limits are those of v2.
func (w *world) v2() bool { return w.groups.Mode == bed.Unified }

func startWorld(t *testing.T, mode bed.Mode) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "cg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{manager: &manager{dir: dir, spec: filepath.Join(dir, "goinit.yaml"), client: client{"--socket", filepath.Join(dir, "socket")}}}
	serve := built.worker + " serve " + dir
	var text strings.Builder
	text.WriteString("defaults: {on_failure: ignore, restart: {delay: 50ms}, stop: {timeout: 5s}}\napps:\n")
	app := func(name, keys string) { fmt.Fprintf(&text, "  %s: {command: %s, %s}\n", name, serve, keys) }
	app("plain", "enabled: true")
	app("other", "enabled: true")
	app("optional", "resources: {memory: 64MiB, required: false}")
	app("oom", "workers: 4, resources: {memory: 64MiB, swap: 0MiB, required: false}")
	for n := range recyclers {
		app(fmt.Sprint("recycled", n), "resources: {memory: 128MiB, swap: 0MiB, required: false}, recycle: {memory: 10%}")
	}
	app("stalled", "resources: {memory: 256MiB, memory_high: 24MiB, swap: 0MiB, required: false}, recycle: {pressure: some 50ms per 1s}")
	app("spinner", "resources: {cpus: 0.1, required: false}")
	app("huge", "resources: {hugetlb: {2MiB: 4MiB}, required: false}")
	if os.Getenv(insideVM) != "" {
		app("writer", "resources: {io: {limits: [{device: "+ramDisk+", write_bps: 1MiB}]}}")
	}
	for _, l := range limitTable(t) {
		app("limit-"+l.name, "resources: {"+l.keys+"}")
	}
	shell := func(name, script, keys string) {
		fmt.Fprintf(&text, "  %s: {shell: %q, %s}\n", name, script, keys)
	}
	shell("birth", fmt.Sprintf("(cat /proc/self/cgroup >%s/child) & cat /proc/self/cgroup >%s/parent; wait; exec %s", dir, dir, serve), "enabled: true")
	shell("bomb", "bomb() { bomb | bomb & }; bomb; while :; do sleep 1000; done", "enabled: false, logs: {console: off}, resources: {pids: 50, required: false}")
	shell("escape", w.escapees(), "enabled: false")
	w.write(t, text.String())
	w.PID1, w.groups = bed.Contain(t, mode, built.contain, built.goinit, "run", "-C", dir, "-f", w.spec, "--socket", w.client[1])
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("goinit wrote:\n%s", w.Output)
		}
	})
	bed.Wait(t, "goinit to run", func() (bool, string) {
		r := w.ask(t, "info", "-o", "json")
		return strings.Contains(r.Stdout, `"state": "running"`), r.Stdout + r.Stderr + w.Output.String()
	})
	return w
}

// tell sends a worker a line and returns its answer.
func (w *world) tell(t *testing.T, app string, slot int, line string) string {
	t.Helper()
	answer, err := w.try(app, slot, line)
	if err != nil {
		t.Fatalf("%s/%d: %s: %v", app, slot, line, err)
	}
	return answer
}

// try is tell for what may not be there.
func (w *world) try(app string, slot int, line string) (string, error) {
	c, err := net.DialTimeout("unix", filepath.Join(w.dir, app+"-"+strconv.Itoa(slot)), bed.Deadline)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(bed.Deadline))
	if _, err := fmt.Fprintln(c, line); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

// serves waits until a worker answers, and returns its pid.
func (w *world) serves(t *testing.T, app string, slot int) (pid int) {
	t.Helper()
	bed.Wait(t, fmt.Sprintf("%s/%d to answer", app, slot), func() (bool, string) {
		answer, err := w.try(app, slot, "pid")
		if err != nil {
			if r := w.ps(t, fmt.Sprintf("%s/%d", app, slot))[0]; r.LastExit != nil && r.LastExit.Reason == "start-failed" {
				t.Fatal(r)
			}
			return false, err.Error()
		}
		pid, err = strconv.Atoi(answer)
		return err == nil, answer
	})
	return pid
}

// group is the directory of a worker's group, by what its own process says.
func (w *world) group(t *testing.T, app string, slot int, controller string) string {
	t.Helper()
	w.serves(t, app, slot)
	return w.groups.Dir(controller, pathOf(t, w.tell(t, app, slot, "read /proc/self/cgroup"), controller, w.v2()))
}

// pathOf finds a group in what /proc/self/cgroup says, its lines on one.
func pathOf(t *testing.T, text, controller string, v2 bool) string {
	t.Helper()
	for _, line := range strings.Fields(text) {
		f := strings.SplitN(line, ":", 3)
		if len(f) < 3 {
			continue
		}
		for _, name := range strings.Split(f[1], ",") {
			if v2 && f[0] == "0" || !v2 && name == controller {
				return f[2]
			}
		}
	}
	t.Fatalf("no group of %s in %q", controller, text)
	return ""
}

// groupOf reports whether path is the group of a worker: of one generation of it.
func groupOf(path, app string, slot int) bool {
	return strings.Contains(path, fmt.Sprintf("/apps/%s/%d.", app, slot))
}

// usage is a row of stats -o json.
type usage struct {
	App                 string
	Slot                *int
	Source, Cgroup      string
	CPUSeconds          *float64 `json:"cpu_seconds"`
	CPUThrottledSeconds *float64 `json:"cpu_throttled_seconds"`
	MemoryBytes         *uint64  `json:"memory_bytes"`
	MemoryPeakBytes     *uint64  `json:"memory_peak_bytes"`
	MemoryLimitBytes    *uint64  `json:"memory_limit_bytes"`
	MemoryAnonBytes     *uint64  `json:"memory_anon_bytes"`
	Pids                *uint64
	OOMKills            *uint64 `json:"oom_kills"`
	IOWrittenBytes      *uint64 `json:"io_written_bytes"`
	IOPressure          *struct {
		TotalSeconds float64 `json:"total_seconds"`
	} `json:"io_pressure"`
	PidsRefused *uint64 `json:"pids_refused"`
}

func (w *world) stats(t *testing.T, target string) []usage {
	t.Helper()
	text := w.must(t, "-o", "json", "stats", target)
	var all []usage
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) == 0 {
		t.Fatalf("stats -o json: %v in %s", err, text)
	}
	return all
}

// stat is the row of a worker.
func (w *world) stat(t *testing.T, worker string) usage {
	t.Helper()
	all := w.stats(t, worker)
	if len(all) != 1 {
		t.Fatalf("%d rows for %s", len(all), worker)
	}
	return all[0]
}

func number(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

func seconds(s *float64) float64 {
	if s == nil {
		return 0
	}
	return *s
}

// file is what is in a file, on one line.
func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// The log and info say which mode there is, and what would give more.
func tellsMode(t *testing.T, w *world) {
	r := w.run(t, "info")
	t.Logf("goinit wrote:\n%s", w.Output)
	var info struct {
		Cgroups struct {
			Mode            string
			Usable          bool
			Missing, Remedy string
		}
	}
	if err := json.Unmarshal([]byte(w.must(t, "info", "-o", "json")), &info); err != nil {
		t.Fatal(err)
	}
	if info.Cgroups.Mode != string(w.groups.Mode) || info.Cgroups.Usable != w.grouped() {
		t.Errorf("info says %+v", info.Cgroups)
	}
	if !w.grouped() && (info.Cgroups.Missing == "" || info.Cgroups.Remedy == "") {
		t.Errorf("info does not say what is missing, and what would help: %s", r.Stdout)
	}
}

// A worker is in a group of its own in its first instruction, and so is what it forks there.
func birth(t *testing.T, w *world) {
	w.serves(t, "birth", 0)
	w.serves(t, "plain", 0)
	parent, child := file(t, filepath.Join(w.dir, "parent")), file(t, filepath.Join(w.dir, "child"))
	if parent != child {
		t.Errorf("its group is %q, that of its first child %q", parent, child)
	}
	now, plain := w.tell(t, "birth", 0, "read /proc/self/cgroup"), w.tell(t, "plain", 0, "read /proc/self/cgroup")
	if parent != now {
		t.Errorf("its group was %q, and is now %q", parent, now)
	}
	own := w.tell(t, "birth", 0, "read /proc/1/cgroup")
	if !w.grouped() {
		if now != own || plain != own {
			t.Errorf("without groups, workers are in %q and %q, goinit in %q", now, plain, own)
		}
		return
	}
	hierarchies := []string{"memory", "pids", "freezer"}
	if w.groups.Mode == bed.Hybrid {
		hierarchies = []string{"memory", "pids", ""} // it is frozen and killed by v2
	}
	for _, controller := range hierarchies {
		a, b, c := pathOf(t, now, controller, w.v2()), pathOf(t, plain, controller, w.v2()), pathOf(t, own, controller, w.v2())
		if !groupOf(a, "birth", 0) || !groupOf(b, "plain", 0) || strings.Contains(c, "/apps/") {
			t.Errorf("%s: birth/0 is in %q, plain/0 in %q, goinit in %q", controller, a, b, c)
		}
	}
}
