package top

import (
	"charm.land/lipgloss/v2"

	"goinit/control"
)

// Only the sixteen colors that every terminal has, which the user may have chosen; nothing is told by a color alone. Where
// NO_COLOR is set bubbletea leaves out the colors and keeps the rest.
var (
	titleStyle  = lipgloss.NewStyle().Bold(true)
	barStyle    = lipgloss.NewStyle().Reverse(true)
	headStyle   = lipgloss.NewStyle().Underline(true)
	dimStyle    = lipgloss.NewStyle().Faint(true)
	noticeStyle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Yellow)
	badStyle    = lipgloss.NewStyle().Foreground(lipgloss.Red)
	goodStyle   = lipgloss.NewStyle().Foreground(lipgloss.Green)
	onWayStyle  = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
)

// styleOf a state: what needs somebody is red, what is on its way yellow, what is well green.
func styleOf(s control.State) lipgloss.Style {
	switch s {
	case control.Failed:
		return badStyle
	case control.Running:
		return goodStyle
	case control.Completed, control.Stopped, control.Scheduled:
		return dimStyle
	}
	return onWayStyle
}
