package query

import (
	"cmp"
	"slices"

	"goinit/logs/segment"
)

// NewMemory makes a store of lines that came otherwise than from files, e.g. through the control socket from a goinit that
// keeps its logs in memory. It asks nothing of their order; those of one app that have one time stay as they are.
func NewMemory(name string, lines []Line) *Store {
	byApp := make(map[string][]Line)
	for _, l := range lines {
		byApp[l.App] = append(byApp[l.App], l)
	}
	s := &Store{Name: name, lines: []app{}}
	for app, lines := range byApp {
		s.lines = append(s.lines, memory(name, app, lines))
	}
	slices.SortFunc(s.lines, func(a, b app) int { return cmp.Compare(a.name, b.name) })
	return s
}

// memory is a segment of lines, a record each.
func memory(store, name string, lines []Line) app {
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.At, b.At) })
	d := &data{number: 1}
	var idx []byte
	for _, l := range lines {
		d.log = append(append(d.log, l.Text...), '\n')
		slot := uint16(segment.UnknownSlot)
		if l.Slot >= 0 && l.Slot < segment.UnknownSlot {
			slot = uint16(l.Slot)
		}
		idx = segment.Record{
			Time: l.At, End: int64(len(d.log)), Slot: slot, Stderr: l.Stderr, Partial: l.Partial, Note: l.Note,
		}.Append(idx)
	}
	d.index(segment.Good(idx, int64(len(d.log))), 0)
	return app{store: store, name: name, list: []segment.Segment{{Number: 1, Log: true}}, data: d}
}
