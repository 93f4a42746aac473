package launch

import (
	"strings"

	"goinit/cgroup"
	"goinit/reaper"
	"goinit/supervise"
	"goinit/supervise/tree"
)

// Beside runs a program beside a living worker: as its user, in its directory, environment and group. Its cookie is its own, so
// that what it has started is found, and is not taken for the worker's.
func (s *Starter) Beside(w supervise.Work, argv, environment []string, told supervise.Told) (supervise.Process, error) {
	w.Argv = argv
	w.Given.Environment = append(w.Given.Environment[:len(w.Given.Environment):len(w.Given.Environment)], environment...)
	c, err := s.Command(w)
	if err != nil {
		return nil, err
	}
	boot := s.Trees.BesideBoot()
	c.Env = with(c.Env, tree.BootVariable, boot)
	c.Files = withFiles([]int{s.Stdin, s.Stdin, s.Stdin}, w.Given.Files)
	var within tree.Place
	if group := s.groupOf(w); group != nil { // who is in it dies with the worker, at the latest
		fds, done, err := group.Birth()
		if err != nil {
			return nil, err
		}
		defer done()
		c.Cgroups, within = fds, group
	}
	p := &process{}
	c.Notify = func(e reaper.Event) {
		if e.Kind == reaper.Exited {
			p.exited(e.Status, told.Exited)
		}
	}
	main, err := s.Reaper.Start(c)
	if err != nil {
		return nil, err
	}
	p.begin(main, s.Trees.AddBeside(tree.Worker(w.App.Name, w.Slot), w.Generation, boot, main.PID(), within, told.TreeGone), told.Exited)
	return p, nil
}

// groupOf is the group of a worker's process; nil: it has none, or has gone.
func (s *Starter) groupOf(w supervise.Work) *cgroup.Group {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	if g := s.groups.apps[w.App.Name]; g != nil {
		for p := range g.workers {
			if p.group != nil && p.slot == w.Slot && p.generation == w.Generation {
				return p.group
			}
		}
	}
	return nil
}

// Grouped are the processes in the group of a worker's process: also those that have left its session and lost their parents,
// and what runs beside it. Without groups there are none.
func (s *Starter) Grouped(w supervise.Work) []int {
	group := s.groupOf(w)
	if group == nil {
		return nil
	}
	pids, err := group.Pids()
	if err != nil {
		return nil
	}
	return pids
}

// with gives a variable that is there another value, in its place.
func with(env []string, name, value string) []string {
	for i, kv := range env {
		if strings.HasPrefix(kv, name+"=") {
			env[i] = name + "=" + value
		}
	}
	return env
}
