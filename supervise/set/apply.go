package set

import (
	"bytes"
	"encoding/json"
	"slices"

	"goinit/spec"
)

// Diff is what an apply changes, by name.
type Diff struct {
	Added     []string `json:"added,omitempty"`
	Removed   []string `json:"removed,omitempty"`
	Changed   []string `json:"changed,omitempty"`  // will be restarted
	Reloaded  []string `json:"reloaded,omitempty"` // changed too, and will be replaced one worker after another
	Updated   []string `json:"updated,omitempty"`  // only what can change while it runs differs: the number of workers, the limits
	Unchanged []string `json:"unchanged,omitempty"`
}

// Compare says what would change.
func Compare(old, target []spec.App) Diff {
	var d Diff
	for i := range target {
		a := &target[i]
		j := slices.IndexFunc(old, func(o spec.App) bool { return o.Name == a.Name })
		switch {
		case j < 0:
			d.Added = append(d.Added, a.Name)
		case same(&old[j], a):
			d.Unchanged = append(d.Unchanged, a.Name)
		case onlyLive(&old[j], a):
			d.Updated = append(d.Updated, a.Name)
		case rolls(&old[j], a):
			d.Reloaded = append(d.Reloaded, a.Name)
		default:
			d.Changed = append(d.Changed, a.Name)
		}
	}
	for i := range old {
		if find(target, old[i].Name) == nil {
			d.Removed = append(d.Removed, old[i].Name)
		}
	}
	return d
}

// same compares as JSON: what cannot be written in a spec cannot differ.
func same(a, b *spec.App) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// SameApp reports whether two apps are asked to be the same.
func SameApp(a, b *spec.App) bool { return same(a, b) }

// onlyLive reports whether two apps differ in nothing that needs a restart.
func onlyLive(a, b *spec.App) bool {
	c := *a
	if !a.Job() { // of which it is how many runs there may be
		c.Workers, c.MaxWorkers = b.Workers, b.MaxWorkers
	}
	c.Resources = b.Resources
	return same(&c, b) && a.NodeChannel() == b.NodeChannel() // node: auto goes by the number of workers
}

func sameLimits(a, b *spec.App) bool {
	c := *a
	c.Resources = b.Resources
	return same(&c, a)
}

func find(apps []spec.App, name string) *spec.App {
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}

// Target is what the last word wants. Nobody changes it: a new word brings another.
func (s *Set) Target() []spec.App { return slices.Clip(s.target) }

// Applied reports whether the apps are what the last word wants, as far as it goes.
func (s *Set) Applied() bool {
	if s.busy != "" || len(s.Members) != len(s.target) {
		return false
	}
	for _, m := range s.Members {
		if t := find(s.target, m.Spec.Name); t == nil || m.Leaving || !same(&m.Spec, t) {
			return false
		}
	}
	return true
}

// advance goes one step towards the target: what is not in it leaves, then what is new comes, then what has changed is
// replaced, one after another. It is called after every event, so a new target simply takes over. When all is as the
// last word wants it, an event is not worth a comparison of all apps.
func (s *Set) advance(out *effects) {
	if s.applied {
		return
	}
	defer func() { s.applied = s.Applied() }()
	left := false
	for _, m := range s.Members {
		t := find(s.target, m.Spec.Name)
		if t != nil {
			if m.Leaving { // the last word wins
				next := *t
				m.Next = &next
			}
			continue
		}
		left = true
		if m.Leaving {
			m.Next = nil
		} else if !s.neededByLeaving(m) {
			m.Leaving = true
			out.add(RemoveApp{App: m.Spec.Name})
		}
	}
	if left {
		return
	}
	s.addNew(out)
	s.replaceNext(out)
}

// neededByLeaving reports whether an app has to wait for dependents that leave too.
func (s *Set) neededByLeaving(m *Member) bool {
	return slices.ContainsFunc(s.dependents(m.Spec.Name), func(d *Member) bool {
		return d != m && find(s.target, d.Spec.Name) == nil
	})
}

func (s *Set) addNew(out *effects) {
	fresh := false
	for i := range s.target {
		if s.Member(s.target[i].Name) == nil {
			s.Members = append(s.Members, &Member{Spec: s.target[i]})
			out.add(AddApp{App: s.target[i]})
			fresh = true
		}
	}
	slices.SortStableFunc(s.Members, func(a, b *Member) int { return s.place(a) - s.place(b) })
	if fresh {
		s.start(out)
	}
}

// place is an app's in the target.
func (s *Set) place(m *Member) int {
	return slices.IndexFunc(s.target, func(a spec.App) bool { return a.Name == m.Spec.Name })
}

// replaceNext replaces one changed app, dependencies first, when the one before has come back.
func (s *Set) replaceNext(out *effects) {
	if b := s.Member(s.busy); b != nil && (b.Leaving || b.rolling() || !b.Summary.Settled && b.Held == "") {
		return
	}
	s.busy = ""
	var next *Member
	for _, m := range s.Members {
		t := find(s.target, m.Spec.Name)
		if m.Leaving || same(&m.Spec, t) {
			continue
		}
		if onlyLive(&m.Spec, t) {
			if !sameLimits(&m.Spec, t) {
				out.add(UpdateApp{App: *t})
			}
			if m.Spec.Workers != t.Workers || m.Spec.MaxWorkers != t.MaxWorkers { // else what was scaled by hand stays so
				out.add(ScaleApp{App: *t})
			}
			m.Spec = *t
			continue
		}
		if next == nil || s.dependsOn(next, m) {
			next = m
		}
	}
	if next == nil {
		return
	}
	to := *find(s.target, next.Spec.Name)
	s.busy = next.Spec.Name
	if !next.Summary.Empty && rolls(&next.Spec, &to) {
		out.add(ReloadApp{App: to})
		if next.Spec.Workers != to.Workers || next.Spec.MaxWorkers != to.MaxWorkers {
			out.add(ScaleApp{App: to})
		}
		next.Spec = to
		next.rolls++
		return
	}
	next.Leaving, next.Next = true, &to
	out.add(RemoveApp{App: next.Spec.Name})
}

// rolls reports whether the workers of an app can be replaced by those of another definition while they serve. What an app
// waits for, and when it runs, is decided where it starts.
func rolls(old, to *spec.App) bool {
	before, _ := old.Surge()
	after, _ := to.Surge()
	return before > 0 && after > 0 && !old.Job() && !to.Job() && old.Enabled && to.Enabled && slices.Equal(old.DependsOn, to.DependsOn)
}

// rolling reports whether its workers are being replaced, or are about to be: the first definition is revision 1.
func (m *Member) rolling() bool {
	return m.rolls > 0 && (m.Summary.Revision <= m.rolls || m.Summary.Reloading)
}

// dependsOn reports whether a depends on b, over any number of others.
func (s *Set) dependsOn(a, b *Member) bool {
	seen := map[string]bool{}
	var reach func(*Member) bool
	reach = func(m *Member) bool {
		if seen[m.Spec.Name] {
			return false
		}
		seen[m.Spec.Name] = true
		for _, d := range m.Spec.DependsOn {
			if on := s.Member(d.App); on != nil && (on == b || reach(on)) {
				return true
			}
		}
		return false
	}
	return reach(a)
}

// gone is an app that has left: it comes back as what it is to be, or it is forgotten.
func (s *Set) gone(name string, out *effects) {
	i := slices.IndexFunc(s.Members, func(m *Member) bool { return m.Spec.Name == name })
	if i < 0 {
		return
	}
	m := s.Members[i]
	s.WaitsChanged++
	if m.Next == nil || s.Phase == Stopping {
		s.Members = slices.Delete(s.Members, i, i+1)
		if s.busy == name {
			s.busy = ""
		}
		return
	}
	*m = Member{Spec: *m.Next, lives: m.lives + 1}
	out.add(AddApp{App: m.Spec})
}
