package watch

import (
	"path"
	"path/filepath"
	"strings"
)

// rule is a line of an ignore list, as gitignore(5) has them: a name without a slash counts at any depth; with one in
// front or within, from Plan.Dir on (or from the root, for a whole path); one at the end means folders only; ! takes back.
type rule struct {
	names    []string
	anchored bool
	folders  bool
	keep     bool
}

// scratch is what editors leave beside a file while it is open: nobody waits for that to change.
var scratch = [...]string{"*.swp", "*.swx", "*.swo", "4913", "*~", ".#*", "#*#", "*___jb_tmp___", "*___jb_old___", ".goutputstream-*"}

func newRule(text string) rule {
	text, keep := strings.CutPrefix(text, "!")
	r := rule{names: split(text), keep: keep, folders: strings.HasSuffix(text, "/")}
	r.anchored = strings.Contains(strings.TrimSuffix(strings.TrimPrefix(text, "./"), "/"), "/")
	if strings.HasPrefix(text, "./") {
		r.names, r.anchored = r.names[1:], true
	}
	return r
}

// ignored reports whether an entry of a folder is not to be looked at; what is below one that is, is nobody's business.
func (w *Watcher) ignored(full string, folder bool) bool {
	name := path.Base(full)
	for _, one := range scratch {
		if ok, _ := path.Match(one, name); ok && !folder {
			return true
		}
	}
	ignored := folder && (full == "/proc" || full == "/sys" || full == "/dev") // of the kernel's, where a path is /
	for i := range w.ignore {
		if r := &w.ignore[i]; r.keep == ignored && (folder || !r.folders) && r.meets(full, name, w.plan.Dir) {
			ignored = !r.keep
		}
	}
	return ignored
}

// hidden reports whether what is below a folder is ignored, or in another one that is.
func (w *Watcher) hidden(dir, full string, folder bool) bool {
	inside, ok := under(full, dir)
	if !ok {
		return false
	}
	names := split(inside)
	for i, name := range names {
		dir = filepath.Join(dir, name)
		if w.ignored(dir, folder || i < len(names)-1) {
			return true
		}
	}
	return false
}

func (r *rule) meets(full, name, dir string) bool {
	if !r.anchored {
		ok, _ := path.Match(r.names[0], name)
		return ok
	}
	if inside, ok := under(full, dir); ok && exactly(r.names, split(inside)) {
		return true
	}
	return exactly(r.names, split(full))
}

// exactly is matchNames without what is below.
func exactly(pattern, names []string) bool {
	whole, _ := matchNames(pattern, names)
	if !whole || len(names) == 0 {
		return whole
	}
	if pattern[len(pattern)-1] == "**" {
		return true
	}
	parent, _ := matchNames(pattern, names[:len(names)-1])
	return !parent
}
