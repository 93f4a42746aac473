package pid1

import (
	"fmt"
	"slices"
	"strings"

	"goinit/spec"
)

// subset leaves of a spec the apps that were asked for by name or tag, and what they depend on. An app that is named is
// wanted, whatever its enabled says.
func subset(s *spec.Spec, part []string) (kept, left []spec.App, err error) {
	wanted := map[string]bool{}
	for _, word := range part {
		if err := choose(s, word, wanted); err != nil {
			return nil, nil, err
		}
	}
	for grown := true; grown; {
		grown = false
		for _, a := range s.Apps {
			for _, d := range a.DependsOn {
				if wanted[a.Name] && !wanted[d.App] {
					wanted[d.App], grown = true, true
				}
			}
		}
	}
	for _, a := range s.Apps {
		if !wanted[a.Name] {
			left = append(left, a)
			continue
		}
		a.Enabled = a.Enabled || slices.Contains(part, a.Name)
		kept = append(kept, a)
	}
	return kept, left, nil
}

// choose adds the apps that a word means.
func choose(s *spec.Spec, word string, wanted map[string]bool) error {
	tag, isTag := strings.CutPrefix(word, "@")
	found := false
	var names, tags []string
	for _, a := range s.Apps {
		if word == "all" || !isTag && a.Name == word || isTag && slices.Contains(a.Tags, tag) {
			wanted[a.Name], found = true, true
		}
		names = append(names, a.Name)
		for _, t := range a.Tags {
			if !slices.Contains(tags, "@"+t) {
				tags = append(tags, "@"+t)
			}
		}
	}
	if found {
		return nil
	}
	return fmt.Errorf("run %s: there is no such %s\n  there are: %s", word, map[bool]string{true: "tag", false: "app"}[isTag],
		strings.Join(append(names, tags...), " "))
}
