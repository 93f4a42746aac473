package set

import (
	"slices"
	"time"

	"goinit/spec"
)

// Wait is a dependency that is not met.
type Wait struct {
	App, Condition string
	InVain         bool // nothing will come of it, unless somebody steps in
}

// start tells every app whose dependencies are met, or cannot be.
func (s *Set) start(out *effects) {
	fresh := false
	for again := true; again; {
		again = false
		for _, m := range s.Members {
			if m.Met || m.Leaving {
				continue
			}
			s.waits = s.dependencies(m, s.waits[:0])
			if !slices.Equal(s.waits, m.Waits) {
				m.Waits = slices.Clone(s.waits)
				s.WaitsChanged++
			}
			held := heldBy(m.Waits)
			switch {
			case len(m.Waits) == 0:
				m.Met, m.Held = true, ""
				s.meet(m)
				out.add(Meet{App: m.Spec.Name})
			case held != m.Held:
				m.Held = held
				again = true // others may be held by this one
				if held != "" {
					fresh = true
					out.add(Hold{App: m.Spec.Name, Dependency: held})
				}
			}
		}
	}
	if fresh {
		s.tellHeld(out)
	}
}

// dependencies are those that an app has to wait for.
func (s *Set) dependencies(m *Member, waits []Wait) []Wait {
	for _, d := range m.Spec.DependsOn {
		on := s.Member(d.App)
		if on != nil && satisfies(on, d) {
			continue
		}
		vain := inVain(on)
		if !d.Required && (vain || s.troubled(on)) {
			continue
		}
		waits = append(waits, Wait{d.App, d.Condition, vain})
	}
	return waits
}

func heldBy(waits []Wait) string {
	for _, w := range waits {
		if w.InVain {
			return w.App
		}
	}
	return ""
}

func satisfies(on *Member, d spec.Dependency) bool {
	switch d.Condition {
	case "completed":
		return on.Summary.Completed
	case "ready":
		return on.Summary.WasReady
	default:
		return on.Summary.Started
	}
}

// inVain reports whether nothing will come of a dependency that is not satisfied, unless somebody steps in.
func inVain(on *Member) bool {
	return on == nil || on.Summary.Idle || on.Summary.Failed || on.Held != ""
}

// troubled reports whether a dependency has failed and may do so again, or waits for one that has: who can do without it
// goes on without it.
func (s *Set) troubled(on *Member) bool {
	if on.Summary.Troubled {
		return true
	}
	for _, w := range on.Waits {
		if next := s.Member(w.App); next != nil && s.troubled(next) {
			return true
		}
	}
	return false
}

// tellHeld says of each app of which nothing will come whom it holds up, directly and by way of others.
func (s *Set) tellHeld(out *effects) {
	holds := map[string][]string{}
	var roots []string
	for _, m := range s.Members {
		if m.Held == "" {
			continue
		}
		root := m.Held
		for on := s.Member(root); on != nil && on.Held != ""; on = s.Member(root) {
			root = on.Held
		}
		if holds[root] == nil {
			roots = append(roots, root)
		}
		holds[root] = append(holds[root], m.Spec.Name)
	}
	for _, root := range roots {
		if on := s.Member(root); on != nil && slices.Equal(on.told, holds[root]) {
			continue
		} else if on != nil {
			on.told = holds[root]
		}
		out.add(Emit{Type: "app.holds-up", App: root, Data: map[string]any{"apps": holds[root]}})
	}
}

// meet notes what the dependencies are, of which the app is to be restarted when they come again.
func (s *Set) meet(m *Member) {
	m.since = nil
	for _, d := range m.Spec.DependsOn {
		if !d.Restart {
			continue
		}
		if m.since == nil {
			m.since = map[string]life{}
		}
		now := life{} // what is not there yet has not come again when it comes
		if on := s.Member(d.App); on != nil {
			now = life{on.lives, on.Summary.Returns}
		}
		m.since[d.App] = now
	}
}

// life tells an app that has come again from what it was.
type life struct{ lives, returns int }

// follow restarts those whose dependency, with restart: true, has come again.
func (s *Set) follow(out *effects) {
	for _, m := range s.Members {
		if len(m.since) == 0 || !m.Met || m.Leaving {
			continue
		}
		for _, d := range m.Spec.DependsOn {
			on := s.Member(d.App)
			if !d.Restart || on == nil || on.Leaving || !satisfies(on, d) {
				continue
			}
			if now := (life{on.lives, on.Summary.Returns}); now != m.since[d.App] {
				m.since[d.App] = now
				out.add(RestartApp{App: m.Spec.Name, Dependency: d.App})
			}
		}
	}
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
		known[m.Spec.Name] = longest + stopTime(m)
		return known[m.Spec.Name]
	}
	return path(m)
}
