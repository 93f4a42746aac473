package spec

import (
	"errors"
	"fmt"
	"strings"
)

// ParseEnvFile reads compose's format of variables, of which it takes:
//
//	# a comment, and blank lines
//	NAME=value           as it is, less spaces around it; " #" begins a comment
//	export NAME=value    the same
//	NAME='value'         to the closing quote, over line ends too; nothing in it means anything
//	NAME="value"         to the closing quote, over line ends too; \n \r \t \\ \" \$ mean what they mean in C, others are an error
//
// References (see Expand) are read in the first and the last form, an earlier name of the file before lookup; a nil lookup
// leaves every $ as it is. A name twice: the last counts. A name without "=" is an error, for compose takes it from a shell that
// is not here. Errors tell the line and never a value.
func ParseEnvFile(data []byte, lookup func(string) (string, bool)) ([]Variable, error) {
	p := envParser{rest: strings.TrimPrefix(string(data), "\ufeff"), line: 1, lookup: lookup, index: map[string]int{}}
	if strings.IndexByte(p.rest, 0) >= 0 {
		return nil, errors.New("it has a NUL byte: it is no text")
	}
	for p.rest != "" {
		at := p.line
		if err := p.entry(); err != nil {
			return nil, fmt.Errorf("line %d: %w", at, err)
		}
	}
	return p.all, nil
}

type envParser struct {
	rest   string
	line   int
	lookup func(string) (string, bool)
	all    []Variable
	index  map[string]int // of a name in all
	size   int            // of all values, which references could make larger than the file
}

// entry reads a blank line, a comment, or a variable with whatever lines its value has.
func (p *envParser) entry() error {
	line, _, _ := strings.Cut(p.rest, "\n")
	trimmed := strings.TrimSpace(line)
	if trimmed == "" || trimmed[0] == '#' {
		p.skip(len(line) + 1)
		return nil
	}
	name, _, ok := strings.Cut(line, "=")
	if !ok {
		return errors.New("there is no = in it: write NAME=value")
	}
	before := len(name) + 1
	name = strings.TrimSpace(name)
	if export, ok := strings.CutPrefix(name, "export"); ok && export != strings.TrimLeft(export, " \t") {
		name = strings.TrimLeft(export, " \t")
	}
	if CheckVariableName(name) != nil || strings.ContainsAny(name, `"'`) {
		return errors.New("what is left of = is not the name of a variable")
	}
	p.skip(before)
	value, err := p.value()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return p.set(name, value)
}

func (p *envParser) skip(n int) {
	n = min(n, len(p.rest))
	p.line += strings.Count(p.rest[:n], "\n")
	p.rest = p.rest[n:]
}

func (p *envParser) set(name, value string) error {
	if p.size += len(value); p.size > maxExpandedValue {
		return fmt.Errorf("%s: the values are more than %d MiB together", name, maxExpandedValue>>20)
	}
	i, ok := p.index[name]
	if !ok {
		i = len(p.all)
		p.index[name] = i
		p.all = append(p.all, Variable{})
	}
	p.all[i] = Variable{Name: name, Value: value}
	return nil
}

func (p *envParser) value() (string, error) {
	p.rest = strings.TrimLeft(p.rest, " \t")
	switch {
	case strings.HasPrefix(p.rest, "'"):
		end := strings.IndexByte(p.rest[1:], '\'')
		if end < 0 {
			return "", errors.New("its ' is not closed")
		}
		value := p.rest[1 : 1+end]
		p.skip(end + 2)
		return value, p.lineEnd()
	case strings.HasPrefix(p.rest, `"`):
		value, err := p.doubleQuoted()
		if err == nil {
			err = p.lineEnd()
		}
		if err != nil {
			return "", err
		}
		return p.expand(value)
	}
	line, _, _ := strings.Cut(p.rest, "\n")
	p.skip(len(line) + 1)
	return p.expand(strings.TrimSpace(withoutComment(line)))
}

func withoutComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// doubleQuoted reads to the closing quote. \$ stays $ whatever comes behind it, hence $$ for the expansion.
func (p *envParser) doubleQuoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.skip(i + 1)
			return b.String(), nil
		case '\\':
			i++
			if i == len(p.rest) {
				return "", errors.New(`its " is not closed`)
			}
			if err := p.escape(&b, p.rest[i]); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New(`its " is not closed`)
}

func (p *envParser) escape(b *strings.Builder, c byte) error {
	switch c {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case '\\', '"':
		b.WriteByte(c)
	case '$':
		if p.lookup != nil {
			b.WriteByte('$')
		}
		b.WriteByte('$')
	default:
		return errors.New(`a \ in it is none of \n \r \t \\ \" \$`)
	}
	return nil
}

// lineEnd is what may come behind a closing quote.
func (p *envParser) lineEnd() error {
	line, _, _ := strings.Cut(p.rest, "\n")
	p.skip(len(line) + 1)
	if strings.TrimSpace(withoutComment(line)) != "" {
		return errors.New("there is something behind its closing quote")
	}
	return nil
}

func (p *envParser) expand(value string) (string, error) {
	if p.lookup == nil {
		return value, nil
	}
	e := expander{budget: maxExpandedValue, lookup: func(name string) (string, bool) {
		if i, ok := p.index[name]; ok {
			return p.all[i].Value, true
		}
		return p.lookup(name)
	}}
	out, err := e.expand(value)
	if err != nil && strings.Contains(err.Error(), " is none of ") {
		err = errors.New("a ${ in it is none of ${VAR}, ${VAR:-text}, ${VAR-text}, ${VAR:?message}, ${VAR?message}: for a literal $ write $$") // without the value
	}
	return out, err
}
