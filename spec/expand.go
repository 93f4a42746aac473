package spec

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of an expansion: one value, and everything in a spec. A long variable named a million times is no way to fill PID 1.
const (
	maxExpandedValue = 1 << 20
	maxExpandedTotal = 8 << 20
	maxNesting       = 8
)

// Expand replaces the references in s:
//
//	${VAR}            the value, empty if VAR is not set
//	${VAR:-text}      text if VAR is not set or empty
//	${VAR-text}       text if VAR is not set
//	${VAR:?message}   an error with the message if VAR is not set or empty
//	${VAR?message}    an error with the message if VAR is not set
//	$$                $
//
// text may hold references. A $ before anything else is a $. What a variable holds is not read again. The second result
// names the variables that became empty because they were not set.
func Expand(s string, lookup func(string) (string, bool)) (string, []string, error) {
	e := expander{lookup: lookup, budget: maxExpandedTotal}
	out, err := e.expand(s)
	return out, e.unset, err
}

// HasReference tells whether Expand would read a variable, and whether the references are well formed.
func HasReference(s string) (bool, error) {
	found := false
	e := expander{budget: maxExpandedTotal, lookup: func(string) (string, bool) { found = true; return "x", true }}
	_, err := e.expand(s)
	return found, err
}

type expander struct {
	lookup func(string) (string, bool)
	unset  []string
	budget int
}

func (e *expander) expand(s string) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	var b strings.Builder
	if _, err := e.text(&b, s, 0, true); err != nil {
		return "", err
	}
	if e.budget -= b.Len(); e.budget < 0 {
		return "", fmt.Errorf("the values with ${…} are more than %d MiB together", maxExpandedTotal>>20)
	}
	return b.String(), nil
}

// text expands s until its end or, inside a reference, until the closing brace, and returns what comes behind. A branch that
// is not taken (live is false) is read for its syntax only.
func (e *expander) text(b *strings.Builder, s string, depth int, live bool) (rest string, err error) {
	for s != "" {
		switch {
		case strings.HasPrefix(s, "$$"):
			e.write(b, "$", live)
			s = s[2:]
		case strings.HasPrefix(s, "${"):
			if s, err = e.reference(b, s, depth+1, live); err != nil {
				return "", err
			}
		case s[0] == '}' && depth > 0:
			return s, nil
		default:
			n := strings.IndexAny(s[1:], "$}") + 1
			if n == 0 {
				n = len(s)
			}
			e.write(b, s[:n], live)
			s = s[n:]
		}
		if b.Len() > maxExpandedValue {
			return "", fmt.Errorf("with its variables it is longer than %d MiB", maxExpandedValue>>20)
		}
	}
	return "", nil
}

func (e *expander) write(b *strings.Builder, s string, live bool) {
	if live {
		b.WriteString(s)
	}
}

func (e *expander) reference(b *strings.Builder, s string, depth int, live bool) (rest string, err error) {
	if depth > maxNesting {
		return "", fmt.Errorf("${…} inside ${…} more than %d deep", maxNesting)
	}
	name := variableName(s[2:])
	rest = s[2+len(name):]
	if name == "" || rest == "" {
		return "", errReference(s)
	}
	var value string
	var set bool
	if live {
		value, set = e.lookup(name)
	}
	colon := strings.HasPrefix(rest, ":")
	if colon {
		rest = rest[1:]
		set = set && value != ""
	}
	if rest == "" || colon && rest[0] == '}' {
		return "", errReference(s)
	}
	switch rest[0] {
	case '}':
		if live && !set {
			e.unset = append(e.unset, name)
		}
		e.write(b, value, live)
		return rest[1:], nil
	case '-':
		if set {
			e.write(b, value, live)
		}
		rest, err = e.text(b, rest[1:], depth, live && !set)
	case '?':
		var message strings.Builder
		if set {
			e.write(b, value, live)
		}
		rest, err = e.text(&message, rest[1:], depth, live && !set)
		if err == nil && live && !set {
			return "", unsetError(name, message.String(), colon)
		}
	default:
		return "", errReference(s)
	}
	if err != nil {
		return "", err
	}
	if rest == "" {
		return "", errReference(s)
	}
	return rest[1:], nil
}

func unsetError(name, message string, orEmpty bool) error {
	what := "not set"
	if orEmpty {
		what = "not set or empty"
	}
	if message == "" {
		return fmt.Errorf("${%s} is %s", name, what)
	}
	return fmt.Errorf("${%s} is %s: %s", name, what, message)
}

func errReference(s string) error {
	if n := strings.IndexByte(s, '}'); n >= 0 {
		return fmt.Errorf("%q is none of ${VAR}, ${VAR:-text}, ${VAR-text}, ${VAR:?message}, ${VAR?message}: for a literal $ write $$", clip(s[:n+1]))
	}
	return errors.New(`"${" without its "}": for a literal $ write $$`)
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// variableName is the longest prefix that a shell takes for a name.
func variableName(s string) string {
	i := 0
	for i < len(s) && (s[i] == '_' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z' || i > 0 && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	return s[:i]
}
