package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// builtins are words that only a shell runs.
var builtins = []string{"cd", "export", "source", ".", "exec", "eval", "ulimit", "umask", "set", "trap", "if", "for", "while"}

// splitWords splits a command as a shell would, without one: spaces separate, '…' keeps everything, "…" keeps all but \" \\
// \$ and \`, a backslash keeps what follows. Whatever a shell would do more than that for is an error that names shell:.
// References stay as they are, so a variable's value is never split.
func splitWords(s string) ([]string, error) {
	w := splitter{rest: strings.TrimSpace(s)}
	if strings.Contains(w.rest, "\n") {
		return nil, errors.New("several lines: only a shell runs a script, write shell: instead")
	}
	for w.rest != "" {
		if err := w.next(); err != nil {
			return nil, err
		}
	}
	w.end()
	return w.words, checkFirst(w.words)
}

func checkFirst(words []string) error {
	if len(words) == 0 {
		return errors.New("is empty: write the program and its arguments")
	}
	first := words[0]
	name, _, assigns := strings.Cut(first, "=")
	if assigns && !strings.ContainsAny(name, "/${") {
		return fmt.Errorf("%q sets a variable for a shell: write environment: {%s: …}", clip(first), clip(name))
	}
	if slices.Contains(builtins, first) {
		return fmt.Errorf("%q is a word of the shell: write shell: instead", first)
	}
	return nil
}

type splitter struct {
	rest  string
	word  strings.Builder
	open  bool // a word has begun, an empty one maybe
	words []string
}

func (w *splitter) end() {
	if w.open {
		w.words = append(w.words, w.word.String())
		w.word.Reset()
		w.open = false
	}
}

func (w *splitter) take(n int, into string) {
	w.word.WriteString(into)
	w.open = true
	w.rest = w.rest[n:]
}

func (w *splitter) next() error {
	switch c := w.rest[0]; c {
	case ' ', '\t', '\r':
		w.end()
		w.rest = w.rest[1:]
	case '\'':
		end := strings.IndexByte(w.rest[1:], '\'')
		if end < 0 {
			return errors.New("a ' is not closed")
		}
		w.take(end+2, escapeDollar(w.rest[1:1+end]))
	case '"':
		return w.doubleQuoted()
	case '\\':
		if len(w.rest) == 1 {
			return errors.New(`a \ at the end keeps nothing`)
		}
		w.take(2, escapeDollar(w.rest[1:2]))
	case '|', '&', ';', '<', '>', '*', '`':
		return fmt.Errorf("%q is for a shell, and there is none: write shell: instead, or quote it", c)
	case '$':
		return w.dollar()
	default:
		w.take(1, w.rest[:1])
	}
	return nil
}

func (w *splitter) doubleQuoted() error {
	w.take(1, "")
	for w.rest != "" {
		switch c := w.rest[0]; {
		case c == '"':
			w.take(1, "")
			return nil
		case c == '\\' && len(w.rest) > 1 && strings.IndexByte("\"\\$`", w.rest[1]) >= 0:
			w.take(2, escapeDollar(w.rest[1:2]))
		case c == '$':
			if err := w.dollar(); err != nil {
				return err
			}
		default:
			w.take(1, w.rest[:1])
		}
	}
	return errors.New(`a " is not closed`)
}

// dollar takes a whole reference, spaces in it and all. $NAME, which a shell would expand and goinit would not, is an error.
func (w *splitter) dollar() error {
	switch rest := w.rest[1:]; {
	case strings.HasPrefix(rest, "$"):
		w.take(2, "$$")
	case strings.HasPrefix(rest, "{"):
		depth := 0
		for i := range len(w.rest) {
			switch {
			case strings.HasPrefix(w.rest[i:], "${"):
				depth++
			case w.rest[i] == '}':
				if depth--; depth == 0 {
					w.take(i+1, w.rest[:i+1])
					return nil
				}
			}
		}
		return errors.New(`"${" without its "}"`)
	case rest != "" && (rest[0] == '_' || rest[0] >= 'a' && rest[0] <= 'z' || rest[0] >= 'A' && rest[0] <= 'Z'):
		n := 1
		for n < len(rest) && (rest[n] == '_' || rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z' || rest[n] >= '0' && rest[n] <= '9') {
			n++
		}
		return fmt.Errorf("$%s is for a shell, and there is none: write ${%s}, or $$%s for the text", clip(rest[:n]), clip(rest[:n]), clip(rest[:n]))
	case rest != "" && rest[0] == '(':
		return errors.New("$( is for a shell, and there is none: write shell: instead")
	default:
		w.take(1, "$$")
	}
	return nil
}

func escapeDollar(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// words is the kind of a command: a list of words, or a string that is split into them.
type words struct{}

func (words) String() string {
	return "list of words, or a string that is split into them without a shell"
}
func (words) schema() object {
	return object{{"anyOf", []any{object{{"type", "string"}}, object{{"type", "array"}, {"items", textKind().types}, {"minItems", 1}}}}}
}

func (words) read(c *checker, n *yaml.Node, path string) any {
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) == 0 {
			c.at(n, path, "is empty: write the program and its arguments")
			return bad
		}
		return list{of: textKind()}.read(c, n, path)
	}
	if value := textKind().read(c, n, path); value == bad {
		return bad
	}
	split, err := splitWords(n.Value)
	if err != nil {
		c.at(n, path, "%v", err)
		return bad
	}
	all := make([]any, 0, len(split))
	for _, word := range split {
		all = append(all, word)
	}
	return all
}

// shell is the kind of shell:, which becomes the command that runs it.
type shell struct{}

func (shell) String() string { return "text for /bin/sh -c" }
func (shell) schema() object { return textKind().types }

func (shell) read(c *checker, n *yaml.Node, path string) any {
	value := textKind().read(c, n, path)
	if value == bad {
		return bad
	}
	return []any{"/bin/sh", "-c", value}
}
