package cgroup

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// LimitError is a limit that could not be set.
type LimitError struct {
	What string // what the limit is, in a person's words: "a memory_high of 32MiB"
	Err  error
}

func (e *LimitError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *LimitError) Unwrap() error { return e.Err }

// ControllersOf are the controllers that settings need, by their names in v2.
func ControllersOf(settings []Setting) (names []string) {
	for _, s := range settings {
		if s.Controller != "" && !slices.Contains(names, s.Controller) {
			names = append(names, s.Controller)
		}
	}
	return names
}

// Apply makes the limits of a group be these and no others: what was set before and is not among them is taken back. It
// returns what could not be done; the rest is done. It may be called while processes run in the group.
func (g *Group) Apply(settings []Setting) (failed []*LimitError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wanted := map[string]bool{}
	var writes []applied
	for _, s := range settings {
		all, err := g.writes(s)
		if err != nil {
			failed = append(failed, &LimitError{s.What, err})
			continue
		}
		for _, a := range all {
			wanted[a.key()] = true
		}
		writes = append(writes, all...)
	}
	// A limit may be refused until another is set that it depends on: memory.limit_in_bytes never exceeds
	// memory.memsw.limit_in_bytes, and which of them comes first depends on whether they rise or fall.
	g.unsetAll(wanted, nil)
	again := g.writeAll(writes, nil)
	g.unsetAll(wanted, &failed)
	g.writeAll(again, &failed)
	g.armMemory()
	g.lately.forget()
	return failed
}

// unsetAll takes back what is not wanted any more.
func (g *Group) unsetAll(wanted map[string]bool, failed *[]*LimitError) {
	for _, key := range sortedKeys(g.applied) {
		old := g.applied[key]
		if wanted[key] {
			continue
		}
		if err := g.unset(old); err == nil {
			delete(g.applied, key)
		} else if failed != nil {
			*failed = append(*failed, &LimitError{"no longer " + old.setting.What, err})
		}
	}
}

func (a applied) key() string { return a.path + " " + a.write.Item }

// writes is where the settings go here.
func (g *Group) writes(s Setting) (all []applied, err error) {
	dir, v2, ok := g.controllerDir(s.Controller)
	if !ok {
		if dir, err = g.join(s); err != nil {
			return nil, err
		}
	}
	list, none := s.V1, s.No1
	if v2 {
		list, none = s.V2, s.No2
	}
	if len(list) == 0 {
		return nil, &Unavailable{none, leaveOut(s)}
	}
	if v2 {
		g.enableHere(s.Controller)
	}
	for _, w := range list {
		if w.Instead != nil && !exists(filepath.Join(dir, w.File)) {
			w = *w.Instead
		}
		path := filepath.Join(dir, w.File)
		if !exists(path) {
			return nil, g.missing(s, path)
		}
		all = append(all, applied{path: path, write: w, setting: s})
	}
	return all, nil
}

// enableHere sees to it that the group has a controller's files: of one that a limit asks for while the group is there.
func (g *Group) enableHere(controller string) {
	if controller == "" || g.v2 == "" {
		return
	}
	g.root.mu.Lock()
	defer g.root.mu.Unlock()
	_ = g.root.makeV2(g.path, []string{controller})
	g.absent = 0 // what was not there may be now
}

// join puts a group that is there into one more hierarchy of v1, with the processes that are in it.
func (g *Group) join(s Setting) (dir string, err error) {
	name := s.Controller
	if name == "io" {
		name = "blkio"
	}
	g.root.mu.Lock()
	_, ok := g.root.v1[name]
	if ok {
		err = g.joinV1(name)
	}
	g.root.mu.Unlock()
	if !ok {
		return "", g.missing(s, "")
	}
	if err != nil {
		return "", err
	}
	dir = g.v1[name]
	g.absent = 0
	for range 8 { // whoever forks while they move is found the next time
		moved := 0
		here, _ := readPids(filepath.Join(dir, "cgroup.procs"))
		pids, _ := readPids(filepath.Join(g.home, "cgroup.procs"))
		for _, pid := range pids {
			if !slices.Contains(here, pid) && write(filepath.Join(dir, "cgroup.procs"), strconv.Itoa(pid)) == nil {
				moved++
			}
		}
		if moved == 0 {
			break
		}
	}
	return dir, nil
}

// leaveOut is the remedy that is always left.
func leaveOut(s Setting) string {
	if s.Key == "" {
		return "leave out what needs it"
	}
	return "leave out " + s.Key
}

// missing says why a controller's files are not there.
func (g *Group) missing(s Setting, path string) error {
	r, controller := g.root, s.Controller
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy != nil && slices.Contains(r.available, controller) {
		return r.busy
	}
	if controller == "" || path != "" && (r.on2(controller) && r.enabled[filepath.Dir(filepath.Dir(path))][controller] || !r.on2(controller)) {
		return &Unavailable{"this kernel has no such limit", leaveOut(s)}
	}
	if len(r.v1) > 0 { // each controller of v1 has a hierarchy of its own: there is no place that lacks it, nor one to delegate it
		return &Unavailable{"the controller " + controller + " is not available here", leaveOut(s)}
	}
	return &Unavailable{"the controller " + controller + " is not available in " + r.v2, "have it delegated (cgroup.subtree_control of the groups above), or " + leaveOut(s)}
}

// writeAll writes, and returns what may succeed once the others are written; with failed nothing may.
func (g *Group) writeAll(all []applied, failed *[]*LimitError) (again []applied) {
	for _, a := range all {
		err := write(a.path, a.write.Value)
		switch {
		case err == nil:
			g.applied[a.key()] = a
		case failed == nil:
			again = append(again, a)
		default:
			*failed = append(*failed, &LimitError{a.setting.What, explainWrite(a, err)})
		}
	}
	return again
}

// explainWrite puts the kernel's error in words where it means something particular here.
func explainWrite(a applied, err error) error {
	file := filepath.Base(a.path)
	switch {
	case errors.Is(err, unix.EBUSY) && strings.HasPrefix(file, "memory."):
		return &Unavailable{"more than that is in use, and the kernel could not get it back", "a higher limit, or restart the app"}
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE), errors.Is(err, unix.EACCES) && strings.HasPrefix(file, "cpuset."):
		return &Unavailable{"the kernel does not take that here", "is it within what the container has?"}
	case errors.Is(err, unix.ENODEV):
		return &Unavailable{"the kernel knows no such disk", "name a whole disk, not a partition"}
	}
	return fmt.Errorf("%w", err)
}

func (g *Group) unset(a applied) error {
	value := a.write.Unset
	switch {
	case value == "":
		return &Unavailable{"it cannot be taken back while the app runs", "restart it"}
	case value == reset && filepath.Dir(a.path) != g.v2: // an empty cpuset of v1 lets nobody run
		return inheritCPUSet(filepath.Dir(filepath.Dir(a.path)), filepath.Dir(a.path), filepath.Base(a.path))
	}
	return write(a.path, value)
}
