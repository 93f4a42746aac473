package top

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"goinit/control"
	"goinit/ctl/human"
)

// column is one of the table's. They stand in the order of columns; where the window has not the room for all, those of the
// lowest rank are shown.
type column struct {
	title   string
	rank    int
	width   int  // at least
	right   bool // numbers stand at the right
	number  bool // sorted with the largest first
	cell    func(m *model, i *item, width int) string
	compare func(m *model, a, b *item) int
}

const graphCells = 12

func columns() []*column {
	return []*column{
		{title: "WORKER", rank: 0, width: 8, cell: nameCell, compare: func(_ *model, a, b *item) int { return cmp.Compare(a.order, b.order) }},
		{title: "STATE", rank: 1, width: 9, cell: func(_ *model, i *item, _ int) string { return string(i.state()) },
			compare: func(_ *model, a, b *item) int { return cmp.Compare(urgency(b.state()), urgency(a.state())) }},
		{title: "READY", rank: 4, width: 5, cell: readyCell, compare: func(_ *model, a, b *item) int { return cmp.Compare(unready(a), unready(b)) }, number: true},
		{title: "PID", rank: 7, width: 7, right: true, number: true, cell: pidCell, compare: func(_ *model, a, b *item) int { return cmp.Compare(pidOf(a), pidOf(b)) }},
		{title: "FOR", rank: 6, width: 4, right: true, cell: forCell, compare: func(_ *model, a, b *item) int { return since(b).Compare(since(a)) }},
		{title: "RESTARTS", rank: 5, width: 8, right: true, number: true, cell: func(_ *model, i *item, _ int) string { return strconv.Itoa(i.restarts()) },
			compare: func(_ *model, a, b *item) int { return cmp.Compare(a.restarts(), b.restarts()) }},
		use1("CPU", 2, 6, percent, func(u *use) float64 { return u.cpu }),
		{title: "CPU GRAPH", rank: 10, width: graphCells, cell: func(m *model, i *item, w int) string {
			return m.graph(i, w, func(u *use) *samples { return &u.cpus }, 100)
		}},
		use1("MEMORY", 3, 6, size, func(u *use) float64 { return u.memory }),
		{title: "MEMORY GRAPH", rank: 12, width: graphCells, cell: func(m *model, i *item, w int) string {
			return m.graph(i, w, func(u *use) *samples { return &u.memories }, 1<<20)
		}},
		use1("LIMIT", 9, 5, size, func(u *use) float64 { return u.limit }),
		use1("TASKS", 8, 5, count, func(u *use) float64 { return u.tasks }),
		use1("PEAK", 14, 6, size, detail(func(st *control.Stats) *uint64 { return st.MemoryPeakBytes })),
		use1("SWAP", 17, 6, size, detail(func(st *control.Stats) *uint64 { return st.MemorySwapBytes })),
		use1("OOM", 13, 3, count, detail(func(st *control.Stats) *uint64 { return st.OOMKills })),
		use1("WAITED", 15, 6, seconds, func(u *use) float64 {
			if u.stats == nil || u.stats.CPUThrottledSeconds == nil {
				return math.NaN()
			}
			return *u.stats.CPUThrottledSeconds
		}),
		use1("READ", 18, 6, size, detail(func(st *control.Stats) *uint64 { return st.IOReadBytes })),
		use1("WRITTEN", 19, 7, size, detail(func(st *control.Stats) *uint64 { return st.IOWrittenBytes })),
		{title: "NOTE", rank: 11, width: 16, cell: noteCell, compare: func(m *model, a, b *item) int { return cmp.Compare(noteCell(m, a, 0), noteCell(m, b, 0)) }},
	}
}

// use1 is a column of one number that is used. What is not known comes last.
func use1(title string, rank, width int, show func(float64) string, of func(*use) float64) *column {
	get := func(i *item) float64 {
		if i.use == nil {
			return math.NaN()
		}
		return of(i.use)
	}
	return &column{title: title, rank: rank, width: width, right: true, number: true,
		cell: func(_ *model, i *item, _ int) string {
			if v := get(i); !math.IsNaN(v) {
				return show(v)
			}
			return "-"
		},
		compare: func(_ *model, a, b *item) int { return cmp.Compare(get(a), get(b)) }} // NaN is the smallest
}

func detail(of func(*control.Stats) *uint64) func(*use) float64 {
	return func(u *use) float64 {
		if u.stats == nil {
			return math.NaN()
		}
		return known(of(u.stats))
	}
}

func percent(v float64) string { return fmt.Sprintf("%.1f%%", v) }
func size(v float64) string    { return human.Bytes(uint64(v)) }
func count(v float64) string   { return strconv.Itoa(int(v)) }
func seconds(v float64) string { return human.CPUTime(v) }

func nameCell(_ *model, i *item, _ int) string {
	switch {
	case i.isApp() && i.folded:
		return "+ " + i.name
	case i.isApp():
		return "- " + i.name
	case i.inside:
		return "  " + i.name
	}
	return i.name
}

func readyCell(_ *model, i *item, _ int) string {
	n, of := i.ready()
	switch {
	case i.isApp():
		return fmt.Sprintf("%d/%d", n, of)
	case n == 1:
		return "yes"
	}
	return "no"
}

func unready(i *item) int {
	n, of := i.ready()
	return of - n
}

func pidOf(i *item) int {
	if i.isApp() || i.worker.PID == nil {
		return 0
	}
	return *i.worker.PID
}

func pidCell(_ *model, i *item, _ int) string {
	if pid := pidOf(i); pid > 0 {
		return strconv.Itoa(pid)
	}
	if i.isApp() {
		return ""
	}
	return "-"
}

// since is when the state began: of an app, the last change of any of its workers.
func since(i *item) time.Time {
	if !i.isApp() {
		return i.worker.StateSince
	}
	return slices.MaxFunc(i.of, func(a, b *item) int { return a.worker.StateSince.Compare(b.worker.StateSince) }).worker.StateSince
}

// forCell knows no parts of a second: they would be old when they are read.
func forCell(m *model, i *item, _ int) string {
	return human.Span(max(m.reading.At.Sub(since(i)), time.Second).Truncate(time.Second))
}

func noteCell(m *model, i *item, _ int) string {
	if i.isApp() {
		return ""
	}
	return human.Note(i.worker, m.reading.At)
}

func (m *model) graph(i *item, width int, of func(*use) *samples, floor float64) string {
	if i.use == nil {
		return ""
	}
	return spark(of(i.use), width, floor, m.unicode)
}

// sorting is the column that rows are sorted by.
func (m *model) sorting() *column {
	return m.columns[max(0, slices.IndexFunc(m.columns, func(c *column) bool { return c.title == m.sortBy }))]
}

// placed is a column with the room that it has.
type placed struct {
	*column
	x, width int
}

const gap = 2

// place says which columns there is room for, and where. The name has what it needs, up to a bound, and the note what is left.
func (m *model) place() []placed {
	byRank := slices.SortedFunc(slices.Values(m.columns), func(a, b *column) int { return cmp.Compare(a.rank, b.rank) })
	room := m.width - marker
	widths := make(map[*column]int)
	for _, c := range byRank {
		w := c.width
		if c.compare != nil {
			w = max(w, len(c.title)+1) // the mark of the column that is sorted by
		}
		if c.title == "WORKER" {
			w = m.nameWidth(w)
		}
		if !m.worth(c) {
			continue
		}
		if w > room {
			if c.rank > 1 {
				break // a lower one that fits by chance would jump in and out as the window changes
			}
			w = max(room, 0)
		}
		widths[c] = w
		room -= w + gap
	}
	var out []placed
	x := marker
	for _, c := range m.columns {
		w, ok := widths[c]
		if !ok {
			continue
		}
		if c.title == "NOTE" && room > 0 {
			w += room
		}
		out = append(out, placed{c, x, w})
		x += w + gap
	}
	return out
}

// marker is the width of the mark of the selected row.
const marker = 1

func (m *model) nameWidth(least int) int {
	w := least
	for _, i := range m.rows {
		w = max(w, len(nameCell(m, i, 0)))
	}
	return min(w, max(least, min(32, m.width/4)))
}

// worth says of columns that only some places fill whether this is one.
func (m *model) worth(c *column) bool {
	switch c.title {
	case "LIMIT", "PEAK", "SWAP", "OOM", "WAITED", "READ", "WRITTEN":
		return m.reading.Info.Cgroups.Usable
	}
	return true
}

// fit makes a cell exactly so wide. What does not fit ends in ~.
func fit(s string, width int, right bool) string {
	if width <= 0 {
		return ""
	}
	w := ansi.StringWidth(s)
	switch {
	case w > width:
		s = ansi.Truncate(s, width, "~")
		return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
	case right:
		return strings.Repeat(" ", width-w) + s
	}
	return s + strings.Repeat(" ", width-w)
}
