package ctl

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"goinit/schedule"
)

// zonesMissing says which time zones of a compiled spec this machine does not have. That is no mistake of the spec's: the
// machine that runs it may.
func zonesMissing(compiled []byte) (notes []string) {
	var s struct {
		Apps map[string]struct {
			Schedule json.RawMessage
			Recycle  struct{ Timezone string }
		}
	}
	if json.Unmarshal(compiled, &s) != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Apps)) {
		a := s.Apps[name]
		var of struct{ Timezone string }
		_ = json.Unmarshal(a.Schedule, &of) // it may be the expression alone, which has none
		for _, zone := range []string{of.Timezone, a.Recycle.Timezone} {
			if strings.Contains(zone, "$") { // known to a running goinit only
				continue
			}
			if _, err := schedule.Zone(zone); err != nil {
				notes = append(notes, name+": on this machine "+err.Error())
			}
		}
	}
	return notes
}
