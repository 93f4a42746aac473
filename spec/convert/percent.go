package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Marks in an expanded text for what only a running goinit knows. Input has no control characters (see read), so nothing else
// looks like one.
//
//	\x01NAME\x02   goinit's variable NAME, ${NAME}
//	\x03WIDTH\x04  the number of the worker, with zeros ahead up to WIDTH
const (
	envOpen, envClose  = '\x01', '\x02'
	slotOpen, slotEnds = '\x03', '\x04'
)

var conversion = regexp.MustCompile(`^%\(([^)]*)\)([-+ #0]*)([0-9]*)(?:\.[0-9]+)?([sdi])`)

// expansions are what %(name)s stands for.
type expansions map[string]string

// expand replaces %(name)s, %(name)d, %(name)02d and %% as Python's % does.
func (e expansions) expand(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if strings.HasPrefix(s[i:], "%%") {
			b.WriteByte('%')
			i++
			continue
		}
		m := conversion.FindStringSubmatch(s[i:])
		if m == nil {
			return "", fmt.Errorf("a %% is neither %%%% nor %%(NAME)s: %q", clip(s[i:]))
		}
		text, err := e.convert(m[1], m[2], m[3], m[4])
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		i += len(m[0]) - 1
	}
	return b.String(), nil
}

func (e expansions) convert(name, flags, width, verb string) (string, error) {
	value, known := e[name]
	if env, ok := strings.CutPrefix(name, "ENV_"); ok && !known && variableName.MatchString(env) {
		value, known = string(envOpen)+env+string(envClose), true
	}
	if !known {
		return "", fmt.Errorf("%%(%s)s is none of %s", clip(name), strings.Join(e.names(), ", "))
	}
	if value == string(slotOpen)+string(slotEnds) {
		if !strings.Contains(flags, "0") {
			width = ""
		}
		return string(slotOpen) + width + string(slotEnds), nil
	}
	n, err := strconv.Atoi(value)
	if w, _ := strconv.Atoi(width); err == nil && w < 20 && w > 0 && strings.Contains(flags, "0") && verb != "s" {
		return fmt.Sprintf("%0*d", w, n), nil
	}
	if err != nil && verb != "s" {
		return "", fmt.Errorf("%%(%s)%s: it is no number", clip(name), verb)
	}
	return value, nil
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (e expansions) names() []string {
	all := []string{"%(ENV_X)s"}
	for name := range e {
		if !strings.HasPrefix(name, "ENV_") {
			all = append(all, "%("+name+")s")
		}
	}
	slices.Sort(all)
	return all
}

// notation is expanded text as goinit has it: marks are references, everything else is literal.
func notation(s string) string {
	var b strings.Builder
	for s != "" {
		open := strings.IndexByte(s, envOpen)
		end := strings.IndexByte(s, envClose)
		if open < 0 || end < open {
			b.WriteString(literal(s))
			break
		}
		before := literal(s[:open])
		if strings.HasSuffix(s[:open], "$") {
			before += "$" // else it would escape the reference
		}
		b.WriteString(before + "${" + s[open+1:end] + "}")
		s = s[end+1:]
	}
	return b.String()
}

func hasVariable(s string) bool { return strings.IndexByte(s, envOpen) >= 0 }

func hasSlot(s string) bool { return strings.IndexByte(s, slotOpen) >= 0 }

// slots knows the numbers of a program with numprocs: first … first+count-1.
type slots struct{ first, count int }

// number is the text of one worker.
func (n slots) number(s string, k int) string {
	for {
		open, end := strings.IndexByte(s, slotOpen), strings.IndexByte(s, slotEnds)
		if open < 0 || end < open {
			return s
		}
		width, _ := strconv.Atoi(s[open+1 : end])
		s = s[:open] + fmt.Sprintf("%0*d", min(width, 20), n.first+k) + s[end+1:]
	}
}

// base is the number that counts up by one from worker to worker, if the text is such a number.
func (n slots) base(s string) (int, bool) {
	first, err := strconv.Atoi(n.number(s, 0))
	if err != nil || first < 0 || n.count < 1 {
		return 0, false
	}
	for _, k := range []int{0, min(1, n.count-1), n.count - 1} {
		if n.number(s, k) != strconv.Itoa(first+k) {
			return 0, false
		}
	}
	return first, true
}

// shell is one word for a shell, in which the number is computed from GOINIT_SLOT.
func (n slots) shell(word string) string {
	var b strings.Builder
	for word != "" {
		i := strings.IndexAny(word, string(slotOpen)+string(envOpen))
		if i < 0 {
			b.WriteString(shellQuoted(word))
			break
		}
		end := i + strings.IndexAny(word[i:], string(slotEnds)+string(envClose))
		before, mark := word[:i], word[i:end+1]
		if word[i] == envOpen {
			b.WriteString(shellQuoted(before) + `"$` + mark[1:len(mark)-1] + `"`)
			word = word[end+1:]
			continue
		}
		digits := before[len(strings.TrimRight(before, "0123456789")):]
		if base, ok := n.base(digits + mark); ok && digits != "" {
			b.WriteString(shellQuoted(strings.TrimSuffix(before, digits)) + n.sum(base))
		} else {
			b.WriteString(shellQuoted(before) + n.padded(mark[1:len(mark)-1]))
		}
		word = word[end+1:]
	}
	if b.Len() == 0 {
		return "''"
	}
	return b.String()
}

func (n slots) sum(base int) string {
	if base == 0 {
		return "$((GOINIT_SLOT))"
	}
	return fmt.Sprintf("$((%d + GOINIT_SLOT))", base)
}

func (n slots) padded(width string) string {
	if w, _ := strconv.Atoi(width); w > 1 {
		return fmt.Sprintf("$(printf %%0%dd %s)", w, n.sum(n.first))
	}
	return n.sum(n.first)
}

var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,^-]*$`)

func shellQuoted(s string) string {
	if shellSafe.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
