package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// evenShares moves the bench into a control group for CPU time of its own, where there is none yet: in the root group the
// kernel gives each session a share of its own (autogroup, sched(7)), so who has a session for each worker, as goinit has,
// would get more of a busy machine than who has one for all. In a container it is one group for all anyway.
func evenShares() (note string, undo func()) {
	undo = func() {}
	enabled, err := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	if err != nil || strings.TrimSpace(string(enabled)) == "0" {
		return "", undo
	}
	root := rootGroup()
	if root == "" {
		return "", undo
	}
	group := filepath.Join(root, fmt.Sprintf("goinit-bench-%d", os.Getpid()))
	move := func(to string) error {
		return os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(fmt.Sprint(os.Getpid())), 0o644)
	}
	if err := os.Mkdir(group, 0o755); err == nil {
		if err = move(group); err == nil {
			return "All in one control group, so that each has the same share of the CPUs.\n\n", func() {
				_ = move(root)
				for range 100 { // what was killed is on its way out
					if os.Remove(group) == nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		}
		_ = os.Remove(group)
	}
	return "Each session has a share of the CPUs of its own here (autogroup), of which goinit has one for each worker: on a busy machine the numbers flatter it.\n\n", undo
}

// rootGroup is the directory of the root group for CPU time, if that is ours; else empty.
func rootGroup() string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) { // cgroups(7)
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), "cpu") {
			if parts[2] != "/" {
				return ""
			}
			return "/sys/fs/cgroup/" + parts[1]
		}
	}
	const v2 = "/sys/fs/cgroup"
	given, _ := os.ReadFile(v2 + "/cgroup.subtree_control")
	if strings.TrimSpace(string(text)) == "0::/" && slices.Contains(strings.Fields(string(given)), "cpu") {
		return v2
	}
	return ""
}
