package top

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Machine is what there is to be used: by the container, where it has limits of its own, else by the machine.
type Machine struct {
	CPUs         float64 // how many may be used
	Memory, Used float64 // bytes; NaN: not known
	Container    bool    // Memory is a limit of the container's
	Load         string  // of the machine: the averages of 1, 5 and 15 minutes
	busy, all    float64 // ticks of all CPUs so far (proc_stat(5))
	Busy         float64 // percent of all CPUs of the machine since the reading before; NaN: not known
}

// readMachine reads it from the files below root. Of CPU time it makes a share with the reading before.
func readMachine(root string, before Machine) Machine {
	m := Machine{CPUs: float64(runtime.NumCPU()), Memory: math.NaN(), Used: math.NaN(), Busy: math.NaN()}
	if f := strings.Fields(text(root, "proc/loadavg")); len(f) > 2 {
		m.Load = strings.Join(f[:3], " ")
	}
	m.meminfo(text(root, "proc/meminfo"))
	m.stat(text(root, "proc/stat"), before)
	m.limits(root)
	return m
}

func text(root, name string) string {
	b, _ := os.ReadFile(filepath.Join(root, name))
	return strings.TrimSpace(string(b))
}

func (m *Machine) meminfo(text string) {
	of := make(map[string]float64)
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 {
			kib, _ := strconv.ParseFloat(f[1], 64)
			of[f[0]] = kib * 1024
		}
	}
	if total, ok := of["MemTotal:"]; ok {
		m.Memory, m.Used = total, total-of["MemAvailable:"]
	}
}

// stat reads the first line: user, nice, system, idle, iowait, and what else there is (proc_stat(5)).
func (m *Machine) stat(text string, before Machine) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 6 || f[0] != "cpu" {
		return
	}
	for i, word := range f[1:min(len(f), 9)] { // guests' time is in user already
		n, _ := strconv.ParseFloat(word, 64)
		m.all += n
		if i != 3 && i != 4 {
			m.busy += n
		}
	}
	if passed := m.all - before.all; before.all > 0 && passed > 0 {
		m.Busy = max(0, 100*(m.busy-before.busy)/passed)
	}
}

// limits are those of the control group at the root of what we see (cgroups(7)): in a container its own. The machine's root
// group has no such files.
func (m *Machine) limits(root string) {
	const group = "sys/fs/cgroup/"
	for _, files := range [][2]string{{"memory.max", "memory.current"}, {"memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"}} {
		limit, err := strconv.ParseFloat(text(root, group+files[0]), 64)
		if err != nil || limit <= 0 || !math.IsNaN(m.Memory) && limit >= m.Memory {
			continue
		}
		m.Memory, m.Container, m.Used = limit, true, math.NaN()
		if used, err := strconv.ParseFloat(text(root, group+files[1]), 64); err == nil {
			m.Used = used
		}
	}
	quota, period, _ := strings.Cut(text(root, group+"cpu.max"), " ")
	if quota == "" {
		quota, period = text(root, group+"cpu/cpu.cfs_quota_us"), text(root, group+"cpu/cpu.cfs_period_us")
	}
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 == nil && err2 == nil && q > 0 && p > 0 {
		m.CPUs = min(m.CPUs, q/p)
	}
}
