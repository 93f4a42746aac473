// Package convert turns the configurations of other process managers into a goinit.yaml: a Procfile, PM2's ecosystem file,
// supervisord's INI. It is linked into goinitctl alone.
//
// The way is the same for all three: the foreign file is read by its own tool's rules (procfile.go, pm2.go, supervisord.go)
// into a document, a list of keys with values and comments (document.go), which is written in the order and the style of the
// reference (write.go) and then given to package compile.
//
// The invariants: every option of the foreign file is either mapped or told of in a comment at the app that had it, never
// dropped without a word; and what comes out has no mistakes but for keys that this version does not have yet. A value that goinit
// does not take (a user "a b", say) becomes a comment that says why.
//
// Nothing is executed here: whoever has a program for a configuration (ecosystem.config.js) evaluates it before, see PM2.
package convert

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"goinit/spec/compile"
)

// maxFile bounds a file that is read, and all that a supervisord.conf includes.
const maxFile = 1 << 20

// Mistake is what is wrong with the foreign file, with its place. It prints as package compile's problems do.
type Mistake struct{ compile.Problem }

func (m Mistake) Error() string { return m.String() }

// mistake is one at a line of a file; line 0 is the file as a whole, column 0 the first that is not blank.
func mistake(file, text string, line, column int, format string, args ...any) error {
	p := compile.Problem{File: file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	if lines := strings.Split(text, "\n"); line > 0 && line <= len(lines) {
		p.Text = compile.Printable(lines[line-1])
		if column == 0 {
			p.Column = 1 + len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " \t"))
		}
	}
	return Mistake{p}
}

// read reads a text file.
func read(path string, files compile.Files) (string, error) {
	data, err := files.ReadFile(path, maxFile)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%s: is not text in UTF-8", path)
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }); i >= 0 {
		return "", mistake(path, text, 1+strings.Count(text[:i], "\n"), 0, "has a control character: it is no text")
	}
	return strings.ReplaceAll(text, "\r\n", "\n"), nil
}

// finish writes the document made of a file. What package compile refuses is taken out before, and told of in its place.
func finish(path string, d *document) ([]byte, error) {
	for range 100 { // each round takes something out; a file with more mistakes than that is none of a tool
		refused := refusals(d)
		if len(refused) == 0 {
			return write(d, false).text(), nil
		}
		for _, p := range refused {
			if err := d.drop(p); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
	}
	return nil, fmt.Errorf("%s: has more mistakes than are worth telling at once", path)
}

type refusal struct {
	owner   *leaf // nil: nobody in particular
	message string
}

// refusals checks the document, written with one value a line, so that a line says which value is meant.
func refusals(d *document) (all []refusal) {
	w := write(d, true)
	_, problems := compile.Compile("goinit.yaml", single(w.text()))
	for _, p := range problems {
		all = append(all, refusal{w.owner(p.Line), p.Message})
	}
	return all
}

// single is a file system of one file.
type single []byte

func (f single) ReadFile(string, int) ([]byte, error)  { return f, nil }
func (f single) Glob(pattern string) ([]string, error) { return nil, nil }

// nameOf is a file's name for the first line of what is written: without a path, which is this machine's.
func nameOf(path string) string { return filepath.Base(path) }
