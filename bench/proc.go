package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func procPath(pid int, rest string) string { return "/proc/" + strconv.Itoa(pid) + "/" + rest }

// cpuOf is the CPU time that the threads of a process have had, in ns (Documentation/scheduler/sched-stats.rst): what
// it waited for is not in it, neither are its children.
func cpuOf(pid int) float64 {
	total := 0.0
	for _, fields := range taskFiles(pid, "schedstat") {
		ns, _ := strconv.ParseFloat(strings.Fields(fields)[0], 64)
		total += ns
	}
	return total
}

// switchesOf is how often the threads of a process were put on and off a CPU.
func switchesOf(pid int) float64 {
	total := 0.0
	for _, status := range taskFiles(pid, "status") {
		total += field(status, "voluntary_ctxt_switches") + field(status, "nonvoluntary_ctxt_switches")
	}
	return total
}

func taskFiles(pid int, name string) []string {
	paths, _ := filepath.Glob(procPath(pid, "task/*/"+name))
	var all []string
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			all = append(all, string(b))
		}
	}
	return all
}

// field is the number behind "NAME:" in a file of /proc; 0 if there is none.
func field(text, name string) float64 {
	for line := range strings.SplitSeq(text, "\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			x, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return x
		}
	}
	return 0
}
