package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
)

// Runs that do not end, with a period of a second: with forbid the first one stays, with replace each makes room for the
// next, with allow there are as many as there may be. What a job has started is gone with its run.
func TestRunJobsOverlap(t *testing.T) {
	m := runSpec(t, `defaults: {shell: "echo $GOINIT_WORKER >>runs; sleep 1001 & sleep 1000", logs: {console: "off"}, stop: {timeout: 2s}}
apps:
  forbid: {schedule: {every: 1s}}
  replace: {schedule: {every: 1s, concurrency: replace, history: 2}}
  allow: {schedule: {every: 1s, concurrency: allow}, max_workers: 3}
`)
	m.waitRows(t, "the third replacement", func(r row) bool { return r.Generation >= 4 && r.LastExit.Reason == "replaced" }, "replace")
	bed.Wait(t, "three runs at a time", func() (bool, string) {
		all := pids(m.ps(t, "allow"))
		return len(all) == 3, m.ask(t, "ps").Stdout
	})
	bed.Wait(t, "runs to be skipped", func() (bool, string) {
		events := m.must(t, "events", "-o", "json")
		forbid, allow := strings.Count(events, "the last run is not over"), strings.Count(events, "3 runs are not over")
		return forbid > 1 && allow > 0, events
	})
	if r := m.ps(t, "forbid")[0]; r.Generation != 1 || r.State != "running" {
		t.Errorf("two runs with forbid: %v\n%s\n%s", r, m.must(t, "events"), m.Output)
	}
	if runs := m.describe(t, "replace").Runs; len(runs) != 2 || runs[0].Exit == nil || runs[0].Exit.Reason != "replaced" {
		t.Errorf("history: 2, and the last runs are %+v", runs)
	}
	if r := m.ask(t, "health"); r.Status != 0 {
		t.Errorf("not well: %s", r.Stdout)
	}
	m.must(t, "stop", "all")
	m.waitRows(t, "a slot each, stopped", func(r row) bool { return r.State == "stopped" && *r.Slot == 0 })
	if left := sleepers(t, m.PID()); left != 0 {
		t.Errorf("%d processes of runs are left", left)
	}
}

// sleepers are the children of PID 1 that are a worker's.
func sleepers(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children")
	if err != nil {
		t.Skipf("no list of children: %v", err)
	}
	return len(strings.Fields(string(text)))
}

// A nightly job: ps says when, start runs it now, describe remembers; a goinit with nothing but jobs does not end, and one
// that fails is not its end.
func TestRunJobByHand(t *testing.T) {
	m := runSpec(t, `apps:
  report: {shell: "echo done >>report; exit $(cat status)", schedule: "0 3 * * *"}
`)
	if err := os.WriteFile(filepath.Join(m.dir, "status"), []byte("0"), 0o644); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		State  string
		NextAt *time.Time `json:"next_at"`
	}
	if err := json.Unmarshal([]byte(m.must(t, "-o", "json", "ps")), &rows); err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.State != "scheduled" || r.NextAt == nil || r.NextAt.Format(time.TimeOnly) != "03:00:00" || time.Until(*r.NextAt) > 24*time.Hour {
		t.Errorf("%+v", r)
	}
	for i, status := range []int{0, 7} {
		if err := os.WriteFile(filepath.Join(m.dir, "status"), []byte(strconv.Itoa(status)), 0o644); err != nil {
			t.Fatal(err)
		}
		m.ask(t, "start", "report") // one that is over at once may be told as failed
		m.waitRows(t, "a run to be over", func(r row) bool { return r.State == "scheduled" && r.Generation == i+1 && r.LastExit.Status == status })
	}
	runs := m.describe(t, "report").Runs
	if len(runs) != 2 || runs[0].Exit.Status != 0 || runs[1].Exit.Status != 7 || runs[1].EndedAt == nil {
		t.Errorf("%+v", runs)
	}
	if r := m.run(t, "scale", "report", "2"); r.Status == 0 {
		t.Error("a job was scaled")
	}
	if r := m.run(t, "describe", "report"); !strings.Contains(r.Stdout, "schedule      0 3 * * * (UTC)") || !strings.Contains(r.Stdout, "exited 7 after") {
		t.Error("describe does not tell of the schedule and its runs")
	}
}

// described is what these tests look at of describe -o json.
type described struct {
	Runs []struct {
		Worker  string
		EndedAt *time.Time `json:"ended_at"`
		Exit    *struct {
			Status int
			Reason string
		}
	}
}

func (c client) describe(t *testing.T, app string) described {
	t.Helper()
	var all []described
	if err := json.Unmarshal([]byte(c.must(t, "-o", "json", "describe", app)), &all); err != nil || len(all) != 1 {
		t.Fatalf("describe -o json: %v, %d apps", err, len(all))
	}
	return all[0]
}
