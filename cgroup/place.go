package cgroup

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	"golang.org/x/sys/unix"
)

// Sight is what is known of the kernel's cgroups here: texts and answers, so that recorded ones do as well.
type Sight struct {
	Mountinfo string // /proc/self/mountinfo
	Cgroup    string // /proc/self/cgroup
	// Statfs is the type of the filesystem at a path (statfs(2)): what is mounted there may be hidden by another mount.
	Statfs func(path string) (magic int64, err error)
	// Writable reports whether we may make directories in dir (access(2)). It is never tried out: on v1 /sys/fs/cgroup itself
	// is a writable tmpfs in every container.
	Writable func(dir string) bool
	// Delegated reports whether a directory was given to us: its owner is us and not root, or systemd has marked it.
	Delegated func(dir string) bool

	PID1 bool // we are PID 1
	// InitialNamespace is whether our cgroup namespace is the machine's own (cgroup_namespaces(7)).
	InitialNamespace bool
	Runtime          Runtime
	// Wanted is the group that goinit is told to use instead of its own: a path from the top of each hierarchy if it begins
	// with a slash, else one beneath our own. Empty: our own.
	Wanted string
}

// State is whether there can be groups.
type State int

// States of a Place.
const (
	Usable State = iota
	Absent
	ReadOnly
	Denied      // the files are another user's
	Unreachable // what is mounted does not hold our own group: its root is above our namespace
	Undelegated // outside a container, and nobody said that it is ours
)

// Hierarchy is a mounted tree of groups.
type Hierarchy struct {
	Mount    string // where
	Dir      string // our own place in it; empty: not in what is mounted
	ReadOnly bool
	names    []string // v1: its controllers
	top      bool     // Dir is the root of what is mounted, and of our namespace
	only     bool     // what is mounted is ours and what is beneath, of all namespaces' trees
}

// Place is what there is.
type Place struct {
	Mode  cgroups.CGMode
	State State
	// V2 is the unified tree, V1 the tree of each controller; a named one is "name=…". Both at once: hybrid.
	V2 *Hierarchy
	V1 map[string]*Hierarchy
	// Private is whether our place is the root of a cgroup namespace of our own: nobody but us and ours is in it.
	Private bool

	runtime Runtime
	blame   string // the path that State is about
	pid1    bool
	wanted  string
}

// Look finds our own place: by mountinfo and our own line in each hierarchy, believed only where statfs agrees.
func Look(s Sight) Place {
	p := Place{V1: map[string]*Hierarchy{}, runtime: s.Runtime, pid1: s.PID1, wanted: s.Wanted}
	v1, v2, err := cgroups.ParseCgroupFromReaderUnified(strings.NewReader(s.Cgroup))
	if err != nil {
		v1, v2 = nil, ""
	}
	for _, m := range parseMountinfo(s.Mountinfo) {
		magic, err := s.Statfs(m.point)
		switch {
		case err != nil:
		case m.v2 && magic == unix.CGROUP2_SUPER_MAGIC && v2 != "":
			p.V2 = better(p.V2, m.hierarchy(v2, s))
		case !m.v2 && magic == unix.CGROUP_SUPER_MAGIC:
			for controller, path := range v1 {
				if slices.Contains(m.options, controller) {
					h := m.hierarchy(path, s)
					h.names = []string{controller}
					p.V1[controller] = better(p.V1[controller], h)
				}
			}
		}
	}
	switch {
	case p.V2 != nil && len(p.V1) > 0:
		p.Mode = cgroups.Hybrid
	case p.V2 != nil:
		p.Mode = cgroups.Unified
	case len(p.V1) > 0:
		p.Mode = cgroups.Legacy
	}
	p.Private = !s.InitialNamespace && p.atTop()
	p.judge(s)
	return p
}

// hierarchy finds own, a path as /proc/self/cgroup has it, in what is mounted. Both paths are seen from our namespace, so one
// that begins with /.. is above it, and what is mounted is not where own would be looked for.
func (m mount) hierarchy(own string, s Sight) *Hierarchy {
	h := &Hierarchy{Mount: m.point, ReadOnly: m.readOnly}
	if above(m.root) || above(own) {
		return h
	}
	if strings.HasPrefix(s.Wanted, "/") {
		h.Dir = filepath.Join(m.point, s.Wanted)
		return h
	}
	rest, ok := strings.CutPrefix(own, strings.TrimSuffix(m.root, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return h
	}
	rest = strings.TrimSuffix(rest, "/") // of a root that is our own
	h.top = own == "/" && s.Wanted == ""
	h.only = rest == "" && (m.root != "/" || !s.InitialNamespace)
	h.Dir = filepath.Join(m.point, rest, s.Wanted)
	return h
}

func above(path string) bool { return path == "/.." || strings.HasPrefix(path, "/../") }

// better is the one of two mounts of a hierarchy that is of more use.
func better(a, b *Hierarchy) *Hierarchy {
	if a == nil || a.Dir == "" && b.Dir != "" || a.ReadOnly && !b.ReadOnly && b.Dir != "" {
		return b
	}
	return a
}

// atTop reports whether our own group is the root of its namespace in every hierarchy.
func (p *Place) atTop() bool {
	for _, h := range p.hierarchies() {
		if !h.top {
			return false
		}
	}
	return p.Mode != cgroups.Unavailable
}

// hierarchies are all there are, the unified one first, then by the names of controllers.
func (p *Place) hierarchies() (all []*Hierarchy) {
	if p.V2 != nil {
		all = append(all, p.V2)
	}
	for _, name := range sortedKeys(p.V1) {
		all = append(all, p.V1[name])
	}
	return all
}

// judge finds the state, and drops the hierarchies that cannot be used beside those that can.
func (p *Place) judge(s Sight) {
	if p.Mode == cgroups.Unavailable {
		p.State = Absent
		return
	}
	usable, state := 0, Unreachable
	p.blame = p.hierarchies()[0].Mount
	worse := func(h *Hierarchy, s State, dir string) {
		if state == Unreachable {
			state, p.blame = s, dir
		}
		h.Dir = ""
	}
	for _, h := range p.hierarchies() {
		switch {
		case h.Dir == "":
		case h.ReadOnly:
			worse(h, ReadOnly, h.Mount)
		case !p.ours(s, h):
			worse(h, Undelegated, h.Dir)
		case !s.Writable(h.existing(s)):
			worse(h, Denied, h.Dir)
		default:
			usable++
		}
	}
	if usable == 0 {
		p.State = state
	}
}

// ours reports whether a directory may be used: within a container everything that is writable was given to it.
func (p *Place) ours(s Sight, h *Hierarchy) bool {
	return s.PID1 || s.Wanted != "" || !s.InitialNamespace || s.Delegated(h.Dir)
}

// existing is the directory that is there already: what is wanted may have to be made.
func (h *Hierarchy) existing(s Sight) string {
	dir := h.Dir
	for s.Wanted != "" && len(dir) > len(h.Mount) {
		if _, err := s.Statfs(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}
