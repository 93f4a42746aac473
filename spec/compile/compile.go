// Package compile turns what people write (YAML, a Procfile) into the JSON that spec.Load reads. It is linked into goinitctl
// alone: PID 1 has it done in a child, or before, when an image is built.
//
// One table (keys.go) says which keys there are, what each takes and what its default is.
// The checks, the JSON Schema and the reference page come from it. The invariant: whatever Compile returns without problems
// spec.Load takes, unless a ${VAR} has a value that does not fit; and no key that a user wrote is ignored without a word, but
// for those that begin with x-.
//
// Compiling resolves syntax and nothing else: no user, no file but includes, no variable, no CPU count. The input is foreign:
// its size, the number of its files, its depth and what its aliases expand to are bounded.
package compile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"goinit/spec"
)

// Bounds of the input.
const (
	maxFile   = 1 << 20 // of all files together, too
	maxFiles  = 256
	maxDepth  = 64
	maxVisits = 200_000 // nodes that are read, an alias's as often as it is used
)

// Files is where sources come from.
type Files interface {
	// ReadFile returns at most limit bytes of a file, and an error if there are more.
	ReadFile(path string, limit int) ([]byte, error)
	// Glob returns the files that match, sorted.
	Glob(pattern string) ([]string, error)
}

// Compile reads a spec and returns it as JSON, ready for spec.Load, or everything that is wrong with it. A file whose name
// begins with Procfile is read as one.
func Compile(path string, files Files) ([]byte, Problems) {
	c := newChecker(files)
	out := c.compile(path)
	c.problems.sort(c.sources)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return out, nil
}

func (c *checker) compile(path string) []byte {
	main := c.open(path, nil)
	if main == nil {
		return nil
	}
	var tree object
	if strings.HasPrefix(filepath.Base(path), "Procfile") {
		tree = c.procfile(main)
	} else {
		tree = c.file(main, rootKeys(), "")
	}
	tree = c.include(main, tree)
	tree = withDefaults(tree)
	tree.set("compiled", c.provenance(path))
	out, err := encode(inOrder(tree))
	if err != nil {
		c.problem(place{file: main}, "cannot write it as JSON: %v", err)
		return nil
	}
	c.checkMeaning(out)
	return out
}

// checkMeaning asks package spec for what only it knows: cycles, keys that do not go together. What a place has been told of
// already is not told twice.
func (c *checker) checkMeaning(out []byte) {
	problems, err := spec.Check(out)
	if err != nil {
		c.problem(place{file: c.sources[0]}, "the spec is too large: %v", err)
		return
	}
	for _, p := range problems {
		if p.Path == "apps" && len(c.problems) > 0 {
			continue // nothing is left of the apps because of what was told
		}
		at := c.placeOf(p.Path)
		if !c.told[at] {
			c.problem(at, "%s: %s", p.Key(), p.Message)
		}
	}
}

// placeOf is where a path was written: in the app, in the defaults, or where the nearest of its parents was.
func (c *checker) placeOf(path string) place {
	for p := path; p != ""; {
		if at, ok := c.places[p]; ok {
			return at
		}
		if parts := strings.SplitN(p, ".", 3); len(parts) == 3 && parts[0] == "apps" {
			if at, ok := c.places["defaults."+parts[2]]; ok {
				return at
			}
		}
		p = p[:max(strings.LastIndexByte(p, '.'), 0)]
	}
	return place{file: c.sources[0], line: 1, column: 1}
}

// provenance names the sources from the folder of the first, so that nothing of the building machine is in it.
func (c *checker) provenance(path string) object {
	folder := filepath.Dir(path)
	var sources []any
	for _, s := range c.sources {
		name := s.name
		if relative, err := filepath.Rel(folder, name); err == nil {
			name = relative
		}
		sum := sha256.Sum256(s.data)
		sources = append(sources, object{{"path", name}, {"sha256", hex.EncodeToString(sum[:])}})
	}
	return object{{"format", spec.Format}, {"sources", sources}}
}

// withDefaults puts the defaults beneath each app.
func withDefaults(tree object) object {
	defaults, _ := tree.get("defaults").(object)
	apps, ok := tree.get("apps").(object)
	if !ok {
		return tree.without("defaults")
	}
	merged := make(object, 0, len(apps))
	for _, app := range apps {
		if own, ok := app.value.(object); ok && len(defaults) > 0 {
			app.value = merge(applicable(defaults, own), own)
		}
		merged = append(merged, app)
	}
	return tree.without("defaults").without("apps").with("apps", merged)
}

// applicable are the defaults less those that say how and not what: a readiness with a period alone is for the apps that
// have one.
func applicable(defaults, own object) object {
	for _, key := range appKeys().keys {
		m, _ := nested(key.kind)
		under, ok := defaults.get(key.name).(object)
		if len(m.oneOf) == 0 || !ok || own.get(key.name) != nil {
			continue
		}
		if !slices.ContainsFunc(m.oneOf, func(name string) bool { return under.get(name) != nil }) {
			defaults = defaults.without(key.name)
		}
	}
	return defaults
}

func encode(tree object) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(tree); err != nil {
		return nil, fmt.Errorf("cannot encode: %w", err)
	}
	return b.Bytes(), nil
}
