package ctl

import (
	"iter"
	"slices"

	"goinit/logs/query"
)

// inOrder are lines as they are, or the last of them first.
func inOrder(lines []query.Line, reverse bool) iter.Seq[query.Line] {
	if reverse {
		slices.Reverse(lines)
		gap := map[[2]string]bool{} // by app: it is in front of the line that came before, then
		for i := range lines {
			app := [2]string{lines[i].Store, lines[i].App}
			lines[i].Skipped, gap[app] = gap[app], lines[i].Skipped
		}
	}
	return slices.Values(lines)
}

// upTo are the first n.
func upTo(n int, lines iter.Seq[query.Line]) iter.Seq[query.Line] {
	return func(yield func(query.Line) bool) {
		for l := range lines {
			if n--; !yield(l) || n <= 0 {
				return
			}
		}
	}
}
