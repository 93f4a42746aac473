package supervise

import (
	"slices"
	"strconv"
	"strings"
)

// targets resolves TARGETs to slots by app; nil slots are all of the app. The apps are in the order of the spec.
func (s *Supervisor) targets(names []string) ([]*owner, map[*owner][]int, error) {
	owners := *s.owners.Load()
	slots := map[*owner][]int{}
	whole := map[*owner]bool{}
	for _, name := range names {
		found := false
		for _, o := range owners {
			for _, hit := range o.match(name) {
				found = true
				if hit < 0 {
					whole[o] = true
				} else if !slices.Contains(slots[o], hit) {
					slots[o] = append(slots[o], hit)
				}
			}
		}
		if !found && (name != "all" || len(owners) > 0) {
			return nil, nil, &TargetError{Target: name, Known: s.known()}
		}
	}
	var hit []*owner
	for _, o := range owners {
		if whole[o] {
			slots[o] = nil
		}
		if whole[o] || slots[o] != nil {
			hit = append(hit, o)
		}
	}
	return hit, slots, nil
}

// match are the slots of an app that a TARGET names, -1 being all.
func (o *owner) match(name string) []int {
	switch {
	case name == "all" || name == o.name:
		return []int{-1}
	case strings.HasPrefix(name, "@"):
		if slices.Contains(o.spec.Load().Tags, name[1:]) {
			return []int{-1}
		}
		return nil
	}
	pid, isPID := strconv.Atoi(name)
	for _, w := range *o.snapshot.Load() {
		if w.Worker != nil && *w.Worker == name || isPID == nil && w.PID != nil && *w.PID == pid {
			return []int{*w.Slot}
		}
	}
	return nil
}

// known are the workers there are.
func (s *Supervisor) known() []string {
	var all []string
	for _, w := range s.Snapshot() {
		if w.Beside {
			continue
		}
		if w.Worker != nil {
			all = append(all, *w.Worker)
		} else {
			all = append(all, w.App)
		}
	}
	return all
}
