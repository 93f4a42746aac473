package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Quota is how many CPUs' time our own group may use, or the group above it that may use least: cpu.max of v2, cpu.cfs_quota_us and
// cpu.cfs_period_us of v1 (Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst). It is not asked
// for at /sys/fs/cgroup alone: a container that is in the machine's cgroup namespace, as a privileged pod is, sees the whole
// machine there, and itself somewhere below. false: there is no quota, as far as can be seen.
func Quota() (cpus float64, ok bool) {
	sight, err := Here(func(string) (string, bool) { return "", false })
	if err != nil {
		return 0, false
	}
	place := Look(sight)
	for _, h := range []*Hierarchy{place.V2, place.V1["cpu"]} {
		if h == nil || h.Dir == "" {
			continue
		}
		if least, found := h.quota(); found && (!ok || least < cpus) {
			cpus, ok = least, true
		}
	}
	return cpus, ok
}

// quota is the least from our own group up to the root of what is mounted.
func (h *Hierarchy) quota() (least float64, ok bool) {
	for dir := h.Dir; ; dir = filepath.Dir(dir) {
		words := wordsIn(filepath.Join(dir, "cpu.max")) // "max 100000", or a quota and its period
		if len(words) == 0 {
			words = append(wordsIn(filepath.Join(dir, "cpu.cfs_quota_us")), wordsIn(filepath.Join(dir, "cpu.cfs_period_us"))...) // -1: none
		}
		if cpus, found := ratio(words); found && (!ok || cpus < least) {
			least, ok = cpus, true
		}
		if dir == h.Mount || len(dir) <= len(h.Mount) {
			return least, ok
		}
	}
}

func wordsIn(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(text))
}

func ratio(words []string) (float64, bool) {
	if len(words) != 2 {
		return 0, false
	}
	quota, err := strconv.ParseFloat(words[0], 64)
	period, err2 := strconv.ParseFloat(words[1], 64)
	return quota / period, err == nil && err2 == nil && quota > 0 && period > 0
}
