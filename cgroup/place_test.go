package cgroup

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files")

// container is a recorded one: testdata/containers.txt has /proc/self/cgroup and the lines of /proc/self/mountinfo that
// matter of containers of Docker, podman, containerd and Kubernetes, and of machines.
type container struct{ name, command, cgroup, mountinfo string }

func recorded(t *testing.T) (all []container) {
	t.Helper()
	text, err := os.ReadFile("testdata/containers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok {
			name, command, _ := strings.Cut(strings.TrimSpace(rest), " --")
			all = append(all, container{name: name, command: strings.TrimSpace(command)})
			continue
		}
		c := &all[len(all)-1]
		if strings.Contains(line, " - ") {
			c.mountinfo += line
		} else {
			c.cgroup += line
		}
	}
	return all
}

// kernel answers as that of the recording would have.
func (c container) sight() Sight {
	host := c.name == "host-v1" || strings.HasPrefix(c.name, "vm/") || c.name == "userns-v1"
	nobody := strings.Contains(c.command, "65534") || strings.Contains(c.name, "nobody")
	s := Sight{Mountinfo: c.mountinfo, Cgroup: c.cgroup, PID1: !host && c.name != "docker20-v1/init-flag"}
	s.InitialNamespace = host || !strings.Contains(c.cgroup, "0::/\n") && !strings.Contains(c.cgroup, "0::/app\n")
	s.Writable = func(string) bool { return !nobody }
	s.Delegated = func(string) bool { return false }
	switch {
	case strings.HasPrefix(c.name, "docker"):
		s.Runtime = Docker
	case strings.HasPrefix(c.name, "podman"):
		s.Runtime = Podman
	case strings.HasPrefix(c.name, "k8s"), strings.HasPrefix(c.name, "cri"):
		s.Runtime = Kubernetes
	}
	s.Statfs = func(path string) (int64, error) {
		magic, err := int64(0), error(unix.ENOENT)
		for line := range strings.Lines(c.mountinfo) { // the last mount that covers a path is what is seen there
			before, after, _ := strings.Cut(line, " - ")
			point := strings.Fields(before)[4]
			if path == point || strings.HasPrefix(path, point+"/") {
				magic, err = map[string]int64{"tmpfs": unix.TMPFS_MAGIC, "cgroup": unix.CGROUP_SUPER_MAGIC, "cgroup2": unix.CGROUP2_SUPER_MAGIC}[strings.Fields(after)[0]], nil
			}
		}
		return magic, err
	}
	return s
}

// What is found in each recorded container: its state, its place, and what a person is told.
func TestRecordedContainers(t *testing.T) {
	all := recorded(t)
	if len(all) < 45 {
		t.Fatalf("%d containers", len(all))
	}
	var b strings.Builder
	for _, c := range all {
		p := Look(c.sight())
		line, remedy := "no cgroups: "+p.Why(), p.Remedy()
		if p.State == Usable {
			line = p.found()
		}
		fmt.Fprintf(&b, "%s\n  %s\n", c.name, line)
		if remedy != "" {
			fmt.Fprintf(&b, "  %s\n", remedy)
		}
		if p.State == Usable {
			fmt.Fprintf(&b, "  private: %v;", p.Private)
			for _, h := range p.hierarchies() {
				if h.Dir != "" {
					fmt.Fprintf(&b, " %s", h.Dir)
				}
			}
			fmt.Fprintln(&b)
		}
	}
	golden(t, "containers.golden", b.String())
}

// A place is never above our own, whatever the texts say.
func TestNoPlaceAboveOurs(t *testing.T) {
	for _, c := range recorded(t) {
		s := c.sight()
		for _, wanted := range []string{"", "goinit", "/goinit"} {
			s.Wanted = wanted
			p := Look(s)
			for _, h := range p.hierarchies() {
				if strings.Contains(h.Dir, "..") || h.Dir != "" && !strings.HasPrefix(h.Dir, h.Mount) {
					t.Errorf("%s: %s", c.name, h.Dir)
				}
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was (-update writes it):\n%s", path, got)
	}
}

func FuzzLook(f *testing.F) {
	f.Add("29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/agent\n")
	f.Add("1 2 0:3 /\\057.. /\\04 ro - cgroup c rw,cpu", "1:cpu:/..\n")
	f.Fuzz(func(t *testing.T, mountinfo, own string) {
		p := Look(Sight{Mountinfo: mountinfo, Cgroup: own, PID1: true, Writable: func(string) bool { return true },
			Delegated: func(string) bool { return false }, Statfs: func(string) (int64, error) { return unix.CGROUP2_SUPER_MAGIC, nil }})
		p.found()
		p.Why()
		p.Remedy()
	})
}
