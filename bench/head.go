package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// writeHead says what was compared, and where.
func writeHead(w io.Writer, peers []peer, missing []string, programs *programSet) {
	fmt.Fprintf(w, "# goinit and its peers\n\n%s\n\n", machine())
	t := table{head: []string{"init", "version", "file KiB"}}
	for _, p := range peers {
		size := "?"
		if info, err := os.Stat(p.path); err == nil {
			size = strconv.FormatInt(info.Size()/1024, 10)
		}
		t.add(p.name, p.version, size)
	}
	for _, name := range missing {
		t.add(name, "missing: not installed", "-")
	}
	t.write(w)
	fmt.Fprintf(w, "Programs below the inits: %s.\n\n", programs.how)
}

// machine is one line about where this runs.
func machine() string {
	return fmt.Sprintf("Linux %s, %d CPUs (%s), %s, load %s, %s",
		firstLine("/proc/sys/kernel/osrelease"), runtime.NumCPU(), cpuModel(), runtime.Version(),
		strings.Join(strings.Fields(firstLine("/proc/loadavg"))[:3], " "), time.Now().UTC().Format("2006-01-02 15:04 UTC"))
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "? ? ?"
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.SplitSeq(string(b), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
