package ctl

import (
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"goinit/control"
)

// table is text in columns, two spaces apart. The last column is cut where the line would be wider than width (0: never).
type table struct {
	rows  [][]string
	width int
	color func(row, column int) string // an SGR sequence, or ""; nil: none at all
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) error {
	var widths []int
	for _, r := range t.rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for y, r := range t.rows {
		var line strings.Builder
		used := 0
		for x, cell := range r {
			if x == len(r)-1 && t.width > 0 {
				cell = cut(cell, max(t.width-used, 8))
			}
			n := utf8.RuneCountInString(cell)
			code := ""
			if t.color != nil {
				code = t.color(y, x)
			}
			if code != "" && cell != "" {
				cell = code + cell + "\x1b[0m"
			}
			line.WriteString(cell)
			if x < len(r)-1 {
				line.WriteString(strings.Repeat(" ", widths[x]-n+2))
				used += widths[x] + 2
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// colors says whether output may have any: https://no-color.org.
func (w *world) colors() bool {
	return w.terminal && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"
}

// colorOf a state: what needs somebody is red, what is on its way yellow, what is well green.
func colorOf(s control.State) string {
	const red, green, yellow, dim = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m"
	switch s {
	case control.Failed:
		return red
	case control.Running:
		return green
	case control.Completed, control.Stopped, control.Scheduled:
		return dim
	}
	return yellow
}

// terminalWidth is 80 where there is no terminal, or none that knows.
func terminalWidth(fd int) (width int, terminal bool) {
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return 80, false
	}
	size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil || size.Col < 20 {
		return 80, true
	}
	return int(size.Col), true
}
