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
		if number(u.Pids) < 2 || seconds(u.CPUSeconds) <= 0 {
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

// kills is what ps says of a worker beside what a row has.
func (w *world) kills(t *testing.T, worker string) uint64 {
	t.Helper()
	var rows []struct {
		OOMKills *uint64 `json:"oom_kills"`
	}
	if err := json.Unmarshal([]byte(w.must(t, "-o", "json", "ps", worker)), &rows); err != nil || len(rows) != 1 {
		t.Fatalf("ps %s: %v", worker, err)
	}
	return number(rows[0].OOMKills)
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
	for _, r := range w.ps(t, "oom") {
		kills := w.kills(t, *r.Worker)
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

// A worker that leaks is replaced before the kernel kills it: by its memory, or by how long it waits for some.
func recycled(t *testing.T, w *world) {
	if !w.grouped() {
		t.Skip("without groups nothing tells of a worker's memory")
	}
	for _, c := range []struct {
		app   string
		leaks int
	}{{"recycled", 20}, {"stalled", 3}} {
		t.Run(c.app, func(t *testing.T) {
			if c.app == "stalled" && !w.v2() {
				t.Skip("v1 counts no pressure for a group, and has no memory_high")
			}
			for range c.leaks {
				before := w.serves(t, c.app, 0)
				generation := w.ps(t, c.app)[0].Generation
				w.tell(t, c.app, 0, "leak")
				rows := w.waitRows(t, "the worker to be replaced", func(r row) bool {
					return r.State == "running" && r.Generation > generation
				}, c.app)
				if r := rows[0]; r.LastExit.Reason != "replaced" {
					t.Fatalf("the worker was %d, now: %v", before, r)
				}
			}
			if n := w.kills(t, c.app+"/0"); n != 0 {
				t.Errorf("%d oom kills in %d leaks", n, c.leaks)
			}
			w.run(t, "ps", c.app)
			w.must(t, "stop", c.app)
		})
	}
}
