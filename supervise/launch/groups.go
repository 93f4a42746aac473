package launch

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"goinit/cgroup"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/tree"
)

// freezeTime bounds a Freeze. Only a process in uninterruptible sleep takes longer than some milliseconds.
const freezeTime = 5 * time.Second

// groups are the apps' groups and those of their workers' processes beneath: apps/web/0.3 is web/0's third process. Each
// process has a group of its own, so that a new one need not wait for an old one's, and counts from zero.
type groups struct {
	mu     sync.Mutex
	apps   map[string]*appGroup
	warned map[string]string // by app: what was said last
}

// appGroup is an app's.
type appGroup struct {
	group   *cgroup.Group
	total   []cgroup.Setting // in force
	workers map[*process]bool
}

// entered is a group that a process is about to enter.
type entered struct {
	fds  []int
	done func()
}

// enter makes a worker's group, with its limits, and has it watched. Without cgroups it does nothing, if nothing was asked for
// that needs them.
func (s *Starter) enter(w supervise.Work, p *process, told supervise.Told) (entered, error) {
	none := entered{done: func() {}}
	a := w.App
	each, total, err := bothSettings(a)
	if err != nil {
		return none, err
	}
	if s.Cgroups == nil {
		return none, s.withoutCgroups(a, each, total)
	}
	controllers := cgroup.ControllersOf(slices.Concat(each, total))
	if err := s.appGroup(a, total, controllers); err != nil {
		return none, err
	}
	name := a.Name + "/" + strconv.Itoa(w.Slot) + "." + strconv.Itoa(w.Generation)
	if w.Argv != nil {
		name += ".hook" // the worker's own may come right after it, and counts from zero
	}
	g, err := s.Cgroups.Group(name, controllers)
	if err != nil {
		return none, fmt.Errorf("cannot make a cgroup for %s: %w", a.Name, err)
	}
	p.group = g
	s.join(a.Name, p)
	err = s.limit(a, g, each)
	if err == nil {
		err = s.watch(w, p, told)
	}
	if err == nil {
		var fds []int
		var done func()
		if fds, done, err = g.Birth(); err == nil {
			return entered{fds, done}, nil
		}
	}
	s.leave(a.Name, p)
	return none, err
}

// bothSettings are the limits of each worker and of all of them.
func bothSettings(a *spec.App) (each, total []cgroup.Setting, err error) {
	if each, err = settings(a.Resources.Limits); err != nil {
		return nil, nil, fmt.Errorf("resources: %w", err)
	}
	if a.Resources.Total != nil {
		if total, err = settings(*a.Resources.Total); err != nil {
			return nil, nil, fmt.Errorf("resources.total: %w", err)
		}
		for i := range total {
			total[i].Key, total[i].What = "total."+total[i].Key, total[i].What+" in total"
		}
	}
	return each, total, nil
}

// withoutCgroups is what then is to be said: nothing, if nothing was asked for.
func (s *Starter) withoutCgroups(a *spec.App, each, total []cgroup.Setting) error {
	asked := slices.Concat(each, total)
	reason := s.NoCgroups
	if reason == nil {
		reason = supervise.ErrNoGroups
	}
	switch {
	case len(asked) > 0:
		return s.cannot(a, "limit "+a.Name+" to "+asked[0].What, reason)
	case a.Recycle.OfMemory():
		return s.cannot(a, "watch the memory of "+a.Name, reason)
	}
	return nil
}

// cannot is an error, or with required: false a warning.
func (s *Starter) cannot(a *spec.App, what string, reason error) error {
	text := "cannot " + what + ": " + reason.Error()
	remedy := "resources: {required: false}"
	var u *cgroup.Unavailable
	if errors.As(reason, &u) && u.Remedy != "" {
		remedy = u.Remedy + "; or go on without: " + remedy
	} else {
		remedy = "go on without: " + remedy
	}
	if !a.Resources.Optional {
		return errors.New(text + "\n  " + remedy)
	}
	s.groups.mu.Lock()
	if s.groups.warned == nil {
		s.groups.warned = map[string]string{}
	}
	said := s.groups.warned[a.Name] == text
	s.groups.warned[a.Name] = text
	s.groups.mu.Unlock()
	if !said && s.Warn != nil {
		if u != nil && u.Remedy != "" {
			text += "\n  " + u.Remedy
		}
		s.Warn(text)
	}
	return nil
}

// limit sets the limits of a group.
func (s *Starter) limit(a *spec.App, g *cgroup.Group, all []cgroup.Setting) (failed error) {
	for _, e := range g.Apply(all) {
		failed = errors.Join(failed, s.cannot(a, "limit "+a.Name+" to "+e.What, e.Err))
	}
	return failed
}

// appGroup sees to it that an app's group is there, with what its spec wants.
func (s *Starter) appGroup(a *spec.App, total []cgroup.Setting, controllers []string) error {
	s.groups.mu.Lock()
	if s.groups.apps == nil {
		s.groups.apps = map[string]*appGroup{}
	}
	g := s.groups.apps[a.Name]
	if g == nil {
		group, err := s.Cgroups.Group(a.Name, controllers)
		if err != nil {
			s.groups.mu.Unlock()
			return fmt.Errorf("cannot make a cgroup for %s: %w", a.Name, err)
		}
		g = &appGroup{group: group, workers: map[*process]bool{}}
		s.groups.apps[a.Name] = g
	}
	same := reflect.DeepEqual(g.total, total) // a Write may point at another: not what == compares
	s.groups.mu.Unlock()
	if same {
		return nil
	}
	if err := s.limit(a, g.group, total); err != nil {
		return err
	}
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	g.total = total
	return nil
}

// join makes an app's group know of a process that is about to be in it.
func (s *Starter) join(app string, p *process) {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	if g := s.groups.apps[app]; g != nil {
		g.workers[p] = true
	}
}

// leave gives up a process's group, with all that was in it dead.
func (s *Starter) leave(app string, p *process) {
	s.groups.mu.Lock()
	if g := s.groups.apps[app]; g != nil {
		delete(g.workers, p)
	}
	s.groups.mu.Unlock()
	if p.group != nil {
		_ = p.group.Remove() // what cannot go yet goes with the next
	}
}

// treeGroup is the group as package tree wants it: nil is nil.
func (p *process) treeGroup() tree.Group {
	if p.group == nil {
		return nil
	}
	return p.group
}

func (p *process) Freeze() error {
	if p.group == nil {
		return p.tree.Freeze()
	}
	return p.group.Freeze(freezeTime)
}

func (p *process) Thaw() error {
	if p.group == nil {
		p.tree.Thaw()
		return nil
	}
	return p.group.Thaw()
}

func (p *process) Usage() (supervise.Usage, error) {
	if p.group == nil {
		return p.procUsage()
	}
	return usage(p.group)
}

// Brief is for many workers at once. Where there are no groups a look at /proc is one for all of them.
func (p *process) Brief() (supervise.Usage, error) {
	if p.group == nil {
		return p.procUsage()
	}
	var s cgroup.Stats
	if err := p.group.Brief(&s); err != nil {
		return supervise.Usage{}, unread(err)
	}
	return supervise.Usage{Source: supervise.FromCgroup, Cgroup: p.group.Path(), CPU: s.CPU, Memory: s.Memory, MemoryPeak: s.Peak}, nil
}

// unread is why a group could not be read: it is gone, or no descriptor is to be had.
func unread(err error) error {
	if errors.Is(err, cgroup.ErrRemoved) {
		return supervise.ErrNoProcess
	}
	return err
}

func usage(g *cgroup.Group) (supervise.Usage, error) {
	var s cgroup.Stats
	if err := g.Stat(&s); err != nil {
		return supervise.Usage{}, unread(err)
	}
	return supervise.Usage{
		Source: supervise.FromCgroup, Cgroup: g.Path(), CPU: s.CPU, User: s.User, System: s.System, Throttled: s.Throttled, ThrottledPeriods: s.ThrottledPeriods,
		Memory: s.Memory, MemoryPeak: s.Peak, MemoryLimit: s.Limit, Anon: s.Anon, File: s.File, Swap: s.Swap, Kernel: s.Kernel,
		Pids: s.Pids, PidsLimit: s.PidsLimit, IORead: s.Read, IOWritten: s.Written, OOMKills: s.OOMKills, PidsRefused: s.PidsRefused,
		CPUPressure: pressure(s.Pressure[cgroup.CPUPressure]), MemoryPressure: pressure(s.Pressure[cgroup.MemoryPressure]), IOPressure: pressure(s.Pressure[cgroup.IOPressure]),
	}, nil
}

func pressure(p cgroup.Pressure) supervise.Pressure {
	return supervise.Pressure{Known: p.Known, Some: p.Some.Avg10, Full: p.Full.Avg10, Total: p.Some.Total}
}

// Update is supervise.Groups'.
func (s *Starter) Update(a *spec.App) error {
	each, total, err := bothSettings(a)
	if err != nil {
		return err
	}
	if s.Cgroups == nil {
		if err := s.withoutCgroups(a, each, total); err != nil {
			return fmt.Errorf("%w: %w", supervise.ErrNoGroups, err)
		}
		return supervise.ErrNoGroups
	}
	s.groups.mu.Lock()
	g := s.groups.apps[a.Name]
	var workers []*process
	if g != nil {
		for p := range g.workers {
			workers = append(workers, p)
		}
	}
	s.groups.mu.Unlock()
	if g == nil { // none has been started: its first one will
		return nil
	}
	controllers := cgroup.ControllersOf(slices.Concat(each, total))
	var failures complaints
	failures.add(s.limit(a, g.group, total))
	s.groups.mu.Lock()
	g.total = total
	s.groups.mu.Unlock()
	threshold := uint64(a.Recycle.Memory.Of(a.Resources.Memory))
	for _, p := range workers {
		_ = p.group.Join(controllers) // Apply says of what it is wanted for
		failures.add(s.limit(a, p.group, each))
		if err := p.group.WatchMemory(threshold); err != nil {
			failures.add(s.cannot(a, "watch the memory of "+a.Name, err))
		}
	}
	return errors.Join(failures...)
}

// complaints are what workers have in common for the most part: each text is there once.
type complaints []error

func (c *complaints) add(err error) {
	if err != nil && !slices.ContainsFunc(*c, func(known error) bool { return known.Error() == err.Error() }) {
		*c = append(*c, err)
	}
}

// AppUsage is supervise.Groups'.
func (s *Starter) AppUsage(app string) (supervise.Usage, error) {
	if s.Cgroups == nil {
		return supervise.Usage{}, supervise.ErrNoGroups
	}
	s.groups.mu.Lock()
	g := s.groups.apps[app]
	s.groups.mu.Unlock()
	if g == nil {
		return supervise.Usage{}, supervise.ErrNoProcess
	}
	return usage(g.group)
}

// Forget is supervise.Groups'. It does not wait for the kernel.
func (s *Starter) Forget(app string) {
	s.groups.mu.Lock()
	g := s.groups.apps[app]
	if g == nil || len(g.workers) > 0 {
		s.groups.mu.Unlock()
		return
	}
	delete(s.groups.apps, app)
	delete(s.groups.warned, app)
	s.groups.mu.Unlock()
	go func() { _ = g.group.Remove() }()
}

// Overcommitted says of apps that the limits of their workers add up to no less than goinit's own group has: then the
// kernel may kill goinit with them, and Kubernetes kills the whole container. Empty: they do not.
func Overcommitted(apps []spec.App, workers func(*spec.App) int, limit uint64) string {
	if limit == 0 {
		return ""
	}
	var sum spec.Size
	var parts []string
	for i := range apps {
		a := &apps[i]
		n, each := spec.Size(workers(a)), a.Resources.Memory
		all, part := n*each, fmt.Sprintf("%s %d × %v", a.Name, n, each)
		if t := a.Resources.Total; t != nil && t.Memory > 0 && (each == 0 || t.Memory < all) {
			all, part = t.Memory, fmt.Sprintf("%s %v", a.Name, t.Memory)
		}
		if all > 0 {
			sum, parts = sum+all, append(parts, part)
		}
	}
	if uint64(sum) < limit {
		return ""
	}
	const most = 6
	if len(parts) > most {
		parts = append(parts[:most], "…")
	}
	return fmt.Sprintf("the memory limits of the workers add up to %v, and the container has %v (%s)\n"+
		"  lower them: when all is used the kernel looks for a victim in the whole container", sum, spec.Size(limit), strings.Join(parts, ", "))
}
