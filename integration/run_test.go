package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// manager is a goinit in run mode: PID 1 of a namespace, with its spec and its socket in a directory of the test's.
type manager struct {
	*bed.PID1
	dir  string
	spec string
	client
}

// runSpec starts one, and waits until it runs.
func runSpec(t *testing.T, spec string) *manager {
	t.Helper()
	m := bootSpec(t, spec)
	bed.Wait(t, "goinit to run", func() (bool, string) {
		r := m.ask(t, "info", "-o", "json")
		return strings.Contains(r.Stdout, `"state": "running"`), r.Stdout + r.Stderr + m.Output.String()
	})
	return m
}

// bootSpec starts one, and waits until it can be asked: not all apps need come up.
func bootSpec(t *testing.T, spec string) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "run-") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &manager{dir: dir, spec: filepath.Join(dir, "goinit.yaml"), client: client{"--socket", filepath.Join(dir, "socket")}}
	m.write(t, spec)
	m.PID1 = bed.Namespace(t, built.goinit, "run", "-C", dir, "-f", m.spec, "--socket", m.client[1])
	bed.Wait(t, "goinit to answer", func() (bool, string) {
		r := m.ask(t, "info")
		return r.Status == 0, r.Stdout + r.Stderr + m.Output.String()
	})
	return m
}

// write is what an editor does: the file is never half of a spec.
func (m *manager) write(t *testing.T, spec string) {
	t.Helper()
	if err := os.WriteFile(m.spec+".new", []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(m.spec+".new", m.spec); err != nil {
		t.Fatal(err)
	}
}

// client is goinitctl with the flags that say which goinit is asked.
type client []string

// ask runs a verb, without a log: for what is asked again and again.
func (c client) ask(t *testing.T, args ...string) bed.Result {
	t.Helper()
	cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), append(append([]string{}, c...), args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return bed.Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode()}
}

// run runs a verb and logs it as a person would see it.
func (c client) run(t *testing.T, args ...string) bed.Result {
	t.Helper()
	r := c.ask(t, args...)
	t.Logf("$ goinit ctl %s\n%s%s[status %d]", strings.Join(args, " "), r.Stdout, r.Stderr, r.Status)
	return r
}

// must is ask for what has to succeed.
func (c client) must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.ask(t, args...)
	if r.Status != 0 {
		t.Fatalf("goinit ctl %s: status %d\n%s%s", strings.Join(args, " "), r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// row is what ps -o json says of a worker: what scripts may rely on.
type row struct {
	Instance   string
	App        string
	Slot       *int
	Worker     *string
	PID        *int
	State      string
	Ready      bool
	Generation int
	Restarts   int
	Message    string
	LastExit   *struct {
		Code   *int
		Signal *string
		Status int
		Reason string
	} `json:"last_exit"`
}

func (r row) String() string {
	name, pid, exit := r.App, "-", "-"
	if r.Worker != nil {
		name = *r.Worker
	}
	if r.PID != nil {
		pid = strconv.Itoa(*r.PID)
	}
	if r.LastExit != nil {
		exit = fmt.Sprint(r.LastExit.Reason, " ", r.LastExit.Status)
	}
	return fmt.Sprintf("%s %s pid %s generation %d restarts %d last exit %s", name, r.State, pid, r.Generation, r.Restarts, exit)
}

// ps lists the workers.
func (c client) ps(t *testing.T, targets ...string) []row {
	t.Helper()
	return rowsOf(t, c.must(t, append([]string{"-o", "json", "ps"}, targets...)...))
}

func rowsOf(t *testing.T, text string) (all []row) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("ps -o json: %v in %s", err, text)
	}
	return all
}

// pids are those of the workers that have one.
func pids(rows []row) map[string]int {
	all := map[string]int{}
	for _, r := range rows {
		if r.PID != nil {
			all[*r.Worker] = *r.PID
		}
	}
	return all
}

// waitRows waits until every worker is as wanted.
func (c client) waitRows(t *testing.T, what string, is func(row) bool, targets ...string) (rows []row) {
	t.Helper()
	bed.Wait(t, what, func() (bool, string) {
		rows = c.ps(t, targets...)
		for _, r := range rows {
			if !is(r) {
				return false, r.String()
			}
		}
		return true, ""
	})
	return rows
}

// footprint is what must not grow in PID 1.
type footprint struct{ rss, threads, descriptors int } // rss in KiB

func footprintOf(t *testing.T, pid int) (f footprint) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	f.rss, f.threads = statusField(t, string(status), "VmRSS"), statusField(t, string(status), "Threads")
	open, err := os.ReadDir(proc + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	f.descriptors = len(open)
	return f
}

// statusField is a number of proc_pid_status(5).
func statusField(t *testing.T, status, name string) int {
	t.Helper()
	_, rest, _ := strings.Cut("\n"+status, "\n"+name+":")
	words := strings.Fields(rest)
	if len(words) == 0 {
		t.Fatalf("no %s in\n%s", name, status)
	}
	n, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (f footprint) String() string {
	return fmt.Sprintf("%d KiB, %d threads, %d descriptors", f.rss, f.threads, f.descriptors)
}

// rssGrowth is what a Go heap that does not grow may differ by between two looks: the pages that are free for the
// collector, which the kernel has not got back. Of each of 8,000 restarts it would be 260 bytes.
const rssGrowth = 2 << 10 // KiB

// threadGrowth is how many threads the runtime may make after the boot: one for each system call more that blocks at the same time.
const threadGrowth = 2

// flat waits until the footprint is again what it was when warm: what is left of the last deaths is being tidied away.
func flat(t *testing.T, pid int, warm footprint) {
	t.Helper()
	var now footprint
	bed.Wait(t, "the footprint of PID 1 to be "+warm.String(), func() (bool, string) {
		now = footprintOf(t, pid)
		return now.rss <= warm.rss+rssGrowth && now.threads <= warm.threads+threadGrowth && now.descriptors <= warm.descriptors, now.String()
	})
	t.Logf("PID 1: %v when warm, %v at the end", warm, now)
}
