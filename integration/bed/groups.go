package bed

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Mode is what of the kernel's control groups a program sees, as in a container of its own.
type Mode string

// The modes. A machine has controllers in v1 or in v2: Modes are those that this one can show.
const (
	Unified Mode = "unified" // v2, with all controllers
	Legacy  Mode = "legacy"  // v1
	Hybrid  Mode = "hybrid"  // controllers of v1, and a tree of v2 without
	None    Mode = "none"
)

// controllers are those that tests want limits of.
var controllers = []string{"cpu", "cpuacct", "cpuset", "memory", "pids", "freezer", "blkio", "hugetlb"}

// Groups are a container's own control groups, seen from outside.
type Groups struct {
	Mode Mode
	dirs map[string]string // a controller of v1, or "" for v2 -> directory
}

// Dir is the directory of a group, by a controller's name and its path as the container sees it.
func (g *Groups) Dir(controller, path string) string {
	dir, ok := g.dirs[controller]
	if !ok {
		dir = g.dirs[""]
	}
	return filepath.Join(dir, path)
}

// Left are the groups below, of which there are none when a goinit has ended as it should.
func (g *Groups) Left() (all []string) {
	for _, dir := range g.dirs {
		filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() && path != dir {
				all = append(all, path)
			}
			return nil
		})
	}
	return all
}

// Processes are the ids of all in the group and below it, on this side.
func (g *Groups) Processes(controller, path string) (all []string) {
	filepath.WalkDir(g.Dir(controller, path), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Name() == "cgroup.procs" {
			all = append(all, strings.Fields(read(path))...)
		}
		return nil
	})
	return all
}

// tree is a mounted hierarchy, and our own place in it.
type tree struct {
	v2          bool
	controllers []string // of v1
	dir         string   // where our own group is
}

// trees finds them by /proc/self/mountinfo and our line in each (cgroups(7)).
func trees(t testing.TB) (all []tree) {
	t.Helper()
	own := map[string]string{}
	for line := range strings.Lines(read("/proc/self/cgroup")) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for _, controller := range strings.Split(f[1], ",") {
				own[controller] = f[2]
			}
		}
	}
	for line := range strings.Lines(read("/proc/self/mountinfo")) {
		before, after, _ := strings.Cut(line, " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(kind) < 3 || !strings.HasPrefix(f[4], "/sys/fs/cgroup") {
			continue
		}
		in := func(controller string) (string, bool) {
			path, ok := strings.CutPrefix(own[controller], strings.TrimSuffix(f[3], "/"))
			return filepath.Join(f[4], path), ok
		}
		switch kind[0] {
		case "cgroup2":
			if dir, ok := in(""); ok {
				all = append(all, tree{v2: true, dir: dir})
			}
		case "cgroup":
			var names []string
			for _, option := range strings.Split(kind[2], ",") {
				if slices.Contains(controllers, option) {
					names = append(names, option)
				}
			}
			if len(names) == 0 {
				continue
			}
			if dir, ok := in(names[0]); ok {
				all = append(all, tree{controllers: names, dir: dir})
			}
		}
	}
	return all
}

// Modes are those that can be shown here.
func Modes(t testing.TB) []Mode {
	t.Helper()
	unified, v2, v1 := false, false, false
	for _, tree := range trees(t) {
		v1 = v1 || slices.Contains(tree.controllers, "memory")
		if tree.v2 {
			v2 = true
			have := strings.Fields(read(filepath.Join(tree.dir, "cgroup.subtree_control")))
			unified = unified || slices.Contains(have, "memory") && slices.Contains(have, "pids")
		}
	}
	switch {
	case unified:
		return []Mode{Unified, None}
	case v1 && v2:
		return []Mode{Legacy, Hybrid, None}
	case v1:
		return []Mode{Legacy, None}
	}
	return []Mode{None}
}

// plan is what the program contain does. It has a twin there.
type plan struct {
	Groups []string
	Mounts []mount
}

type mount struct {
	Target, Type, Options string
}

// Bounds of everything in a container of the bed, should what is tested not hold it.
const (
	mostPids   = "2000"
	mostMemory = "2147483648"
)

// Contain starts a program like Namespace, as the only one in control groups of its own, in which it finds its groups as the mode has
// them. They are removed with the test. contain is the executable of package contain.
func Contain(t testing.TB, mode Mode, contain, program string, args ...string) (*PID1, *Groups) {
	t.Helper()
	Need(t, "namespace")
	if !slices.Contains(Modes(t), mode) {
		Without(t, "namespace", "control groups here cannot be shown as "+string(mode))
	}
	name := filepath.Base(t.TempDir())
	name = fmt.Sprintf("goinit-test-%d-%s-%s", os.Getpid(), mode, name)
	g := &Groups{mode, map[string]string{}}
	var p plan
	if mode != Unified {
		p.Mounts = append(p.Mounts, mount{Target: "/sys/fs/cgroup", Type: "tmpfs", Options: "mode=755"})
	}
	all := trees(t)
	for _, tree := range all {
		p.Groups = append(p.Groups, filepath.Join(tree.dir, name))
	}
	keep(t, p.Groups)
	for i, tree := range all {
		g.bound(t, tree, p.Groups[i])
		switch {
		case tree.v2 && mode == Unified:
			p.Mounts = append(p.Mounts, mount{Target: "/sys/fs/cgroup", Type: "cgroup2"})
		case tree.v2 && mode == Hybrid:
			p.Mounts = append(p.Mounts, mount{Target: "/sys/fs/cgroup/unified", Type: "cgroup2"})
		case !tree.v2 && (mode == Legacy || mode == Hybrid):
			joined := strings.Join(tree.controllers, ",")
			p.Mounts = append(p.Mounts, mount{Target: "/sys/fs/cgroup/" + joined, Type: "cgroup", Options: joined})
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	pid1 := &PID1{Output: NewOutput(), cmd: exec.Command(contain, append([]string{string(text), program}, args...)...)}
	pid1.cmd.Stdout, pid1.cmd.Stderr = pid1.Output, pid1.Output
	pid1.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := pid1.cmd.Start(); err != nil {
		Without(t, "namespace", err.Error())
	}
	t.Cleanup(func() { // ahead of the groups' removal
		if pid1.cmd.ProcessState == nil {
			pid1.cmd.Process.Kill()
			pid1.cmd.Wait()
		}
	})
	return pid1, g
}

// groupsKeeper removes groups when standard input ends, however the test does. The kernel ends the processes of a PID namespace one after the other:
// until then their groups are busy.
const groupsKeeper = `trap '' INT HUP TERM
cat >/dev/null
tries=0
for group; do
	until find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null; [ ! -d "$group" ] || [ $tries -ge 400 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
done
[ $tries -lt 400 ]`

// keep makes the directories, and starts what removes them.
func keep(t testing.TB, dirs []string) {
	t.Helper()
	keeper := exec.Command("sh", append([]string{"-c", groupsKeeper, "sh"}, dirs...)...)
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	hold, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		hold.Close()
		if err := keeper.Wait(); err != nil {
			t.Errorf("groups cannot be removed: %v of %v", err, dirs)
		}
	})
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			Without(t, "namespace", "control groups: "+err.Error())
		}
	}
}

// bound sets bounds for all that is in a container's group, and notes where it is.
func (g *Groups) bound(t testing.TB, tree tree, dir string) {
	t.Helper()
	bounds := map[string]string{"pids.max": mostPids, "memory.max": mostMemory, "memory.limit_in_bytes": mostMemory}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} { // on v1 a new group has none, and nobody may enter it
		if !tree.v2 {
			bounds[file] = strings.TrimSpace(read(filepath.Join(tree.dir, file)))
		}
	}
	for file, value := range bounds {
		path := filepath.Join(dir, file)
		if _, err := os.Stat(path); err != nil || value == "" {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, controller := range tree.controllers {
		g.dirs[controller] = dir
	}
	if tree.v2 {
		g.dirs[""] = dir
	}
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}
