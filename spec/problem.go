package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Problem is one mistake: where, as keys joined by dots ("apps.web.stop.timeout"), and what to write instead.
type Problem struct {
	Path    string
	Message string
}

// Key is the last part of the path, which a message begins with; of an element of a list the list's.
func (p Problem) Key() string {
	parts := strings.Split(p.Path, ".")
	last := len(parts) - 1
	if _, err := strconv.Atoi(parts[last]); err == nil && last > 0 {
		last--
	}
	return parts[last]
}

// Problems is every mistake in a spec, as one error.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, one := range p {
		if one.Path == "" {
			lines = append(lines, one.Message)
			continue
		}
		lines = append(lines, one.Path+": "+one.Message)
	}
	return strings.Join(lines, "\n")
}

// maxProblems are enough to repair at one go.
const maxProblems = 100

func (l *loader) fail(path, format string, args ...any) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, Problem{path, fmt.Sprintf(format, args...)})
	}
}
