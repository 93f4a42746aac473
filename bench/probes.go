package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// reportProbes has goinit ask many apps each second whether they are alive. The apps sleep; who answers is the bench,
// whose time is not counted.
func reportProbes(w io.Writer, p runPlan, goinit string) error {
	fmt.Fprintf(w, "## Liveness of %d apps, by http, each second\n\ngoinit over %d s (10 without probes): CPU time and context switches of all its threads, memory (PSS) at the beginning and the end.\n\n",
		p.probedApps, p.probeSeconds)
	t := &table{head: []string{"", "probes", "CPU", "CPU µs per probe", "switches per probe", "descriptors", "memory MB, before", "after"}}
	for _, probed := range []bool{false, true} {
		if err := probeOnce(t, p, goinit, probed); err != nil {
			return err
		}
	}
	t.write(w)
	return nil
}

func probeOnce(t *table, p runPlan, goinit string, probed bool) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var answered atomic.Int64
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered.Add(1) })}
	go server.Serve(l)
	defer server.Close()
	dir, err := os.MkdirTemp("", "bench-probes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var spec strings.Builder
	spec.WriteString("apps:\n")
	for i := range p.probedApps {
		fmt.Fprintf(&spec, "  app%d:\n    command: sleep infinity\n", i)
		if probed {
			fmt.Fprintf(&spec, "    liveness: {http: \"http://%s/app%d\", period: 1s}\n", l.Addr(), i)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(spec.String()), 0o644); err != nil {
		return err
	}
	c := exec.Command(goinit, "run", "-C", dir)
	c.Env = append(environment, "GOINIT_SOCKET_DIRECTORY="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	if err := c.Start(); err != nil {
		return err
	}
	defer func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		children := len(strings.Fields(strings.Join(taskFiles(c.Process.Pid, "children"), " ")))
		if children >= p.probedApps && (!probed || answered.Load() > int64(p.probedApps)) {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d apps came up, %d probes", children, p.probedApps, answered.Load())
		}
	}
	time.Sleep(3 * time.Second) // what the boot leaves is given back
	pid := c.Process.Pid
	before, cpu, switches, probes := pssOf(pid), cpuOf(pid), switchesOf(pid), answered.Load()
	seconds := p.probeSeconds
	if !probed {
		seconds = min(seconds, 10) // nothing happens, however long one looks
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	cpu, switches, probes = cpuOf(pid)-cpu, switchesOf(pid)-switches, answered.Load()-probes
	files, _ := os.ReadDir(procPath(pid, "fd"))
	name, perCPU, perSwitch := "none", "-", "-"
	if probed {
		name, perCPU, perSwitch = "liveness", number(cpu/1e3/float64(probes), 0), number(switches/float64(probes), 1)
	}
	t.add(name, fmt.Sprint(probes), number(cpu/float64(seconds)/1e7, 2)+" %", perCPU, perSwitch, fmt.Sprint(len(files)), number(before, 1), number(pssOf(pid), 1))
	return nil
}

// pssOf is a process' memory, with its part of what it shares, in MB.
func pssOf(pid int) float64 { return memoryOf(pid, "Pss") }

// memoryOf is the sum of some lines of smaps_rollup (proc_pid_smaps(5)), in MB.
func memoryOf(pid int, names ...string) (total float64) {
	b, _ := os.ReadFile(procPath(pid, "smaps_rollup"))
	for _, name := range names {
		total += field(string(b), name)
	}
	return total * 1024 / 1e6
}
