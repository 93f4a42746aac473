package set

import (
	"time"

	"goinit/spec"
)

// start tells every app whose dependencies are met, or cannot be.
func (s *Set) start(out *effects) {
	for again := true; again; {
		again = false
		for _, m := range s.Members {
			if m.Met || m.Leaving {
				continue
			}
			met, held := s.dependencies(m)
			switch {
			case met:
				m.Met, m.Held = true, ""
				out.add(Meet{App: m.Spec.Name})
			case held != m.Held:
				m.Held = held
				again = true // others may be held by this one
				if held != "" {
					out.add(Hold{App: m.Spec.Name, Dependency: held})
				}
			}
		}
	}
}

// dependencies says whether all are met, and which one cannot be.
func (s *Set) dependencies(m *Member) (met bool, held string) {
	met = true
	for _, d := range m.Spec.DependsOn {
		on := s.Member(d.App)
		if on != nil && satisfies(on, d) {
			continue
		}
		if inVain(on) {
			if !d.Required {
				continue
			}
			if held == "" {
				held = d.App
			}
		}
		met = false
	}
	return met, held
}

// satisfies: ready is the same as started until probes come.
func satisfies(on *Member, d spec.Dependency) bool {
	switch d.Condition {
	case "completed":
		return on.Summary.Completed
	case "ready":
		return on.Summary.Started
	default:
		return on.Summary.Started
	}
}

// inVain reports whether nothing will come of a dependency that is not satisfied, unless somebody steps in.
func inVain(on *Member) bool {
	return on == nil || on.Summary.Idle || on.Summary.Failed || on.Held != ""
}

// dependents are the apps that depend on one.
func (s *Set) dependents(name string) []*Member {
	var all []*Member
	for _, m := range s.Members {
		for _, d := range m.Spec.DependsOn {
			if d.App == name {
				all = append(all, m)
				break
			}
		}
	}
	return all
}

// criticalPath is the longest sum of stop timeouts from an app down to the last one that stops after it.
func (s *Set) criticalPath(m *Member) time.Duration {
	known := map[string]time.Duration{}
	var path func(*Member) time.Duration
	path = func(m *Member) time.Duration {
		if d, ok := known[m.Spec.Name]; ok {
			return d
		}
		known[m.Spec.Name] = 0 // a circle, which compile refuses, must not be a recursion without end
		longest := time.Duration(0)
		for _, d := range m.Spec.DependsOn {
			if on := s.Member(d.App); on != nil && !on.Summary.Empty {
				longest = max(longest, path(on))
			}
		}
		known[m.Spec.Name] = longest + time.Duration(m.Spec.Stop.Timeout)
		return known[m.Spec.Name]
	}
	return path(m)
}
