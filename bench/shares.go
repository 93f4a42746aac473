package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cpuGroup is a control group for CPU time that the bench has made.
type cpuGroup struct {
	dir  string
	home string // where those that enter come from
}

// newCPUGroup makes a group in a directory of the hierarchy for CPU time.
func newCPUGroup(in, name, home string) (*cpuGroup, error) {
	g := &cpuGroup{dir: filepath.Join(in, fmt.Sprintf("goinit-bench-%d%s", os.Getpid(), name)), home: home}
	return g, os.Mkdir(g.dir, 0o755)
}

func (g *cpuGroup) enter(pid int) error { return moveTo(g.dir, pid) }

func moveTo(dir string, pid int) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
}

// remove moves out who is to go on, and removes the group; what was killed in it may be on its way out.
func (g *cpuGroup) remove(out ...int) {
	for _, pid := range out {
		_ = moveTo(g.home, pid)
	}
	for range 100 {
		if os.Remove(g.dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// evenShares moves the bench into a control group for CPU time of its own, where there is none yet: in the root group the
// kernel gives each session a share of its own (autogroup, sched(7)), so who has a session for each worker, as goinit has,
// would get more of a busy machine than who has one for all. In a container it is one group for all anyway.
func evenShares() (note string, undo func()) {
	undo = func() {}
	enabled, err := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	if err != nil || strings.TrimSpace(string(enabled)) == "0" {
		return "", undo
	}
	root, own := cpuHierarchy()
	if root == "" || own != "/" {
		return "", undo
	}
	if group, err := newCPUGroup(root, "", root); err == nil {
		if err = group.enter(os.Getpid()); err == nil {
			return "All in one control group, so that each has the same share of the CPUs.\n\n", func() { group.remove(os.Getpid()) }
		}
		group.remove()
	}
	return "Each session has a share of the CPUs of its own here (autogroup), of which goinit has one for each worker: on a busy machine the numbers flatter it.\n\n", undo
}

// quotaGroup makes a group whose processes have no more than quota of each period: beside the bench's own, since v2 wants
// nobody in a group that has others beneath (cgroup-v2.rst, "No Internal Process Constraint").
func quotaGroup(quota, period time.Duration) (*cpuGroup, error) {
	root, own := cpuHierarchy()
	if root == "" {
		return nil, errors.New("no control groups for CPU time")
	}
	home := filepath.Join(root, own)
	in := home
	if own != "/" {
		in = filepath.Dir(home)
	}
	g, err := newCPUGroup(in, "-quota", home)
	if err != nil {
		return nil, err
	}
	q, p := strconv.FormatInt(quota.Microseconds(), 10), strconv.FormatInt(period.Microseconds(), 10)
	if _, v1 := os.Stat(filepath.Join(g.dir, "cpu.cfs_quota_us")); v1 == nil {
		err = errors.Join(os.WriteFile(filepath.Join(g.dir, "cpu.cfs_period_us"), []byte(p), 0o644), os.WriteFile(filepath.Join(g.dir, "cpu.cfs_quota_us"), []byte(q), 0o644))
	} else {
		err = os.WriteFile(filepath.Join(g.dir, "cpu.max"), []byte(q+" "+p), 0o644)
	}
	if err != nil {
		g.remove()
	}
	return g, err
}

// cpuHierarchy is the directory of the hierarchy for CPU time, and our own group in it; empty where there is none that gives
// its groups that controller.
func cpuHierarchy() (root, own string) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", ""
	}
	for line := range strings.Lines(string(text)) { // cgroups(7)
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(parts) != 3:
		case slices.Contains(strings.Split(parts[1], ","), "cpu"):
			return "/sys/fs/cgroup/" + parts[1], parts[2]
		case parts[1] == "":
			own = parts[2]
		}
	}
	const v2 = "/sys/fs/cgroup"
	given, _ := os.ReadFile(v2 + "/cgroup.subtree_control")
	if own != "" && slices.Contains(strings.Fields(string(given)), "cpu") {
		return v2, own
	}
	return "", ""
}
