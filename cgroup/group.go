package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Group is one group: a directory in each hierarchy that it uses. It is safe for concurrent use. Its lock is taken before
// the Root's.
type Group struct {
	root *Root
	path string // beneath our place
	v2   string
	v1   map[string]string // by controller
	dirs []string          // all of them, each once
	home string            // whose cgroup.procs says who is in it
	// freezer is freezer.state of v1; empty where there is none, or need not be.
	freezer string

	mu       sync.Mutex
	removed  bool
	applied  map[string]applied // by file and item
	held     held
	absent   uint32  // files that are not there, a bit each
	unread   error   // why a file could not be read
	lately   *lately // nil: not all was ever read
	peak     peak
	deaths   deaths
	watching watching
	waiting  chan struct{} // somebody waits until it is frozen; closed when it is, or when that is not wanted any more
	frozen   bool          // it is to be
}

// applied is a value that we wrote, and what takes it back.
type applied struct {
	path    string
	write   Write
	setting Setting
}

// Group makes a group beneath our place: "web", or "web/0.3" within it. controllers are those that its limits and its
// parent's need, by their names in v2; memory and pids it has anyway.
func (r *Root) Group(path string, controllers []string) (*Group, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep()
	g := &Group{root: r, path: path, v1: map[string]string{}, applied: map[string]applied{}, held: nothingHeld(), deaths: deaths{fd: -1}}
	if r.v2 != "" {
		g.v2 = filepath.Join(r.v2, appsDirectory, path)
		g.dirs = append(g.dirs, g.v2)
		if err := r.makeV2(path, controllers); err != nil {
			return nil, err
		}
	}
	for _, name := range r.neededV1(controllers) {
		if err := g.joinV1(name); err != nil {
			g.drop()
			return nil, err
		}
	}
	g.home = g.findHome()
	if dir, ok := g.v1["freezer"]; ok {
		g.freezer = filepath.Join(dir, "freezer.state")
	}
	g.openDeaths()
	r.groups[g] = struct{}{}
	return g, nil
}

// makeV2 makes the directories of a path, and gives each the controllers that the next is to have.
func (r *Root) makeV2(path string, controllers []string) error {
	dir := r.v2
	for _, part := range append([]string{appsDirectory}, strings.Split(path, "/")...) {
		for _, controller := range append([]string{"memory", "pids"}, controllers...) {
			if slices.Contains(r.available, controller) {
				_ = r.enable(dir, controller) // without it its files are not there, and who wants to write to them says so
			}
		}
		dir = filepath.Join(dir, part)
		if _, err := makeDirectory(dir); err != nil {
			return err
		}
	}
	return nil
}

// neededV1 are the hierarchies of v1 that a group has: what counts, what freezes, and what limits.
func (r *Root) neededV1(controllers []string) (names []string) {
	wanted := append([]string{"memory", "pids"}, controllers...)
	if r.v2 == "" { // the unified tree freezes, kills and counts time without a controller
		wanted = append(wanted, "freezer", "cpuacct")
	}
	for _, name := range wanted {
		if r.on2(name) {
			continue
		}
		if name == "io" {
			name = "blkio"
		}
		if _, ok := r.v1[name]; ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 && r.v2 == "" { // any hierarchy says who belongs to whom
		names = sortedKeys(r.v1)[:1]
	}
	return names
}

// joinV1 makes the group's directory in a hierarchy of v1.
func (g *Group) joinV1(name string) error {
	if _, ok := g.v1[name]; ok {
		return nil
	}
	dir := g.root.v1[name]
	for _, part := range append([]string{appsDirectory}, strings.Split(g.path, "/")...) {
		parent := dir
		dir = filepath.Join(dir, part)
		made, err := makeDirectory(dir)
		if err != nil {
			return err
		}
		if made && name == "cpuset" {
			if err := inheritCPUSet(parent, dir, "cpuset.cpus", "cpuset.mems"); err != nil {
				return err
			}
		}
	}
	g.v1[name] = dir
	if !slices.Contains(g.dirs, dir) {
		g.dirs = append(g.dirs, dir)
	}
	return nil
}

// inheritCPUSet fills what v1 leaves empty, for into a group without CPUs or memory nodes nobody can go.
func inheritCPUSet(parent, dir string, files ...string) error {
	for _, file := range files {
		text, err := read(filepath.Join(parent, file))
		if err == nil {
			err = write(filepath.Join(dir, file), string(text))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Path is where the group is: beneath our place, and so the same in every hierarchy.
func (g *Group) Path() string {
	return g.home[len(g.home)-len("/"+appsDirectory+"/")-len(g.path):]
}

func (g *Group) findHome() string {
	if g.v2 != "" {
		return g.v2
	}
	for _, name := range []string{"freezer", "pids", "memory"} {
		if dir, ok := g.v1[name]; ok {
			return dir
		}
	}
	return g.dirs[0]
}

// controllerDir is where a controller's files of this group are; v2 tells in which words.
func (g *Group) controllerDir(controller string) (dir string, v2, ok bool) {
	if g.root.on2(controller) {
		return g.v2, true, true
	}
	if controller == "io" {
		controller = "blkio"
	}
	dir, ok = g.v1[controller]
	return dir, false, ok
}

// Birth opens the files into each of which a child writes "0" to be in the group before its first instruction.
func (g *Group) Birth() (fds []int, done func(), err error) {
	done = func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	for _, dir := range g.dirs {
		file := "tasks" // it moves a thread, and the child is one
		if dir == g.v2 {
			file = "cgroup.procs"
		}
		path := filepath.Join(dir, file)
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("cannot open %s: %w", path, err)
		}
		fds = append(fds, fd)
	}
	return fds, done, nil
}

// Pids are the processes in the group. Of groups that they have made beneath it they are not.
func (g *Group) Pids() ([]int, error) { return readPids(filepath.Join(g.home, "cgroup.procs")) }

// Empty reports whether nobody is in the group or beneath it.
func (g *Group) Empty() (bool, error) {
	if g.v2 != "" {
		text, err := read(filepath.Join(g.v2, "cgroup.events"))
		n, ok := number(text, "populated")
		return ok && n == 0 || isGone(err), ignoreGone(err)
	}
	pids, err := readPids(filepath.Join(g.home, "cgroup.procs"))
	return len(pids) == 0 && ignoreGone(err) == nil, ignoreGone(err)
}

// Join makes the group have the files of these controllers too, and its processes be counted by them. For an app whose limit
// comes while it runs it is to be called for each worker: on v1 a process is in each hierarchy by itself.
func (g *Group) Join(controllers []string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, controller := range controllers {
		if _, _, ok := g.controllerDir(controller); ok {
			g.enableHere(controller)
		} else if _, err := g.join(Setting{Controller: controller}); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes the group, and closes what is held of it. One that somebody is still in is removed later, by whoever makes
// the next group or by Root.Close; that it is there is the error.
func (g *Group) Remove() error {
	g.lookPids()
	g.mu.Lock()
	if !g.removed {
		g.removed = true
		g.root.watcher.forget(g)
		g.root.holding.Add(-g.held.close())
		g.closeDeaths()
		g.endWait()
	}
	g.mu.Unlock()
	g.root.mu.Lock()
	defer g.root.mu.Unlock()
	delete(g.root.groups, g)
	return g.drop()
}

func (g *Group) drop() (failed error) {
	for _, dir := range g.dirs {
		if err := removeTree(dir); err != nil {
			failed = errors.Join(failed, err)
			g.root.left = append(g.root.left, dir)
		}
		delete(g.root.enabled, dir)
	}
	return failed
}

// sweep tries once more to remove what had somebody in it.
func (r *Root) sweep() {
	left := r.left
	r.left = nil
	for _, dir := range left {
		if removeTree(dir) != nil {
			r.left = append(r.left, dir)
		}
	}
}
