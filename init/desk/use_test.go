package desk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"goinit/control"
	"goinit/spec"
	"goinit/supervise"
)

// What the kernel counts is in the answer, what nobody knows is null, and no limit is null too.
func TestFill(t *testing.T) {
	for name, tt := range map[string]struct {
		usage      supervise.Usage
		has, lacks []string
	}{
		"cgroup": {
			supervise.Usage{Source: supervise.FromCgroup, Cgroup: "/apps/web/0", CPU: 1500 * time.Millisecond, User: time.Second, Memory: 1 << 20, MemoryLimit: 2 << 20,
				Pids: 3, MemoryPressure: supervise.Pressure{Known: true, Some: 1.5, Total: time.Second}},
			[]string{`"cpu_seconds":1.5`, `"cpu_user_seconds":1,`, `"memory_bytes":1048576`, `"memory_limit_bytes":2097152`, `"memory_swap_bytes":0`, `"pids":3`, `"oom_kills":0`,
				`"memory_pressure":{"some_percent":1.5,"full_percent":0,"total_seconds":1}`, `"cgroup":"/apps/web/0"`,
				`"pids_limit":null`, `"memory_peak_bytes":null`, `"cpu_pressure":null`}, nil,
		},
		"proc": {
			supervise.Usage{Source: supervise.FromProc, CPU: 1500 * time.Millisecond, Memory: 1 << 20, Pids: 3},
			[]string{`"source":"proc"`, `"cpu_seconds":1.5`, `"memory_bytes":1048576`, `"pids":3`, `"memory_peak_bytes":null`, `"memory_swap_bytes":null`, `"io_read_bytes":null`, `"oom_kills":null`},
			[]string{`"cgroup":`},
		},
	} {
		var out control.Stats
		(&reading{Usage: tt.usage}).fill(&out)
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.has {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %s in %s", name, want, text)
			}
		}
		for _, lack := range tt.lacks {
			if strings.Contains(string(text), lack) {
				t.Errorf("%s: %s in %s", name, lack, text)
			}
		}
	}
}

// A reading costs one allocation, whatever is in it.
func TestFillAllocates(t *testing.T) {
	u := supervise.Usage{Source: supervise.FromCgroup, MemoryPressure: supervise.Pressure{Known: true}}
	var out control.Stats
	if n := testing.AllocsPerRun(100, func() { (&reading{Usage: u}).fill(&out) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// groups is a Starter whose limits can be changed; nothing is started.
type groups struct {
	mu     sync.Mutex
	limits []spec.Resources
	refuse error
}

func (g *groups) Start(supervise.Work, supervise.Told) (supervise.Process, error) {
	return nil, syscall.ENOENT
}

func (g *groups) Update(a *spec.App) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits = append(g.limits, a.Resources)
	return g.refuse
}

func (g *groups) AppUsage(string) (supervise.Usage, error) { return supervise.Usage{}, nil }
func (g *groups) Forget(string)                            {}

func TestUpdate(t *testing.T) {
	web := spec.NewApp("web", "true")
	web.Enabled = false
	web.Resources.Memory, web.Resources.Pids = 64<<20, 100
	g := &groups{}
	s, err := supervise.New(supervise.Config{Spec: &spec.Spec{Apps: []spec.App{web}}, Starter: g})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan supervise.Outcome, 1)
	go func() { ended <- s.Run(ctx) }()
	d := New(&Desk{Supervisor: s})
	text := func(s string) *string { return &s }
	for _, tt := range []struct {
		what    string
		command control.Update
		want    string // of the resources, as JSON
		outcome string
	}{
		{"a limit", control.Update{App: "web", Limits: []control.Limit{{Name: "memory", Value: text("300MiB")}}}, `{"memory":"300MiB","pids":100}`, "updated"},
		{"the same", control.Update{App: "web", Limits: []control.Limit{{Name: "memory", Value: text("300MiB")}}}, `{"memory":"300MiB","pids":100}`, "unchanged"},
		{"none", control.Update{App: "web", Limits: []control.Limit{{Name: "memory"}, {Name: "swap", Value: text("0MiB")}}}, `{"swap":"0MiB","pids":100}`, "updated"},
		{"of all", control.Update{App: "web", Total: true, Limits: []control.Limit{{Name: "cpus", Value: text("1.5")}}}, `{"swap":"0MiB","pids":100,"total":{"cpus":1.5}}`, "updated"},
		{"of all, none", control.Update{App: "web", Total: true, Limits: []control.Limit{{Name: "cpus"}}}, `{"swap":"0MiB","pids":100}`, "updated"},
		{"wrong", control.Update{App: "web", Limits: []control.Limit{{Name: "memory", Value: text("256M")}}}, `{"swap":"0MiB","pids":100}`,
			`memory: "256M" is 256 MiB to Docker and 256 MB to Kubernetes: write 256MiB`},
		{"unknown", control.Update{App: "web", Limits: []control.Limit{{Name: "io"}}}, `{"swap":"0MiB","pids":100}`,
			`there is no limit "io" that can be changed alone; there are memory, memory_high, memory_low, swap, cpus, cpu_weight, cpuset, pids`},
	} {
		result, err := d.Do(t.Context(), tt.command)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = result.Outcomes[0].Outcome
		}
		now, _ := json.Marshal(s.Apps()[0].Resources)
		if got != tt.outcome || string(now) != tt.want {
			t.Errorf("%s: %s, %s\nwant %s, %s", tt.what, got, now, tt.outcome, tt.want)
		}
	}
	for _, tt := range []struct {
		refuse error
		name   string
	}{{errors.New("cannot limit web to 64MiB: read-only"), control.Failure}, {supervise.ErrNoGroups, control.NotAvailable}} {
		g.mu.Lock()
		g.refuse = tt.refuse
		g.mu.Unlock()
		_, err := d.Do(t.Context(), control.Update{App: "web", Limits: []control.Limit{{Name: "pids"}}})
		var told *control.Error
		if !errors.As(err, &told) || told.Name != tt.name || told.Message != tt.refuse.Error() {
			t.Errorf("%v: %#v", tt.refuse, err)
		}
		g.mu.Lock()
		if last := g.limits[len(g.limits)-1]; last.Pids != 100 {
			t.Errorf("what was refused was not put back: %+v", last)
		}
		g.mu.Unlock()
	}
	cancel()
	<-ended
}

// What a start answers that has failed.
func TestWhyDown(t *testing.T) {
	killed, code := "SIGTERM", 3
	for want, w := range map[string]supervise.Worker{
		"it is failed":             {State: "failed"},
		"no such file":             {LastExit: &supervise.LastExit{Error: "no such file", Reason: "start-failed"}},
		"it was not ready in time": {LastExit: &supervise.LastExit{Signal: &killed, Reason: "start-timeout"}},
		"it was unhealthy":         {LastExit: &supervise.LastExit{Signal: &killed, Reason: "unhealthy"}},
		"killed by SIGTERM":        {LastExit: &supervise.LastExit{Signal: &killed, Reason: "signaled"}},
		"exited with status 3":     {LastExit: &supervise.LastExit{Code: &code, Status: 3, Reason: "exited"}},
	} {
		if got := whyDown(w); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
