package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// 10,000 restarts of workers that crash, in waves, so that PID 1 is looked at when all is quiet: memory, threads and
// descriptors are what they were after the second wave. No exit is lost, made up or taken for another: a run leaves a line
// in a file and ends with a status of its generation, which any other status would end for good as a success.
func TestRunRestarts(t *testing.T) {
	const workers, waves, restarts = 50, 10, 20 // the last two for each worker
	m := runSpec(t, fmt.Sprintf(`apps:
  crash:
    shell: echo $GOINIT_WORKER $GOINIT_GENERATION >>runs; exit $((GOINIT_GENERATION %% %d + 1))
    workers: %d
    enabled: false
    restart: {policy: on-failure, success_codes: [%s], delay: 10ms, max_delay: 10ms, max_restarts: %d, window: 1h}
    on_failure: ignore
    logs: {console: "off"}
  stays: {command: sleep 1000}
`, statuses, workers, others(), restarts))
	exits := followExits(t, m)
	var warm footprint
	for wave := 1; wave <= waves; wave++ {
		m.must(t, "start", "--no-wait", "crash")
		// Each wave is a first start and the restarts.
		generations := wave * (restarts + 1)
		m.waitRows(t, fmt.Sprintf("wave %d to have failed for good", wave), func(r row) bool {
			if ended := r.State == "failed" || r.State == "backoff"; ended && r.LastExit.Status != r.Generation%statuses+1 {
				t.Errorf("another's status: %v", r)
			}
			return r.State == "failed" && r.Generation >= generations
		}, "crash")
		if wave == 2 {
			warm = footprintOf(t, m.PID())
		}
	}
	for _, r := range m.ps(t, "crash") {
		if r.Generation != waves*(restarts+1) || r.Restarts != waves*restarts {
			t.Errorf("%v, wanted generation %d after %d restarts", r, waves*(restarts+1), waves*restarts)
		}
	}
	flat(t, m.PID(), warm)
	once := map[string]int{}
	text, err := os.ReadFile(filepath.Join(m.dir, "runs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		once[run]++
	}
	for slot := range workers {
		for generation := 1; generation <= waves*(restarts+1); generation++ {
			if run := fmt.Sprintf("crash/%d %d", slot, generation); once[run] != 1 {
				t.Errorf("%q ran %d times", run, once[run])
			}
		}
	}
	exits.check(t, workers*waves*(restarts+1))
}

// statuses are how many different exit statuses there are: 1 to statuses.
const statuses = 100

// others are all exit statuses but those.
func others() string {
	all := []string{"0"}
	for status := statuses + 1; status <= 255; status++ {
		all = append(all, strconv.Itoa(status))
	}
	return strings.Join(all, ",")
}

// exits are the events of a client that follows.
type exits struct {
	output *bed.Output
	m      *manager
}

// followExits follows the events from before the first.
func followExits(t *testing.T, m *manager) *exits {
	t.Helper()
	e := &exits{bed.NewOutput(), m}
	cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), append(append([]string{}, m.client...), "-o", "json", "events", "-f")...)
	cmd.Stdout, cmd.Stderr = e.output, e.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	e.output.Expect(t, "goinit.running") // kept from before
	return e
}

// check sees that each exit was told once, with the status that it had; or that so many events were lost on a client that
// was too slow for them, which is told as well.
func (e *exits) check(t *testing.T, total int) {
	t.Helper()
	e.m.must(t, "signal", "KILL", "stays") // the last event that matters
	e.output.Expect(t, `"SIGKILL"`)
	seen, lost := map[string]int{}, 0
	for _, line := range bytes.Split([]byte(e.output.String()), []byte("\n")) {
		var event struct {
			Type, Worker string
			Generation   int
			Data         struct {
				Lost     int
				LastExit struct{ Status int } `json:"last_exit"`
			}
		}
		if len(line) == 0 || json.Unmarshal(line, &event) != nil { // the last one may be half written
			continue
		}
		switch {
		case event.Type == "events.lost":
			lost += event.Data.Lost
		case event.Type == "worker.exited" && strings.HasPrefix(event.Worker, "crash/"):
			seen[event.Worker+" "+strconv.Itoa(event.Generation)]++
			if got, want := event.Data.LastExit.Status, event.Generation%statuses+1; got != want {
				t.Errorf("%s, generation %d: status %d, wanted %d", event.Worker, event.Generation, got, want)
			}
		}
	}
	for run, n := range seen {
		if n != 1 {
			t.Errorf("the exit of %s was told %d times", run, n)
		}
	}
	t.Logf("%d of %d exits were told to a client that follows, %d events were lost on it", len(seen), total, lost)
	if len(seen)+lost < total || len(seen) == 0 {
		t.Errorf("%d exits told and %d events lost, of %d exits", len(seen), lost, total)
	}
}

// A hundred apps that are killed at once are back, each once, again and again.
func TestRunCrashTogether(t *testing.T) {
	const apps, rounds = 100, 20
	var spec strings.Builder
	spec.WriteString("defaults: {restart: {delay: 10ms, max_delay: 50ms}}\napps:\n")
	for n := range apps {
		fmt.Fprintf(&spec, "  app%d: {command: sleep 1000}\n", n)
	}
	m := runSpec(t, spec.String())
	m.waitRows(t, "all apps to run", running)
	var warm footprint
	for round := 1; round <= rounds; round++ {
		m.must(t, "signal", "KILL", "all")
		rows := m.waitRows(t, "all apps to run again", func(r row) bool { return running(r) && r.Restarts >= round })
		for _, r := range rows {
			if r.Restarts != round || r.Generation != round+1 || r.LastExit == nil || r.LastExit.Signal == nil || *r.LastExit.Signal != "SIGKILL" {
				t.Errorf("round %d: %v", round, r)
			}
		}
		if got := children(t, m.PID()); len(rows) != apps || len(got) != apps {
			t.Errorf("round %d: %d rows, %d children of PID 1, wanted %d", round, len(rows), len(got), apps)
		}
		if round == rounds/4 {
			warm = footprintOf(t, m.PID())
		}
	}
	flat(t, m.PID(), warm)
}
