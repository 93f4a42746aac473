package main

import (
	"os"
	"strconv"
	"strings"
)

// census is who lives in a bed.
type census struct {
	supervisor []int       // all processes of the supervisor, not the apps nor inside
	apps       map[int]int // pids as we see them, by the number of the app
}

// count walks over /proc.
func (b *bed) count() (census, error) { return countBelow(b.cmd.Process.Pid, b.app) }

// countBelow: a process is of the bed if it is in its PID namespace, which is that of own.
func countBelow(own int, app string) (c census, err error) {
	c.apps = map[int]int{}
	namespace, err := os.Readlink(procPath(own, "ns/pid"))
	if err != nil {
		return c, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return c, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == own {
			continue
		}
		if ns, err := os.Readlink(procPath(pid, "ns/pid")); err != nil || ns != namespace {
			continue
		}
		cmdline, _ := os.ReadFile(procPath(pid, "cmdline"))
		words := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
		if number, err := strconv.Atoi(words[len(words)-1]); err == nil && words[0] == app {
			c.apps[number] = pid
		} else {
			c.supervisor = append(c.supervisor, pid)
		}
	}
	return c, nil
}

// memory is what the supervisor's processes hold together, in KiB.
func (c census) memory() (sum [quantities]float64) {
	for _, pid := range c.supervisor {
		seen, err := readMemory(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		for q, x := range seen {
			sum[q] += x
		}
	}
	return sum
}

// switches is how often the supervisor's threads were put on and off a CPU; cpu their time in ns.
func (c census) switches() (n, cpu float64) {
	for _, pid := range c.supervisor {
		n += switchesOf(pid)
		cpu += cpuOf(pid)
	}
	return n, cpu
}

// spent is the CPU time in ns of everything in the bed until now: of those that live, and of those that died and were
// waited for (that in ticks of 10 ms).
func (c census) spent() float64 {
	total := 0.0
	for _, pid := range c.apps {
		total += cpuOf(pid)
	}
	for _, pid := range c.supervisor {
		total += cpuOf(pid) + deadChildren(pid)
	}
	return total
}

// deadChildren is the CPU time in ns of the children that a process has waited for (proc_pid_stat(5): cutime, cstime).
func deadChildren(pid int) float64 {
	const tick, cutime = 1e9 / 100, 13 // USER_HZ is 100 on every architecture that matters; counted behind the name
	stat, _ := os.ReadFile(procPath(pid, "stat"))
	_, behind, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(behind)
	if len(fields) < cutime+2 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[cutime], 64)
	system, _ := strconv.ParseFloat(fields[cutime+1], 64)
	return (user + system) * tick
}
