package compile

import (
	"strings"

	"goinit/spec"
)

// procfile reads lines of "name: shell command", as Heroku has them. A $ in them is the shell's.
func (c *checker) procfile(s *source) object {
	apps := object{}
	for i, line := range s.lines {
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		at := place{s, i + 1, 1 + len(line) - len(strings.TrimLeft(line, " \t"))}
		name, command, ok := strings.Cut(text, ":")
		command = strings.TrimSpace(command)
		if !ok || command == "" {
			c.problem(at, "a line is NAME: COMMAND")
			continue
		}
		if _, err := spec.ParseAppName(name); err != nil {
			c.problem(at, "%v", err)
			continue
		}
		if before, twice := c.places["apps."+name]; twice {
			c.problem(at, "app %q twice: it is in line %d already", name, before.line)
			continue
		}
		c.places["apps."+name] = at
		apps = append(apps, member{name, object{{"command", []any{"/bin/sh", "-c", escapeDollar(command)}}}})
	}
	if len(apps) == 0 && len(c.problems) == 0 {
		c.problem(place{file: s}, "is empty: a line is NAME: COMMAND")
	}
	return object{{"apps", apps}}
}
