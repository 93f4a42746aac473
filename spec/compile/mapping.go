package compile

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"goinit/spec"
)

// key is one key of the file: the row of the table that everything comes from.
type key struct {
	name string
	kind kind
	def  string // the default, as one would write it; empty: none
	doc  string // for the reference page and the schema
}

// mapping is one with keys of ours.
type mapping struct {
	name    string // what it is, for the reference page
	keys    []key
	foreign map[string]string // other tools' words for ours
	within  []string          // keys under which a key may belong that is not one of these
	bare    bool              // there with nothing in it is not the same as absent
	oneOf   []string          // keys of which there is one, not none and not two
}

func (k mapping) String() string { return "mapping" }

func (k mapping) schema() object {
	properties := object{}
	for _, key := range k.keys {
		properties = append(properties, member{key.name, key.schema()})
	}
	return object{{"type", "object"}, {"properties", properties},
		{"patternProperties", object{{"^x-", object{}}}}, {"additionalProperties", false}}
}

func (k mapping) find(name string) (key, bool) {
	i := slices.IndexFunc(k.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return k.keys[i], true
}

func (k mapping) read(c *checker, n *yaml.Node, path string) any {
	if n.Kind != yaml.MappingNode {
		c.at(n, path, "a mapping is wanted here, with keys such as %s, not a %s", k.keys[0].name, shape(n))
		return bad
	}
	found := map[string]any{}
	refused := false // the one of those that exclude each other
	for _, p := range c.pairs(n, 0) {
		name := p.key.Value
		if c.stopped || strings.HasPrefix(name, "x-") {
			continue
		}
		key, ok := k.find(name)
		if !ok {
			c.problem(c.placeAt(p.key), "unknown key %q%s", clip(name), k.remedy(name))
			continue
		}
		at := join(path, name)
		c.note(at, p)
		if value, ok := key.read(c, p, at); ok {
			found[name] = value
		} else if slices.Contains(k.oneOf, name) {
			refused = true
		}
	}
	out := object{}
	if refused {
		return out // without it the rest says nothing, and it has been told
	}
	k.checkOneOf(c, n, path, found)
	for _, key := range k.keys {
		if value, ok := found[key.name]; ok {
			out = append(out, member{key.name, value})
		}
	}
	return out
}

// checkOneOf lets defaults: have none, for the app may bring it.
func (k mapping) checkOneOf(c *checker, n *yaml.Node, path string, found map[string]any) {
	var there []string
	for _, name := range k.oneOf {
		if _, ok := found[name]; ok {
			there = append(there, name)
		}
	}
	switch {
	case len(there) > 1:
		c.at(n, path, "%s exclude each other: leave one", strings.Join(there, " and "))
	case len(there) == 0 && len(k.oneOf) > 0 && !strings.HasPrefix(path, "defaults."):
		c.at(n, path, "one of %s is wanted in it", strings.Join(k.oneOf, ", "))
	}
}

// read reads a value. One of our mappings with nothing in it is as good as absent.
func (k key) read(c *checker, p pair, path string) (any, bool) {
	value := c.read(k.kind, p.value, path)
	o, isObject := value.(object)
	m, ours := nested(k.kind)
	return value, !isObject || !ours || len(o) > 0 || m.bare
}

// remedy says what to write instead of a key that there is not.
func (k mapping) remedy(name string) string {
	if word, ok := k.foreign[name]; ok {
		return ": " + word
	}
	names := make([]string, 0, len(k.keys))
	for _, key := range k.keys {
		names = append(names, key.name)
		if sub, ok := nested(key.kind); ok && slices.Contains(k.within, key.name) {
			if _, ok := sub.find(name); ok {
				return ": it belongs under " + key.name + ":"
			}
		}
	}
	if near := spec.Nearest(name, names); near != "" {
		return ": is it " + near + "?"
	}
	if near := spec.Nearest(strings.ReplaceAll(strings.ToLower(name), "-", "_"), names); near != "" {
		return ": is it " + near + "?"
	}
	return ""
}

func nested(k kind) (mapping, bool) {
	switch k := k.(type) {
	case mapping:
		return k, true
	case either:
		return nested(k.mapping)
	}
	return mapping{}, false
}

func (k key) schema() object {
	s := slices.Clone(k.kind.schema())
	if k.doc != "" {
		s = append(s, member{"description", k.doc})
	}
	return s
}
