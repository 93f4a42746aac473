package compile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"goinit/spec"
)

// checker reads one spec: its files, what was found wrong, and where everything was written.
type checker struct {
	files    Files
	sources  []*source
	size     int
	problems Problems
	told     map[place]bool
	places   map[string]place
	owner    map[*yaml.Node]*source // of the roots, and of every node that lint saw
	visits   int
	stopped  bool
}

func newChecker(files Files) *checker {
	return &checker{files: files, told: map[place]bool{}, places: map[string]place{}, owner: map[*yaml.Node]*source{}}
}

// open reads a source within what is left of the bounds. from is where it was included.
func (c *checker) open(path string, from *place) *source {
	s := &source{name: path}
	at := place{file: s}
	if from != nil {
		at = *from
	}
	if len(c.sources) >= maxFiles {
		c.problem(at, "more than %d files", maxFiles)
		return nil
	}
	data, err := c.files.ReadFile(path, maxFile-c.size)
	if err != nil {
		if from != nil {
			err = fmt.Errorf("cannot read %s: %w", path, err)
		}
		c.problem(at, "%v", err)
		return nil
	}
	c.size += len(data)
	s.data, s.lines = data, strings.Split(string(data), "\n")
	c.sources = append(c.sources, s)
	return s
}

// file parses a source and reads it by a mapping of keys.
func (c *checker) file(s *source, keys mapping, path string) object {
	var doc yaml.Node
	if err := yaml.Load(s.data, &doc, yaml.WithPlugin(depthLimit{})); err != nil {
		c.syntax(s, err)
		return nil
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		c.empty(s)
		return nil
	}
	if !c.lint(s, doc.Content[0], 0) {
		return nil
	}
	tree, _ := c.read(keys, doc.Content[0], path).(object)
	return tree
}

func (c *checker) empty(s *source) {
	c.problem(place{file: s}, "is empty: a first spec is printed by goinit ctl init --minimal")
}

// depthLimit keeps the parser from nesting deeper than we read.
type depthLimit struct{}

func (depthLimit) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

// CheckAlias has nothing to say: aliases are not expanded by the parser but by read, which counts.
func (depthLimit) CheckAlias(_, _ int) error { return nil }

// syntax tells of the one mistake that the parser stops at.
func (c *checker) syntax(s *source, err error) {
	at := place{file: s}
	if strings.Contains(err.Error(), "no documents in stream") {
		c.empty(s)
		return
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	var le *yaml.LoadError
	if errors.As(err, &le) {
		at.line, at.column = le.Mark.Line, max(le.Mark.Column, 1)
		message = le.Message
		if le.ContextMsg != "" {
			message += fmt.Sprintf(" (%s, from %d:%d)", le.ContextMsg, le.ContextMark.Line, le.ContextMark.Column)
		}
	}
	if at.line > 0 && at.line <= len(s.lines) {
		indent := s.lines[at.line-1][:len(s.lines[at.line-1])-len(strings.TrimLeft(s.lines[at.line-1], " \t"))]
		if i := strings.IndexByte(indent, '\t'); i >= 0 {
			at.column = i + 1
			message = "a tab in the indentation: YAML is indented with spaces"
		}
	}
	c.problem(at, "%s", message)
}

// lint goes over every node once, without following aliases, for what is wrong whatever a key means: keys twice, tags,
// keys that are no text.
func (c *checker) lint(s *source, n *yaml.Node, depth int) bool {
	c.owner[n] = s
	ok := true
	if n.Style&yaml.TaggedStyle != 0 {
		c.problem(place{s, n.Line, n.Column}, "%s: tags have no meaning here, write the value alone", clip(n.Tag))
		ok = false
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode {
				c.problem(place{s, k.Line, k.Column}, "a key is a word, not a %s", shape(k))
				ok = false
				continue
			}
			if line, twice := seen[k.Value]; twice {
				c.problem(place{s, k.Line, k.Column}, "key %q twice: it is in line %d already", clip(k.Value), line)
				continue
			}
			seen[k.Value] = k.Line
		}
	}
	for _, sub := range n.Content {
		ok = c.lint(s, sub, depth+1) && ok
	}
	return ok
}

func (c *checker) placeAt(n *yaml.Node) place {
	return place{c.owner[n], n.Line, n.Column}
}

// at tells of a value that its key does not take.
func (c *checker) at(n *yaml.Node, path, format string, args ...any) {
	if c.owner[n] == nil {
		return // a default of the table
	}
	name := spec.Problem{Path: path}.Key()
	message := fmt.Sprintf(format, args...)
	if name != "" {
		message = name + ": " + message
	}
	c.problem(c.placeAt(n), "%s", message)
}

// read reads a node, or what it is an alias of, by a kind.
func (c *checker) read(k kind, n *yaml.Node, path string) any {
	if c.visit(n); c.stopped {
		return bad
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, ok := c.places[path]; !ok && c.owner[n] != nil {
		c.places[path] = c.placeAt(n)
	}
	return k.read(c, n, path)
}

func (c *checker) visit(n *yaml.Node) {
	if c.visits++; c.visits > maxVisits && !c.stopped {
		c.stopped = true
		c.problem(c.placeAt(n), "its aliases expand to more than %d values", maxVisits)
	}
}

type pair struct{ key, value *yaml.Node }

// note remembers where a path is written: a single value at itself, whatever is larger at its key.
func (c *checker) note(path string, p pair) {
	n := p.value
	if n.Kind != yaml.ScalarNode {
		n = p.key
	}
	c.places[path] = c.placeAt(n)
}

// pairs are the keys and values of a mapping, those of its merge keys (<<) behind its own.
func (c *checker) pairs(n *yaml.Node, depth int) []pair {
	var own, merged []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && !c.stopped; i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		c.visit(k)
		if k.Value == "<<" && k.Style == 0 {
			merged = append(merged, c.mergeKey(v, depth+1)...)
			continue
		}
		if !seen[k.Value] {
			seen[k.Value] = true
			own = append(own, pair{k, v})
		}
	}
	for _, p := range merged {
		if !seen[p.key.Value] {
			seen[p.key.Value] = true
			own = append(own, p)
		}
	}
	return own
}

func (c *checker) mergeKey(v *yaml.Node, depth int) []pair {
	from := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		from = v.Content
	}
	var all []pair
	for _, n := range slices.Clone(from) {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n.Kind != yaml.MappingNode || depth > 16 {
			c.problem(c.placeAt(v), "<<: merges a mapping, or a list of mappings: <<: *name")
			return nil
		}
		all = append(all, c.pairs(n, depth)...)
	}
	return all
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
