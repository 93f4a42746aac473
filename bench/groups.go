package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// reportGroups starts the workers of one app with a cgroup for each and without, and has them read.
func reportGroups(w io.Writer, p runPlan, goinit string) error {
	fmt.Fprintf(w, "## A cgroup for each of %d workers\n\nThe workers sleep. *Start* is from goinit's own start until all are there. Memory is goinit's (PSS), and what the whole machine's kernel has more than before "+
		"(SUnreclaim, Percpu and KernelStack of meminfo: groups, but also processes; others run too). *ps* and *stats* are goinit's own CPU time for one answer about all of them: the first, then the least of %d and the median, from %v after the first on, when what nobody has changed is not read again.\n\n", p.groups, p.groupReadings, calm)
	t := &table{head: []string{"", "start ms", "start CPU ms", "goinit KiB per worker", "kernel KiB per worker", "ps CPU ms: first", "least", "median", "stats CPU ms: first", "least", "median", "stop ms"}}
	for _, grouped := range []bool{false, true} {
		if err := groupsOnce(t, p, goinit, grouped); err != nil {
			return err
		}
	}
	t.write(w)
	return nil
}

func groupsOnce(t *table, p runPlan, goinit string, grouped bool) error {
	dir, err := os.MkdirTemp("", "bench-groups-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	spec := fmt.Sprintf("apps:\n  web:\n    command: sleep infinity\n    workers: %d\n", p.groups)
	if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
		return err
	}
	name, place := "without", "off"
	if grouped {
		name, place = "with cgroups", fmt.Sprintf("/goinit-bench-%d", os.Getpid())
	}
	env := append(environment[:len(environment):len(environment)], "GOINIT_SOCKET_DIRECTORY="+dir, "GOINIT_CGROUP="+place)
	kernel := kernelMemory()
	c := exec.Command(goinit, "run", "-C", dir)
	c.Env, c.SysProcAttr = env, &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	began := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			_ = c.Process.Signal(syscall.SIGTERM)
			_ = c.Wait()
		}
	}()
	pid := c.Process.Pid
	for end := began.Add(patience); ; time.Sleep(10 * time.Millisecond) {
		children := len(strings.Fields(strings.Join(taskFiles(pid, "children"), " ")))
		if children >= p.groups {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d workers came up", children, p.groups)
		}
	}
	start, startCPU := time.Since(began), cpuOf(pid)
	time.Sleep(3 * time.Second) // what the boot leaves is given back
	memory, kernel := pssOf(pid)*1e6/1024, kernelMemory()-kernel
	cells := []string{name, number(start.Seconds()*1e3, 0), number(startCPU/1e6, 0), number(memory/float64(p.groups), 1), number(kernel/float64(p.groups), 1)}
	for _, verb := range []string{"ps", "stats"} {
		first, err := askOnce(pid, p.groups, goinit, verb, env)
		var spent []float64
		for i := 0; err == nil && i <= p.groupReadings; i++ {
			var ms float64
			if i == 0 {
				time.Sleep(calm)
			}
			if ms, err = askOnce(pid, p.groups, goinit, verb, env); i > 0 { // the one at 0 finds out that it is calm
				spent = append(spent, ms)
			}
		}
		if err != nil {
			return err
		}
		cells = append(cells, number(first, 1), number(minimum(spent), 1), number(median(spent), 1))
	}
	began, ended = time.Now(), true
	_ = c.Process.Signal(syscall.SIGTERM)
	_ = c.Wait()
	t.add(append(cells, number(time.Since(began).Seconds()*1e3, 0))...)
	return nil
}

// calm is how long it takes until goinit believes that nobody waits for anything, with some to spare (cgroup/lately.go).
const calm = 4 * time.Second

// askOnce is the CPU time of goinit for one answer, in ms.
func askOnce(pid, workers int, goinit, verb string, env []string) (float64, error) {
	before := cpuOf(pid)
	ask := exec.Command(goinit, "ctl", "-o", "json", verb)
	ask.Env = env
	out, err := ask.Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", verb, err)
	}
	if n := strings.Count(string(out), `"web/`); n < workers {
		return 0, fmt.Errorf("%s: an answer with %d workers", verb, n)
	}
	return (cpuOf(pid) - before) / 1e6, nil
}

// kernelMemory is what the machine's kernel has for itself and cannot give back, in KiB; NaN where it does not tell.
func kernelMemory() float64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return math.NaN()
	}
	text := string(b)
	return field(text, "SUnreclaim") + field(text, "Percpu") + field(text, "KernelStack")
}
