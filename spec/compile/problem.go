package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one mistake, with its place and its line.
type Problem struct {
	File         string
	Line, Column int // from 1; 0: the file as a whole
	Message      string
	Text         string // of the line
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Text != "" {
		s += fmt.Sprintf("\n%4d | %s", p.Line, p.Text)
	}
	return s
}

// Problems is everything that is wrong with a spec, in the order of its files and lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, one := range p {
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// maxProblems are enough to repair at one go, and keep a hostile file from filling a screen.
const maxProblems = 100

// source is a file that is being read.
type source struct {
	name  string
	data  []byte
	lines []string
}

type place struct {
	file         *source
	line, column int
}

// problem tells of a mistake, once.
func (c *checker) problem(at place, format string, args ...any) {
	p := Problem{File: at.file.name, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
	if len(c.problems) >= maxProblems || c.told[at] && slices.ContainsFunc(c.problems, func(q Problem) bool {
		return q.File == p.File && q.Line == p.Line && q.Column == p.Column && q.Message == p.Message
	}) {
		return
	}
	c.told[at] = true
	if at.line > 0 && at.line <= len(at.file.lines) {
		p.Text = Printable(at.file.lines[at.line-1])
	}
	c.problems = append(c.problems, p)
	if len(c.problems) == maxProblems {
		c.stopped = true
		c.problems[maxProblems-1] = Problem{File: at.file.name, Message: "and more mistakes than are worth telling at once"}
	}
}

// Printable is a line as a terminal can take it.
func Printable(line string) string {
	const width = 160
	line = strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimRight(line, " \t\r"))
	if runes := []rune(line); len(runes) > width {
		return string(runes[:width]) + "…"
	}
	return line
}

func (p Problems) sort(sources []*source) {
	order := map[string]int{}
	for i, s := range sources {
		order[s.name] = i
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
