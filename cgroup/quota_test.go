package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

// The quota that counts is the least on the way up, wherever we are in what is mounted.
func TestQuota(t *testing.T) {
	for _, c := range []struct {
		name  string
		dir   string
		files map[string]string
		cpus  float64 // 0: there is none
	}{
		{"none", "", map[string]string{"cpu.max": "max 100000\n"}, 0},
		{"no file", "", nil, 0},
		{"own", "", map[string]string{"cpu.max": "150000 100000\n"}, 1.5},
		{"above goinit's leaf", "init", map[string]string{"cpu.max": "50000 100000\n", "init/cpu.max": "max 100000\n"}, 0.5},
		{"of the pod", "kubepods/pod1/c", map[string]string{
			"kubepods/cpu.max": "800000 100000\n", "kubepods/pod1/cpu.max": "200000 100000\n", "kubepods/pod1/c/cpu.max": "300000 100000\n"}, 2},
		{"v1", "docker/c", map[string]string{
			"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n", "docker/c/cpu.cfs_quota_us": "300000\n", "docker/c/cpu.cfs_period_us": "200000\n"}, 1.5},
		{"nonsense", "", map[string]string{"cpu.max": "x 0\n"}, 0},
	} {
		mount := t.TempDir()
		if err := os.MkdirAll(filepath.Join(mount, c.dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(mount, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		h := &Hierarchy{Mount: mount, Dir: filepath.Join(mount, c.dir)}
		if cpus, ok := h.quota(); cpus != c.cpus || ok != (c.cpus > 0) {
			t.Errorf("%s: %v, %v, wanted %v", c.name, cpus, ok, c.cpus)
		}
	}
}
