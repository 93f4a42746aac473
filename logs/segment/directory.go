package segment

import (
	"cmp"
	"slices"
)

// Segment is one segment of an app, as its directory tells it.
type Segment struct {
	Number     int
	Log        bool // there is a .log
	Index      bool // there is an .idx
	Compressed bool // there is a .log.zst; if there is a .log too, that is the one to read: a compression was interrupted
}

// List sorts the names in an app's directory into segments, the oldest first. Names that are none of ours are left out,
// and so is an .idx without data.
func List(names []string) []Segment {
	byNumber := map[int]*Segment{}
	for _, name := range names {
		number, kind, ok := ParseName(name)
		if !ok {
			continue
		}
		s := byNumber[number]
		if s == nil {
			s = &Segment{Number: number}
			byNumber[number] = s
		}
		switch kind {
		case Log:
			s.Log = true
		case Index:
			s.Index = true
		case Compressed:
			s.Compressed = true
		}
	}
	var all []Segment
	for _, s := range byNumber {
		if s.Log || s.Compressed {
			all = append(all, *s)
		}
	}
	slices.SortFunc(all, func(a, b Segment) int { return cmp.Compare(a.Number, b.Number) })
	return all
}
