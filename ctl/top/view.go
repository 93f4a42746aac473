package top

import (
	"fmt"
	"math"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"goinit/control"
	"goinit/ctl/human"
)

// panes is how many lines each part of the window has.
type panes struct {
	header, rows, log, events, footer int // rows: without the titles of the columns; log and events: without their bars
}

// panes shares out the height of the window. In a low one the table goes before the panes; what
// it does not need is theirs.
func (m *model) panes() panes {
	p := panes{header: 2, footer: 2}
	switch {
	case m.height < 6:
		p.header, p.footer = 1, 0
	case m.height < 14:
		p.header, p.footer = 1, 1
	}
	left := m.height - p.header - p.footer - 1 // the titles
	wanted := 0
	for _, on := range []bool{m.showLog, m.showEvent} {
		if on {
			wanted++
		}
	}
	const least = 3 // a bar and two lines
	if m.filled() {
		left++ // no titles
		p.log, p.events = m.share(left, wanted)
		return p
	}
	if room := left / 2; wanted > 0 && left >= 4+least {
		p.log, p.events = m.share(min(room, wanted*max(least, left/3)), wanted)
	}
	p.rows = left - p.log - p.events
	for _, n := range []int{p.log, p.events} {
		if n > 0 {
			p.rows--
		}
	}
	p.rows = max(0, p.rows)
	if spare := p.rows - max(len(m.rows), least); spare > 0 && p.log+p.events > 0 {
		p.rows -= spare
		if p.log > 0 {
			p.log += spare
		} else {
			p.events += spare
		}
	}
	return p
}

// filled says that the panes have all of the window: as long as there is one.
func (m *model) filled() bool { return m.zoomed && (m.showLog || m.showEvent) }

// share is how many lines of text the log and the events have in so many lines; each has a bar.
func (m *model) share(lines, wanted int) (log, events int) {
	switch {
	case wanted == 2 && lines >= 6:
		events = lines / 2
		return lines - events - 1, events - 1
	case m.showLog:
		return max(0, lines-1), 0
	}
	return 0, max(0, lines-1)
}

func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = "goinit " + m.reading.Info.Instance
	return v
}

// screen is the lines of the window, none wider than it and no more than it has.
func (m *model) screen() []string {
	var out []string
	if m.page != nil {
		out = m.drawPage()
	} else {
		p := m.panes()
		out = append(out, m.drawHeader(p.header)...)
		if !m.filled() {
			out = append(out, m.drawTable(p.rows)...)
		}
		out = append(out, m.drawPanes(p)...)
		out = append(out, m.drawFooter(p.footer)...)
	}
	out = out[:min(len(out), max(m.height, 1))]
	for i, line := range out {
		if ansi.StringWidth(line) > m.width {
			out[i] = ansi.Truncate(line, m.width, "")
		}
	}
	return out
}

// drawHeader has goinit itself, and what there is and what is used.
func (m *model) drawHeader(height int) []string {
	i := &m.reading.Info
	first := titleStyle.Render("goinit "+human.Printable(i.Instance)) + fmt.Sprintf("  %s, up %s  %s", i.State, human.Span(m.reading.At.Sub(i.StartedAt)), m.counts())
	if i.Access == "read" {
		first = titleStyle.Render("goinit "+human.Printable(i.Instance)) + " (you may only look)" + first[len(titleStyle.Render("goinit "+human.Printable(i.Instance))):]
	}
	if notice := m.notice(); notice != "" {
		first = titleStyle.Render("goinit "+human.Printable(i.Instance)) + "  " + noticeStyle.Render(notice)
	}
	return []string{first, dimStyle.Render(m.totals())}[:height]
}

// notice is what goes on with all of it.
func (m *model) notice() string {
	if m.lost != nil {
		return fmt.Sprintf("does not answer for %s, this is what was; trying again (%s)", human.Span(time.Since(m.lostAt)), human.Printable(firstLine(m.lost.Error())))
	}
	return human.Printable(m.happening.text(m.reading.Info.State))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// counts is how many workers are in each state, what needs somebody first.
func (m *model) counts() string {
	n := make(map[control.State]int)
	workers := 0
	for i := range m.reading.Workers {
		n[m.reading.Workers[i].State]++
		if m.reading.Workers[i].Slot != nil {
			workers++
		}
	}
	out := human.Plural(workers, "worker") + ":"
	states := []control.State{control.Failed, control.Backoff, control.Stopping, control.Starting, control.Waiting, control.Paused,
		control.Draining, control.Running, control.Scheduled, control.Stopped, control.Completed}
	for _, s := range states {
		if n[s] > 0 {
			out += fmt.Sprintf(" %d %s,", n[s], s)
		}
	}
	return strings.TrimRight(out, ",:")
}

// totals is what all workers use, of what there is.
func (m *model) totals() string {
	apps, _ := m.group()
	var all []*item
	for _, app := range apps {
		all = append(all, app.of...)
	}
	machine := "machine"
	if m.machine.Container {
		machine = "container"
	}
	text := fmt.Sprintf("workers %s cpu, %s, %s tasks; %s %s of %s CPUs, %s of %s",
		orDash(sum(all, cpuAmount), percent), orDash(sum(all, memoryAmount), size), orDash(sum(all, tasksAmount), count), machine, orDash(m.machine.Busy, percent),
		strings.TrimSuffix(fmt.Sprintf("%.1f", m.machine.CPUs), ".0"), orDash(m.machine.Used, size), orDash(m.machine.Memory, size))
	if load := "; load " + m.machine.Load; m.machine.Load != "" && len(text)+len(load) <= m.width {
		text += load
	}
	return text
}

func orDash(v float64, show func(float64) string) string {
	if math.IsNaN(v) {
		return "-"
	}
	return show(v)
}

func (m *model) drawTable(height int) []string {
	columns := m.place()
	titles := strings.Repeat(" ", marker)
	for n, c := range columns {
		title := c.title
		if c.title == m.sortBy {
			title += map[bool]string{false: "^", true: "v"}[m.descending]
		}
		if n > 0 {
			titles += strings.Repeat(" ", gap)
		}
		titles += headStyle.Render(fit(title, c.width, c.right))
	}
	out := []string{titles}
	for n, i := range m.visible() {
		out = append(out, m.drawRow(columns, i, m.offset+n == m.selected))
	}
	if len(m.rows) == 0 {
		out = append(out, dimStyle.Render(m.nothing()))
	}
	for len(out) < height+1 {
		out = append(out, "")
	}
	return out[:height+1]
}

func (m *model) nothing() string {
	if m.filter != "" {
		return fmt.Sprintf(" nothing has %q in its name or state; Esc shows all", m.filter)
	}
	return " there are no apps"
}

func (m *model) drawRow(columns []placed, i *item, selected bool) string {
	line := strings.Repeat(" ", marker)
	if selected {
		line = ">"
	}
	for n, c := range columns {
		if n > 0 {
			line += strings.Repeat(" ", gap)
		}
		cell := fit(c.cell(m, i, c.width), c.width, c.right)
		switch {
		case selected:
		case c.title == "STATE":
			cell = styleOf(i.state()).Render(cell)
		case c.title == "WORKER" && i.isApp():
			cell = titleStyle.Render(cell)
		}
		line += cell
	}
	if selected {
		line = barStyle.Render(fit(line, m.width, false))
	}
	return line
}

func (m *model) drawPanes(p panes) (out []string) {
	if p.log > 0 {
		title := "log"
		if m.logOf != "" {
			title = "log of " + m.logOf
		}
		var shown []string
		switch {
		case m.past != nil:
			title += fmt.Sprintf(", %d lines back (End: the newest)", m.log.total()-m.past.foot())
			shown = m.past.shown(p.log)
		case m.log != nil:
			shown = m.log.last(p.log)
		}
		out = append(out, m.bar(title))
		out = append(out, m.text(shown, p.log)...)
	}
	if p.events > 0 {
		out = append(out, m.bar("events"))
		out = append(out, m.text(m.events.last(p.events), p.events)...)
	}
	return out
}

func (m *model) bar(title string) string {
	return barStyle.Render(fit(" "+title, m.width, false))
}

// text are lines, as wide as the window, and empty ones below them.
func (m *model) text(lines []string, height int) []string {
	out := make([]string, 0, height)
	for _, line := range lines {
		out = append(out, ansi.Truncate(expand(line), m.width, "~"))
	}
	for len(out) < height {
		out = append(out, "")
	}
	return out
}

// drawFooter has what is asked or was said last, and the keys.
func (m *model) drawFooter(height int) []string {
	status := dimStyle.Render(m.noteOfSelected())
	switch {
	case m.prompt != nil:
		status = m.prompt.label + m.prompt.text + barStyle.Render(" ")
		if m.prompt.wrong != "" {
			status += "  " + badStyle.Render(m.prompt.wrong)
		}
	case m.asked != nil:
		status = noticeStyle.Render(m.asked.text + "? y/n")
	case m.status != "":
		status = human.Printable(m.status)
	case m.filter != "":
		status = "only rows with " + m.filter + "; Esc shows all"
	}
	keys := dimStyle.Render(m.keysLine())
	if height == 1 && (m.prompt != nil || m.asked != nil || m.status != "" || m.filter != "") {
		return []string{status}
	}
	return []string{status, keys}[2-height:]
}

// noteOfSelected is what a narrow table has no room for.
func (m *model) noteOfSelected() string {
	i := m.current()
	if i == nil || i.isApp() {
		return ""
	}
	if note := human.Note(i.worker, m.reading.At); note != "" {
		return i.name + ": " + note
	}
	return ""
}

func (m *model) keysLine() string {
	if m.width < 60 {
		return "?: keys  q: leave"
	}
	if m.reading.Info.Access == "read" {
		return "?: keys  /: filter  <>: sort  l: log  e: events  z: zoom  q: leave"
	}
	return "?: keys  /: filter  <>: sort  l: log  e: events  r: reload  R: restart  q: leave"
}

// drawPage is the whole window.
func (m *model) drawPage() []string {
	all := m.page.wrapped(m.width)
	height := m.pageHeight()
	start := min(m.page.offset, max(0, len(all)-height))
	out := []string{m.bar(m.page.title)}
	out = append(out, all[start:min(len(all), start+height)]...)
	for len(out) < height+1 {
		out = append(out, "")
	}
	last := "Esc: back"
	if len(all) > height {
		last = fmt.Sprintf("lines %d-%d of %d; up, down; Esc: back", start+1, min(len(all), start+height), len(all))
	}
	return append(out, dimStyle.Render(last))
}
