package top

import (
	tea "charm.land/bubbletea/v2"
)

// click sorts by the column whose title it is on, or selects a row; the selected one of an app folds and unfolds.
func (m *model) click(at tea.Mouse) tea.Cmd {
	if at.Button != tea.MouseLeft || m.prompt != nil || m.asked != nil || m.page != nil {
		return nil
	}
	p := m.panes()
	switch row := at.Y - p.header - 1; {
	case row == -1 && p.rows > 0:
		for _, c := range m.place() {
			if c.compare != nil && at.X >= c.x && at.X < c.x+c.width {
				m.sort(c.title)
				return m.rearrange()
			}
		}
	case row >= 0 && row < p.rows && m.offset+row < len(m.rows):
		again := m.selected == m.offset+row
		m.selected = m.offset + row
		if again && m.current().isApp() {
			return m.toggleFold()
		}
		return m.reselected()
	}
	return nil
}

// wheel scrolls what it is over, unless something is asked about the row that is selected.
func (m *model) wheel(at tea.Mouse) tea.Cmd {
	if m.prompt != nil || m.asked != nil {
		return nil
	}
	const step = 3
	by := 0
	switch at.Button {
	case tea.MouseWheelUp:
		by = -step
	case tea.MouseWheelDown:
		by = step
	}
	p := m.panes()
	switch {
	case m.page != nil:
		m.page.scroll(m, by)
	case at.Y > p.header+p.rows || p.rows == 0:
		m.scroll(-by)
	default:
		return m.move(by)
	}
	return nil
}
