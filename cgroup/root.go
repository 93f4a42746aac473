package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// appsDirectory and leafDirectory are what we make in our place: the groups, and where PID 1 itself goes.
const (
	appsDirectory = "apps"
	leafDirectory = "init"
)

// leafMemory is what PID 1's leaf keeps when memory is short: about what it uses.
const leafMemory = 16 << 20

// Root is our place, taken. It is safe for concurrent use.
type Root struct {
	place Place
	v2    string            // our directory in the unified tree; empty: none
	v1    map[string]string // by controller

	watcher *watcher

	mu        sync.Mutex
	available []string                   // controllers of the unified tree
	enabled   map[string]map[string]bool // by directory: those that its children have
	busy      error                      // why the unified tree gives no controllers
	made      []string                   // directories of our place that were not there
	locked    []int                      // descriptors of our place, whose lock we hold
	left      []string                   // groups that could not be removed yet
	groups    map[*Group]struct{}

	reading sync.Mutex // locked before a Group's
	buffer  []byte     // of statistics

	holding atomic.Int32 // descriptors of all groups
	mayHold int32
}

// Unavailable is why there are no groups: an error with a line of remedy.
type Unavailable struct {
	Reason, Remedy string
}

func (e *Unavailable) Error() string { return e.Reason }

// Open takes our place: whatever is in the way of controllers is moved to a leaf, if it is ours.
func Open(p Place) (*Root, error) {
	if p.State != Usable {
		return nil, &Unavailable{p.Why(), p.Remedy()}
	}
	r := &Root{place: p, v1: map[string]string{}, enabled: map[string]map[string]bool{}, groups: map[*Group]struct{}{}, buffer: make([]byte, 16<<10), mayHold: holdable()}
	if err := r.take(); err != nil {
		r.Close()
		return nil, err
	}
	w, err := newWatcher()
	if err != nil {
		r.Close()
		return nil, err
	}
	r.watcher = w
	return r, nil
}

func (r *Root) take() error {
	for name, h := range r.place.V1 {
		if h.Dir == "" || strings.HasPrefix(name, "name=") {
			continue
		}
		if err := r.makePlace(h); err != nil {
			return err
		}
		r.v1[name] = h.Dir
	}
	if h := r.place.V2; h != nil && h.Dir != "" {
		if err := r.makePlace(h); err != nil {
			return err
		}
		r.v2 = h.Dir
	}
	if r.v2 == "" && len(r.v1) == 0 {
		return &Unavailable{"there are named hierarchies of cgroup v1 only, without a controller", "mount one with controllers: mount -t cgroup -o memory none DIR"}
	}
	for _, dir := range r.tops() {
		if !r.lock(dir) {
			r.v2, r.v1 = "", nil // nothing there is ours to remove
			return &Unavailable{"another goinit has its groups in " + dir, "give this one a group of its own: GOINIT_CGROUP=/goinit-2"}
		}
	}
	if r.v2 != "" {
		r.settle()
	}
	return nil
}

// makePlace makes a place that was asked for and is not there.
func (r *Root) makePlace(h *Hierarchy) error {
	if r.place.wanted == "" {
		return nil
	}
	relative, err := filepath.Rel(h.Mount, h.Dir)
	if err != nil {
		return err
	}
	dir := h.Mount
	for part := range strings.SplitSeq(relative, "/") {
		dir = filepath.Join(dir, part)
		made, err := makeDirectory(dir)
		if err != nil {
			return fmt.Errorf("cannot make the group that GOINIT_CGROUP names: %w", err)
		}
		if made {
			r.made = append(r.made, dir)
			if slices.Contains(h.names, "cpuset") {
				_ = inheritCPUSet(filepath.Dir(dir), dir, "cpuset.cpus", "cpuset.mems") // who needs it says so
			}
		}
	}
	return nil
}

// settle frees the unified tree's place of processes, for a group that has some cannot give controllers to its children
// (cgroup-v2.rst, "No Internal Process Constraint"). On v1 there is no such rule, and so no need.
func (r *Root) settle() {
	if text, err := read(filepath.Join(r.v2, "cgroup.controllers")); err == nil {
		r.available = strings.Fields(string(text))
	}
	pids, err := readPids(filepath.Join(r.v2, "cgroup.procs"))
	if err == nil && slices.Contains(pids, os.Getpid()) {
		r.leave(pids)
	}
	// Of accounting, memory and pids are always wanted: they say who was killed, and why. All others wait until a limit asks.
	for _, controller := range []string{"memory", "pids"} {
		if err := r.enable(r.v2, controller); err != nil && r.busy == nil && slices.Contains(r.available, controller) {
			r.busy = r.why(err)
		}
	}
	if dir := filepath.Join(r.v2, leafDirectory); exists(filepath.Join(dir, "memory.min")) {
		_ = write(filepath.Join(dir, "memory.min"), strconv.Itoa(leafMemory)) // a favour to ourselves: without it we are what we were
	}
}

// leave moves us to the leaf, and with us, where we are the container's init, whoever the runtime has put beside us.
func (r *Root) leave(pids []int) {
	leaf := filepath.Join(r.v2, leafDirectory)
	made, err := makeDirectory(leaf)
	if err != nil {
		r.busy = err
		return
	}
	if made {
		r.made = append(r.made, leaf)
	}
	procs := filepath.Join(leaf, "cgroup.procs")
	if err := write(procs, strconv.Itoa(os.Getpid())); err != nil {
		r.busy = err
		return
	}
	if !r.place.pid1 || !r.place.Private {
		return
	}
	for range 8 { // whoever forks while we move is found the next time
		for _, pid := range pids {
			_ = write(procs, strconv.Itoa(pid)) // it may be gone
		}
		if pids, err = readPids(filepath.Join(r.v2, "cgroup.procs")); err != nil || len(pids) == 0 {
			return
		}
	}
}

// why explains what keeps controllers from being enabled.
func (r *Root) why(err error) error {
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	pids, _ := readPids(filepath.Join(r.v2, "cgroup.procs"))
	return &Unavailable{fmt.Sprintf("processes that are not goinit's are in its group, %s, and keep it from limiting others (pids %s)", r.v2, pidList(pids)),
		"let goinit be PID 1 of the container (no --init), or give it a group: GOINIT_CGROUP=goinit"}
}

func pidList(pids []int) string {
	const most = 5
	var all []string
	for i, pid := range pids {
		if i == most {
			all = append(all, "…")
			break
		}
		all = append(all, strconv.Itoa(pid))
	}
	return strings.Join(all, ", ")
}

// enable gives a controller to the children of dir.
func (r *Root) enable(dir, controller string) error {
	if r.enabled[dir][controller] {
		return nil
	}
	if err := write(filepath.Join(dir, "cgroup.subtree_control"), "+"+controller); err != nil {
		return err
	}
	if r.enabled[dir] == nil {
		r.enabled[dir] = map[string]bool{}
	}
	r.enabled[dir][controller] = true
	return nil
}

// on2 reports whether a controller belongs to the unified tree here.
func (r *Root) on2(controller string) bool {
	return controller == "" && r.v2 != "" || slices.Contains(r.available, controller)
}

// Describe is the place in one line: its version, where it is, and what can be limited.
func (r *Root) Describe() string {
	line := r.place.found()
	if all := r.Controllers(); len(all) > 0 {
		line += " (" + strings.Join(all, ", ") + ")"
	}
	return line
}

// Dir is our place: the directory beneath which the groups are made, in the unified tree if there is one.
func (r *Root) Dir() string { return r.place.dir() }

// Busy is why controllers cannot be used although they are there; nil if they can.
func (r *Root) Busy() error { return r.busy }

// Limit is the memory limit of our place itself, the container's; 0: none that shows.
func (r *Root) Limit() uint64 {
	path := filepath.Join(r.v2, "memory.max")
	if !r.on2("memory") {
		dir, ok := r.v1["memory"]
		if !ok {
			return 0
		}
		path = filepath.Join(dir, "memory.limit_in_bytes")
	}
	text, err := read(path)
	if n := digits(text); err == nil && n < unlimitedV1 {
		return n
	}
	return 0
}

// unlimitedV1: above this a limit of v1 is none; the kernel rounds the largest number down to a page.
const unlimitedV1 = 1 << 62

// Close removes what is ours. Groups with processes in them stay, and are the error.
func (r *Root) Close() error {
	if r.watcher != nil {
		r.watcher.close()
	}
	r.mu.Lock()
	groups := make([]*Group, 0, len(r.groups))
	for g := range r.groups {
		groups = append(groups, g)
	}
	r.mu.Unlock()
	slices.SortFunc(groups, func(a, b *Group) int { return len(b.path) - len(a.path) }) // the deepest first
	var failed error
	for _, g := range groups {
		if err := g.Remove(); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	for _, dir := range r.tops() {
		if err := removeTree(filepath.Join(dir, appsDirectory)); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	r.returnHome()
	defer r.unlock()
	for _, dir := range slices.Backward(r.made) {
		_ = unix.Rmdir(dir)
	}
	return failed
}

// tops are our directories in all hierarchies, each once.
func (r *Root) tops() (all []string) {
	if r.v2 != "" {
		all = append(all, r.v2)
	}
	for _, name := range sortedKeys(r.v1) {
		if !slices.Contains(all, r.v1[name]) {
			all = append(all, r.v1[name])
		}
	}
	return all
}

// returnHome undoes leave, so that the leaf can go. Whoever was moved there with us stays in it, and it with them.
func (r *Root) returnHome() {
	if r.v2 == "" {
		return
	}
	for _, controller := range sortedKeys(r.enabled[r.v2]) {
		_ = write(filepath.Join(r.v2, "cgroup.subtree_control"), "-"+controller)
	}
	if slices.Contains(r.made, filepath.Join(r.v2, leafDirectory)) {
		_ = write(filepath.Join(r.v2, "cgroup.procs"), strconv.Itoa(os.Getpid()))
	}
}

// Controllers are what can be limited here: the names of v2, wherever they live.
func (r *Root) Controllers() []string {
	all := slices.Clone(r.available)
	for name := range r.v1 {
		if name == "blkio" {
			name = "io"
		}
		if !strings.HasPrefix(name, "name=") && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}
