package convert

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"goinit/spec"
	"goinit/spec/compile"
)

// document is a goinit.yaml that is to be written. Values are in goinit's notation already: see literal.
type document struct {
	head []string // comments ahead of everything, a paragraph each
	root section  // the keys of the file; its "defaults" are a section of an app's keys
	apps []*app
	tail []block // comments behind everything

	names  map[string]bool          // of apps, those that are taken
	tables map[string][]compile.Key // of keys, those that were asked for: each is made anew otherwise
}

func (d *document) keys(path string) []compile.Key {
	all, ok := d.tables[path]
	if !ok {
		if d.tables == nil {
			d.tables = map[string][]compile.Key{}
		}
		all = compile.Keys(path)
		d.tables[path] = all
	}
	return all
}

// app is one entry of apps:.
type app struct {
	section
	name string
	told []string // what has no equal, one option each
}

// block is a comment of several lines, the first of which says what the others are.
type block struct {
	head  string
	lines []string
}

// section is a mapping whose keys goinit knows.
type section struct{ leaves []*leaf }

// leaf is one value at a path of keys, {"stop", "signal"}. Its value is a string, an int, a bool, words (a command), a list,
// or pairs (a mapping whose keys the user chose).
type leaf struct {
	path    []string
	value   any
	comment string
	from    string // the foreign option it came from, for what is told if it is refused
	app     *app   // whose it is, known once it is written; nil: the file's
}

type (
	words []string
	list  []string
	pairs []pair
)

type pair struct {
	key   string
	value any // string, int or bool
}

func (s *section) find(path string) *leaf {
	for _, l := range s.leaves {
		if strings.Join(l.path, ".") == path {
			return l
		}
	}
	return nil
}

// set puts a value at a path such as "stop.signal", in place of the one that is there. from is the foreign option.
func (s *section) set(path string, value any, from string) *leaf {
	l := s.find(path)
	if l == nil {
		l = &leaf{path: strings.Split(path, ".")}
		s.leaves = append(s.leaves, l)
	}
	l.value, l.from = value, from
	return l
}

func (s *section) remove(gone *leaf) {
	for i, l := range s.leaves {
		if l == gone {
			s.leaves = append(s.leaves[:i:i], s.leaves[i+1:]...)
			return
		}
	}
}

// pair sets one entry of a mapping whose keys the user chose.
func (s *section) pair(path, key string, value any, from string) {
	l := s.find(path)
	if l == nil {
		l = s.set(path, pairs(nil), from)
	}
	all := l.value.(pairs)
	for i := range all {
		if all[i].key == key {
			all[i].value = value
			return
		}
	}
	l.value = append(all, pair{key, value})
}

// unpair takes one out, and returns what it was.
func (s *section) unpair(path, key string) (any, bool) {
	l := s.find(path)
	if l == nil {
		return nil, false
	}
	all := l.value.(pairs)
	for i, p := range all {
		if p.key == key {
			l.value = append(all[:i:i], all[i+1:]...)
			if len(all) == 1 {
				s.remove(l)
			}
			return p.value, true
		}
	}
	return nil, false
}

// app adds one. Its name is the foreign one if goinit takes it; else one like it, and that is told.
func (d *document) app(foreign string) *app {
	a := &app{name: d.nameFor(foreign)}
	if a.name != foreign {
		a.tell("its name was %s", quoted(foreign))
	}
	d.apps = append(d.apps, a)
	return a
}

func (d *document) nameFor(foreign string) string {
	base := identifier(foreign, "-_")
	if base == "" {
		base = "app"
	}
	if base[0] < 'a' || base[0] > 'z' || strings.HasPrefix(base, "x-") { // x-… is ignored in a spec
		base = "app-" + base
	}
	name := clipped(base, 63)
	for n := 2; ; n++ {
		if _, err := spec.ParseAppName(name); err == nil && !d.names[name] {
			break
		}
		suffix := fmt.Sprintf("-%d", n)
		name = clipped(base, 63-len(suffix)) + suffix
	}
	if d.names == nil {
		d.names = map[string]bool{}
	}
	d.names[name] = true
	return name
}

// identifier is a name in the letters that goinit takes for names and tags, or nothing.
func identifier(s, others string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune(others, r):
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

func clipped(s string, n int) string {
	if len(s) > n {
		return strings.TrimRight(s[:n], "-")
	}
	return s
}

// tag adds one to an app.
func (a *app) tag(foreign, from string) {
	name := clipped(identifier(foreign, "-_."), 63)
	if name == "" {
		a.tell("%s %s: its letters are none of a tag", from, quoted(foreign))
		return
	}
	var all list
	if l := a.find("tags"); l != nil {
		all = l.value.(list)
	}
	if !slices.Contains(all, name) {
		a.set("tags", append(all, name), from)
	}
}

// tell adds a comment on an option that has no equal, or on what is left to be done by hand.
func (a *app) tell(format string, args ...any) {
	a.told = append(a.told, fmt.Sprintf(format, args...))
}

// drop takes out what goinit does not take, and tells of it.
func (d *document) drop(r refusal) error {
	switch l := r.owner; {
	case l == nil:
		return errors.New(r.message)
	case l.path[0] == "command" || l.path[0] == "shell":
		return fmt.Errorf("%s: %s", l.app.name, r.message)
	case l.app != nil:
		l.app.remove(l)
		l.app.tell("%s: %s", l.from, r.message)
	default:
		d.root.remove(l)
		d.head = append(d.head, fmt.Sprintf("%s: %s", l.from, r.message))
	}
	return nil
}
