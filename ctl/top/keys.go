package top

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// binding is what keys do. The help is made from it.
type binding struct {
	keys string // as bubbletea calls them, with spaces between
	name string // as people do
	help string
	do   func(*model) tea.Cmd
}

func bindings() []binding {
	order := func(verb string) func(*model) tea.Cmd {
		return func(m *model) tea.Cmd { return m.ask(Order{Verb: verb}) }
	}
	return []binding{
		{"up k", "up, k", "the row above", func(m *model) tea.Cmd { return m.move(-1) }},
		{"down j", "down, j", "the row below", func(m *model) tea.Cmd { return m.move(1) }},
		{"pgup ctrl+b", "PgUp", "a window up; with the panes in all of it: back in the log", func(m *model) tea.Cmd { return m.pageBy(-1) }},
		{"pgdown ctrl+f", "PgDn", "a window down", func(m *model) tea.Cmd { return m.pageBy(1) }},
		{"home", "Home", "the first row", func(m *model) tea.Cmd { return m.move(-len(m.rows)) }},
		{"end G", "End, G", "the end of the log, where one is back in it; the last row", (*model).end},
		{"enter space", "Enter", "fold an app's workers, or unfold them", (*model).toggleFold},
		{"left h", "left, h", "fold", func(m *model) tea.Cmd { return m.fold(true) }},
		{"right", "right", "unfold", func(m *model) tea.Cmd { return m.fold(false) }},
		{"f", "f", "fold all apps, or unfold all", (*model).foldAll},
		{"g", "g", "group workers by app, or not", func(m *model) tea.Cmd { m.grouped = !m.grouped; return m.rearrange() }},
		{"< ,", "<", "sort by the column to the left", func(m *model) tea.Cmd { return m.sortNext(-1) }},
		{"> .", ">", "sort by the column to the right", func(m *model) tea.Cmd { return m.sortNext(1) }},
		{"o", "o", "the other order", func(m *model) tea.Cmd { m.descending = !m.descending; return m.rearrange() }},
		{"/", "/", "only rows with these words in name or state; Esc: all", (*model).askFilter},
		{"l", "l", "show the log of the selected row, or not", func(m *model) tea.Cmd { m.showLog = !m.showLog; return m.reselected() }},
		{"e", "e", "show events, or not", func(m *model) tea.Cmd { m.showEvent = !m.showEvent; return m.reselected() }},
		{"z tab", "z, Tab", "give the window to the log and the events, or take it back", func(m *model) tea.Cmd { m.zoomed, m.past = !m.zoomed, nil; return m.reselected() }},
		{"r", "r", "reload", order("reload")},
		{"R", "R", "restart", order("restart")},
		{"s", "s", "start", order("start")},
		{"S", "S", "stop", order("stop")},
		{"p", "p", "pause", order("pause")},
		{"P", "P", "resume", order("resume")},
		{"n", "n", "scale: how many workers", (*model).askScale},
		{"x", "x", "send a signal", (*model).askSignal},
		{"ctrl+l", "Ctrl-L", "draw the window anew", func(*model) tea.Cmd { return tea.ClearScreen }},
		{"ctrl+z", "Ctrl-Z", "back to the shell, until fg", suspend},
		{"?", "?", "this help", (*model).help},
		{"esc alt+esc", "Esc", "no filter; no message", (*model).clear},
		{"q ctrl+c", "q, Ctrl-C", "leave; orders that are under way go on", func(*model) tea.Cmd { return tea.Quit }},
	}
}

// press is a key: for what lies over the table, else for the table.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	switch {
	case m.prompt != nil:
		return m.pressPrompt(key)
	case m.asked != nil:
		a := m.asked
		m.asked = nil
		if key.String() == "y" || key.String() == "Y" {
			return m.carryOut(a.order)
		}
		m.status = "not done: " + a.order.String()
		return nil
	case m.page != nil && m.page.press(m, key):
		return nil
	}
	name := key.String()
	for _, b := range bindings() {
		if slices.Contains(strings.Fields(b.keys), name) {
			m.status = ""
			return b.do(m)
		}
	}
	return nil
}

func (m *model) move(by int) tea.Cmd {
	m.selected += by
	m.keepInSight()
	return m.reselected()
}

func (m *model) pageBy(by int) tea.Cmd {
	p := m.panes()
	if p.rows > 0 {
		return m.move(by * max(1, p.rows-1))
	}
	m.scroll(-by * max(1, p.log-1))
	return nil
}

// end goes to the end of the log, where it is not shown; then to the last row, whose log is another.
func (m *model) end() tea.Cmd {
	if m.past != nil || m.filled() {
		m.past = nil
		return nil
	}
	return m.move(len(m.rows))
}

// scroll goes back in the log, or forth.
func (m *model) scroll(by int) {
	if m.log != nil {
		m.past = m.past.scroll(m.log, by, m.panes().log)
	}
}

// reselected follows the log of the row that is selected now.
func (m *model) reselected() tea.Cmd {
	m.keepInSight()
	if m.logOf == m.wanted() {
		return nil
	}
	return m.selectLog()
}

// rearrange keeps the selected row in sight, where it is still there.
func (m *model) rearrange() tea.Cmd {
	key := m.key()
	m.arrange()
	m.find(key)
	return m.reselected()
}

func (m *model) toggleFold() tea.Cmd {
	if i := m.current(); i != nil {
		return m.fold(!m.folded[i.app])
	}
	return nil
}

// fold folds the app of the selected row, and selects the app's own row.
func (m *model) fold(folded bool) tea.Cmd {
	i := m.current()
	if i == nil || !m.grouped {
		return nil
	}
	m.folded[i.app] = folded
	key := i.key
	if folded && m.workersOf(i.app) > 1 {
		key = i.app + "/"
	}
	m.arrange()
	m.find(key)
	return m.reselected()
}

// foldAll folds, unless all are.
func (m *model) foldAll() tea.Cmd {
	apps, _ := m.group()
	fold := slices.ContainsFunc(apps, func(a *item) bool { return !a.folded && len(a.of) > 1 })
	key := ""
	if i := m.current(); i != nil {
		if key = i.key; fold && m.workersOf(i.app) > 1 {
			key = i.app + "/"
		}
	}
	for _, a := range apps {
		m.folded[a.app] = fold
	}
	m.arrange()
	m.find(key)
	return m.reselected()
}

// sortNext goes through the columns that are shown.
func (m *model) sortNext(by int) tea.Cmd {
	var titles []string
	for _, c := range m.place() {
		if c.compare != nil {
			titles = append(titles, c.title)
		}
	}
	if len(titles) == 0 {
		return nil
	}
	at := max(0, slices.Index(titles, m.sortBy))
	m.sort(titles[(at+by+len(titles))%len(titles)])
	return m.rearrange()
}

// sort by a column: once more by the same turns the order.
func (m *model) sort(title string) {
	if m.sortBy == title {
		m.descending = !m.descending
		return
	}
	m.sortBy = title
	m.descending = m.sorting().number
}

func (m *model) clear() tea.Cmd {
	m.filter = ""
	return m.rearrange()
}
