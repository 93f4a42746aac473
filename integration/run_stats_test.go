package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// runWithoutCgroups is runSpec where nothing is mounted at /sys/fs/cgroup but an empty directory.
func runWithoutCgroups(t *testing.T, spec string) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &manager{dir: dir, spec: filepath.Join(dir, "goinit.yaml"), client: client{"--socket", filepath.Join(dir, "socket")}}
	m.write(t, spec)
	const hide = `mount -t tmpfs -o ro none /sys/fs/cgroup && exec "$@"`
	m.PID1 = bed.Namespace(t, "/bin/sh", "-c", hide, "sh", built.goinit, "run", "-C", dir, "-f", m.spec, "--socket", m.client[1])
	bed.Wait(t, "goinit to run", func() (bool, string) {
		r := m.ask(t, "info", "-o", "json")
		return strings.Contains(r.Stdout, `"state": "running"`), r.Stdout + r.Stderr + m.Output.String()
	})
	return m
}

// use is what stats -o json says of a worker or an app.
type use struct {
	App    string
	Worker *string
	Source string
	CPU    *float64 `json:"cpu_seconds"`
	Memory *int64   `json:"memory_bytes"`
	Limit  *int64   `json:"memory_limit_bytes"`
	Pids   *int64
}

func (c client) stats(t *testing.T, targets ...string) (all []use) {
	t.Helper()
	text := c.must(t, append([]string{"-o", "json", "stats"}, targets...)...)
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("stats -o json: %v in %s", err, text)
	}
	return all
}

// Without cgroups, statistics come from /proc and say so, a worker is paused by signals, and a limit cannot be changed.
func TestStatsAndPauseWithoutCgroups(t *testing.T) {
	m := runWithoutCgroups(t, `apps:
  busy: {shell: "setsid sh -c 'while :; do :; done' & while :; do :; done"}
  idle: {command: sleep 1000, workers: 2}
`)
	bed.Wait(t, "the CPU time of the whole tree to be counted", func() (bool, string) {
		all := m.stats(t, "busy/0")
		return len(all) == 1 && *all[0].CPU > 0.1 && *all[0].Pids == 2, m.run(t, "stats").Stdout
	})
	all := m.stats(t)
	if len(all) != 5 { // busy, busy/0, idle, idle/0, idle/1
		t.Fatalf("%+v", all)
	}
	for _, u := range all {
		if u.Source != "proc" || u.Memory == nil || *u.Memory == 0 || u.Limit != nil {
			t.Errorf("%+v", u)
		}
	}
	if r := m.run(t, "stats"); !strings.Contains(r.Stdout, "from /proc") || !strings.Contains(r.Stdout, "idle/1") {
		t.Error(r.Stdout)
	}
	if text := m.must(t, "ps", "-o", "json", "idle"); strings.Contains(text, "memory_bytes") {
		t.Errorf("ps measures without cgroups: %s", text)
	}

	before := pids(m.ps(t))
	if r := m.run(t, "pause", "busy"); r.Status != 0 || !strings.Contains(r.Stdout, "busy/0  paused") {
		t.Error(r)
	}
	still := *m.stats(t, "busy/0")[0].CPU
	if rows := m.ps(t, "busy"); rows[0].State != "paused" || rows[0].Ready {
		t.Errorf("%v", rows)
	}
	m.run(t, "stats") // takes half a second
	if now := *m.stats(t, "busy/0")[0].CPU; now != still {
		t.Errorf("it used %.2f s while it was paused", now-still)
	}
	if r := m.run(t, "resume", "busy"); r.Status != 0 || !strings.Contains(r.Stdout, "busy/0  resumed") {
		t.Error(r)
	}
	bed.Wait(t, "it to go on", func() (bool, string) { return *m.stats(t, "busy/0")[0].CPU > still, "" })
	if after := pids(m.ps(t)); after["busy/0"] != before["busy/0"] {
		t.Errorf("%v, before %v", after, before)
	}

	if r := m.run(t, "update", "idle", "--memory", "64MiB"); r.Status != 1 || !strings.Contains(r.Stderr, "no cgroups") {
		t.Error(r)
	}
	if r := m.run(t, "info"); !strings.Contains(r.Stdout, "cgroups      none") && !strings.Contains(r.Stdout, "cgroups    none") {
		t.Error(r.Stdout)
	}
	m.run(t, "pause", "all")
	if r := m.run(t, "stop", "all"); r.Status != 0 {
		t.Error(r)
	}
	if r := m.run(t, "pause", "idle"); r.Status != 1 || !strings.Contains(r.Stderr, "only what runs can be paused") {
		t.Error(r)
	}
}
