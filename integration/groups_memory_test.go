package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"goinit/integration/bed"
)

const mib = 1 << 20

// What a worker uses, and what its app uses.
func stats(t *testing.T, w *world) {
	w.serves(t, "plain", 0)
	const held = 16
	w.tell(t, "plain", 0, fmt.Sprint("hold ", held))
	if w.grouped() {
		bed.Wait(t, "the kernel to have counted it", func() (bool, string) { // memory.stat is behind by up to 2 s
			n := number(w.stat(t, "plain/0").MemoryAnonBytes)
			return n >= held*mib, fmt.Sprint(n)
		})
	}
	w.run(t, "stats", "plain")
	source := "cgroup"
	if !w.grouped() {
		source = "proc"
	}
	all := w.stats(t, "plain")
	if len(all) != 2 || all[0].Slot != nil || all[1].Slot == nil {
		t.Fatalf("stats of an app with one worker: %d rows", len(all))
	}
	for _, u := range all {
		if u.Source != source {
			t.Errorf("the source is %q, wanted %q", u.Source, source)
		}
		if n := number(u.MemoryBytes); n < held*mib || n > 1024*mib {
			t.Errorf("it holds %d MiB and uses %d bytes", held, n)
		}
		if number(u.Pids) < 2 || u.CPUSeconds == nil || w.grouped() && *u.CPUSeconds <= 0 { // /proc counts in ticks of 10 ms
			t.Errorf("stats: %d tasks, %v s", number(u.Pids), seconds(u.CPUSeconds))
		}
		if w.grouped() && number(u.MemoryAnonBytes) < held*mib {
			t.Errorf("it holds %d MiB, of which %d bytes are anonymous", held, number(u.MemoryAnonBytes))
		}
	}
	if w.grouped() && !groupOf(all[1].Cgroup, "plain", 0) {
		t.Errorf("its group is %q", all[1].Cgroup)
	}
	if limit := number(w.stat(t, "oom/0").MemoryLimitBytes); w.grouped() && limit != 64*mib {
		t.Errorf("oom/0 is limited to %d bytes", limit)
	}
}

// kills is what ps says of workers beside what a row has.
func (w *world) kills(t *testing.T, targets ...string) map[string]uint64 {
	t.Helper()
	var rows []struct {
		Worker   string
		OOMKills *uint64 `json:"oom_kills"`
	}
	if err := json.Unmarshal([]byte(w.must(t, append([]string{"-o", "json", "ps"}, targets...)...)), &rows); err != nil || len(rows) < len(targets) {
		t.Fatalf("ps %s: %v", targets, err)
	}
	all := map[string]uint64{}
	for _, r := range rows {
		all[r.Worker] = number(r.OOMKills)
	}
	return all
}

// Of four workers one leaks: it alone is killed, by that name, counted and restarted; the others do not notice.
func outOfMemory(t *testing.T, w *world) {
	if !w.grouped() {
		t.Skip("without groups a worker's memory has no limit")
	}
	const leaking = 2
	before := map[int]int{}
	for slot := range 4 {
		before[slot] = w.serves(t, "oom", slot)
	}
	w.tell(t, "oom", leaking, "leak")
	bed.Wait(t, "the leaking worker to be killed and back", func() (bool, string) {
		for slot := range 4 {
			if slot == leaking {
				continue
			}
			if pid := w.tell(t, "oom", slot, "pid"); pid != fmt.Sprint(before[slot]) {
				t.Fatalf("oom/%d was %d and is %s", slot, before[slot], pid)
			}
		}
		r := w.ps(t, fmt.Sprint("oom/", leaking))[0]
		return r.State == "running" && r.Restarts > 0, r.String()
	})
	r := w.run(t, "ps", "oom")
	if !strings.Contains(r.Stdout, "oom-killed") {
		t.Error("ps does not say oom-killed")
	}
	all := w.kills(t, "oom")
	for _, r := range w.ps(t, "oom") {
		kills := all[*r.Worker]
		if *r.Slot != leaking {
			if *r.PID != before[*r.Slot] || r.Restarts != 0 || kills != 0 {
				t.Errorf("%v, oom kills %d: it had nothing to do with it", r, kills)
			}
			continue
		}
		if r.LastExit.Reason != "oom-killed" || r.LastExit.Signal == nil || *r.LastExit.Signal != "SIGKILL" || r.LastExit.Status != 137 || kills != 1 {
			t.Errorf("%v, oom kills %d", r, kills)
		}
	}
	w.serves(t, "oom", leaking)
	if events := w.must(t, "events", "oom"); !strings.Contains(events, "oom-killed") {
		t.Errorf("there is no event of it:\n%s", events)
	}
}

// recyclers are apps that leak at the same time: a worker is not replaced in its first second.
const recyclers = 5

// leaks is how often each leaks.
func leaks() int {
	if testing.Short() {
		return 1
	}
	return 4
}

// A worker that leaks is replaced before the kernel kills it: by its memory, or by how long it waits for some.
func recycled(t *testing.T, w *world) {
	if !w.grouped() {
		t.Skip("without groups nothing tells of a worker's memory")
	}
	t.Run("memory", func(t *testing.T) {
		var apps []string
		for n := range recyclers {
			apps = append(apps, fmt.Sprint("recycled", n))
		}
		w.leak(t, leaks(), apps...)
	})
	t.Run("pressure", func(t *testing.T) {
		if !w.v2() {
			t.Skip("v1 counts no pressure for a group, and has no memory_high")
		}
		w.leak(t, max(1, leaks()/2), "stalled")
	})
}

// leak lets the worker of each app leak so often, and expects it to be replaced each time, and never killed.
func (w *world) leak(t *testing.T, times int, apps ...string) {
	t.Helper()
	for range times {
		before := map[string]int{}
		for _, app := range apps {
			w.serves(t, app, 0)
		}
		for _, r := range w.ps(t, apps...) {
			before[r.App] = r.Generation
		}
		for _, app := range apps {
			w.tell(t, app, 0, "leak")
		}
		for _, r := range w.waitRows(t, "the workers to be replaced", func(r row) bool {
			return r.State == "running" && r.Generation > before[r.App]
		}, apps...) {
			if r.LastExit.Reason != "replaced" {
				t.Errorf("%v", r)
			}
		}
	}
	w.run(t, append([]string{"ps"}, apps...)...)
	for worker, n := range w.kills(t, apps...) {
		if n != 0 {
			t.Errorf("%s: %d oom kills in %d leaks", worker, n, times)
		}
	}
	w.must(t, append([]string{"stop"}, apps...)...)
}
