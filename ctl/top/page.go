package top

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"goinit/ctl/human"
)

// page is a text over the table that is read and put away: the help, or what went wrong. It is shown whole: what does not fit is
// wrapped, and what does not fit then is scrolled to.
type page struct {
	title  string
	lines  []string
	offset int
}

// wrapped are the lines as wide as the window.
func (p *page) wrapped(width int) (out []string) {
	for _, line := range p.lines {
		out = append(out, strings.Split(ansi.Wrap(line, max(width, 1), ""), "\n")...)
	}
	return out
}

// press says whether the key was for the page: those that move in it, and those that put it away. Any other puts it away and
// does what it else does.
func (p *page) press(m *model, key tea.KeyPressMsg) bool {
	switch key.String() {
	case "up", "k":
		p.scroll(m, -1)
	case "down", "j":
		p.scroll(m, 1)
	case "pgup":
		p.scroll(m, -m.pageHeight())
	case "pgdown", "space":
		p.scroll(m, m.pageHeight())
	case "home":
		p.offset = 0
	case "end", "G":
		p.scroll(m, len(p.wrapped(m.width)))
	case "esc", "enter", "q", "?":
		m.page = nil
	default:
		m.page = nil
		return false
	}
	return true
}

func (p *page) scroll(m *model, by int) {
	p.offset = max(0, min(p.offset+by, len(p.wrapped(m.width))-m.pageHeight()))
}

// pageHeight is what is left of the window beside a page's title and its last line.
func (m *model) pageHeight() int { return max(1, m.height-2) }

func (m *model) help() tea.Cmd {
	p := &page{title: "goinit ctl top: keys"}
	for _, b := range bindings() {
		p.lines = append(p.lines, fit(b.name, 10, false)+"  "+b.help)
	}
	p.lines = append(p.lines, "", "With the mouse: a title sorts, a row is selected, the wheel scrolls. To mark text as the", "terminal does it, hold Shift.")
	m.page = p
	return nil
}

// lines are those of a text that somebody else may have written.
func lines(text string) (out []string) {
	for line := range strings.Lines(text) {
		out = append(out, expand(string(human.AppendHarmless(nil, []byte(strings.TrimSuffix(line, "\n"))))))
	}
	return out
}

// expand puts spaces in the place of tabs, which a window of cells does not know.
func expand(line string) string {
	if !strings.Contains(line, "\t") {
		return line
	}
	var b strings.Builder
	for i, part := range strings.Split(line, "\t") {
		if i > 0 {
			const stop = 8
			b.WriteString(strings.Repeat(" ", stop-ansi.StringWidth(b.String())%stop))
		}
		b.WriteString(part)
	}
	return b.String()
}
