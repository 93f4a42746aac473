package convert

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// shellWords are words that only a shell runs: a line that begins with one is a script.
var shellWords = []string{"cd", "export", "source", ".", "exec", "eval", "ulimit", "umask", "set", "unset", "trap", "if", "for", "while",
	"until", "case", "test", "[", "{", "!", "wait", "read", "alias", "true", "false", "exit", ":", "type", "command"}

// literal is foreign text in goinit's notation, in which ${ begins a reference and $$ is a $.
func literal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '$' || s[i+1] == '{') {
			b.WriteByte('$')
		}
	}
	return b.String()
}

func literals(all []string) []string {
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, literal(s))
	}
	return out
}

// line is what is known of a shell's line without running it.
type line struct {
	words  []string // the program and its arguments, if no shell is needed for them
	single bool     // one command: "exec" may stand before it, and the shell is gone
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	plainWord  = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,^-]$`)
)

// parseLine tells whether a line needs a shell. It is cautious: whatever is not surely a program and its arguments, does.
func parseLine(text string) line {
	if strings.ContainsAny(text, ";&|<>()`\n") {
		return line{} // maybe quoted, and no harm done: a shell it is
	}
	var all []string
	var word strings.Builder
	open, simple := false, true
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			if open {
				all = append(all, word.String())
				word.Reset()
				open = false
			}
			continue
		case c == '\'' || c == '"':
			n := strings.IndexByte(text[i+1:], c)
			if n < 0 {
				return line{}
			}
			inside := text[i+1 : i+1+n]
			simple = simple && (c == '\'' || !strings.ContainsAny(inside, "$\\"))
			if c == '"' && strings.Contains(inside, `\`) {
				return line{} // its end may be another
			}
			word.WriteString(inside)
			i += n + 1
		default:
			simple = simple && plainWord.MatchString(text[i:i+1])
			word.WriteByte(c)
		}
		open = true
	}
	if open {
		all = append(all, word.String())
	}
	if len(all) > 1 && all[0] == "exec" {
		all = all[1:]
	}
	if len(all) == 0 || slices.Contains(shellWords, all[0]) {
		return line{}
	}
	if !simple || assignment.MatchString(all[0]) {
		return line{single: true}
	}
	return line{words: all, single: true}
}

// runLine gives an app a shell's line, without the shell if it needs none.
func (a *app) runLine(text, from string) {
	switch l := parseLine(text); {
	case l.words != nil:
		a.set("command", words(literals(l.words)), from)
	case l.single:
		a.set("shell", literal(withExec(text)), from)
	default:
		a.set("shell", literal(text), from)
		a.set("stop.target", "tree", from).comment = "a shell does not pass signals on"
	}
}

// withExec has the shell become the program, behind the variables that it sets for it.
func withExec(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "exec ") {
		return text
	}
	i := 0
	for assignment.MatchString(text[i:]) {
		n := wordEnd(text[i:])
		for i += n; i < len(text) && (text[i] == ' ' || text[i] == '\t'); i++ {
		}
	}
	return text[:i] + "exec " + text[i:]
}

// wordEnd is where the first word ends.
func wordEnd(s string) int {
	quote := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == ' ' || c == '\t':
			return i
		}
	}
	return len(s)
}

// splitPOSIX splits as Python's shlex.split does: quotes and backslashes as a shell has them, and nothing else of a shell.
func splitPOSIX(s string) ([]string, error) {
	var all []string
	var word strings.Builder
	open := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			if open {
				all = append(all, word.String())
				word.Reset()
				open = false
			}
			continue
		case '\'':
			n := strings.IndexByte(s[i+1:], '\'')
			if n < 0 {
				return nil, errors.New("a ' is not closed")
			}
			word.WriteString(s[i+1 : i+1+n])
			i += n + 1
		case '"':
			n, err := doubleQuoted(&word, s[i+1:])
			if err != nil {
				return nil, err
			}
			i += n
		case '\\':
			if i++; i == len(s) {
				return nil, errors.New(`a \ at the end keeps nothing`)
			}
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
		open = true
	}
	if open {
		all = append(all, word.String())
	}
	if len(all) == 0 {
		return nil, errors.New("is empty")
	}
	return all, nil
}

// doubleQuoted reads to the closing quote, and returns how much that was.
func doubleQuoted(word *strings.Builder, s string) (int, error) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1, nil
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		word.WriteByte(s[i])
	}
	return 0, errors.New(`a " is not closed`)
}
