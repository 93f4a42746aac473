package compile

import (
	"slices"
	"strconv"
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
	// later: the work behind the key comes with a later version. Its values are checked and then refused, but for the default.
	later bool
}

// kind is what a key takes. read checks a node and returns it in the form of the compiled JSON, or bad.
type kind interface {
	read(c *checker, n *yaml.Node, path string) any
	schema() object
	String() string
}

// bad stands for a value that has been complained of. It looks like a reference, so that package spec lets it pass.
const bad = "${_}"

// scalar is a single value.
type scalar struct {
	name  string
	parse func(string) error
	types object // of the JSON Schema
}

func (k scalar) String() string { return k.name }
func (k scalar) schema() object { return k.types }

func (k scalar) read(c *checker, n *yaml.Node, path string) any {
	if n.Kind != yaml.ScalarNode {
		c.at(n, path, "%s is wanted here, not a %s", k.name, shape(n))
		return bad
	}
	if isNull(n) {
		c.at(n, path, "has no value: leave the key out, or write %s", k.name)
		return bad
	}
	reference, err := spec.HasReference(n.Value)
	if err == nil && !reference {
		err = k.parse(n.Value)
	}
	if err != nil {
		c.at(n, path, "%v", err)
		return bad
	}
	if reference {
		return n.Value
	}
	switch k.types.get("type") {
	case "integer":
		if i, err := strconv.Atoi(n.Value); err == nil {
			return i
		}
	case "boolean":
		return n.Value == "true"
	}
	return n.Value
}

// list is a sequence of one kind; with alone, a single one needs no brackets.
type list struct {
	of    kind
	alone bool
}

func (k list) String() string {
	if k.alone {
		return k.of.String() + ", or a list of them"
	}
	return "list: " + k.of.String()
}

func (k list) schema() object {
	s := object{{"type", "array"}, {"items", k.of.schema()}}
	if k.alone {
		return object{{"anyOf", []any{k.of.schema(), s}}}
	}
	return s
}

func (k list) read(c *checker, n *yaml.Node, path string) any {
	if n.Kind != yaml.SequenceNode {
		if !k.alone || isNull(n) {
			c.at(n, path, "a list is wanted here: [ … ], not a %s", shape(n))
			return bad
		}
		return []any{c.read(k.of, n, path+".0")}
	}
	all := make([]any, 0, len(n.Content))
	for i, e := range n.Content {
		all = append(all, c.read(k.of, e, path+"."+strconv.Itoa(i)))
	}
	return all
}

// table is a mapping whose keys the user chooses.
type table struct {
	keys  string // what they are
	check func(string) error
	of    kind
	extra bool // x-… is ignored in it
}

func (k table) String() string { return "mapping of " + k.keys + ": " + k.of.String() }
func (k table) schema() object {
	return object{{"type", "object"}, {"additionalProperties", k.of.schema()}}
}

func (k table) read(c *checker, n *yaml.Node, path string) any {
	if n.Kind != yaml.MappingNode {
		c.at(n, path, "a mapping is wanted here: %s: …, not a %s", k.keys, shape(n))
		return bad
	}
	all := object{}
	for _, p := range c.pairs(n, 0) {
		name := p.key.Value
		if k.extra && strings.HasPrefix(name, "x-") {
			continue
		}
		at := path + "." + name
		if err := k.check(name); err != nil {
			c.problem(c.placeAt(p.key), "%v", err)
			continue
		}
		c.note(at, p)
		all = append(all, member{name, c.read(k.of, p.value, at)})
	}
	return all
}

// mapping is one with keys of ours.
type mapping struct {
	name    string // what it is, for the reference page
	keys    []key
	foreign map[string]string // other tools' words for ours
	within  []string          // keys under which a key may belong that is not one of these
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
	for _, p := range c.pairs(n, 0) {
		name := p.key.Value
		if strings.HasPrefix(name, "x-") {
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
		}
	}
	out := object{}
	for _, key := range k.keys {
		if value, ok := found[key.name]; ok {
			out = append(out, member{key.name, value})
		}
	}
	return out
}

// read reads a value; one of a later version's is refused and left out.
func (k key) read(c *checker, p pair, path string) (any, bool) {
	before := len(c.problems)
	value := c.read(k.kind, p.value, path)
	if !k.later {
		o, isObject := value.(object)
		return value, !isObject || len(o) > 0 // nothing in it: as if it were absent
	}
	if len(c.problems) == before && !sameJSON(value, k.defaultValue()) {
		c.problem(c.placeAt(p.key), "%s is not available yet in this version%s", k.name, k.unlessDefault())
	}
	return nil, false
}

func (k key) unlessDefault() string {
	if k.def == "" || k.def == "{}" || k.def == "[]" {
		return ": leave it out"
	}
	return ": leave it out, or write " + k.def
}

// defaultValue is the default in the form of compiled JSON; nil if there is none.
func (k key) defaultValue() any {
	var doc yaml.Node
	if k.def == "" || yaml.Load([]byte(k.def), &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	return newChecker(nil).read(k.kind, doc.Content[0], k.name)
}

func sameJSON(a, b any) bool {
	x, err := encode(object{{"v", a}})
	y, err2 := encode(object{{"v", b}})
	return b != nil && err == nil && err2 == nil && string(x) == string(y)
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

// either takes one kind or another by the shape of what is written, and makes them one form.
type either struct {
	scalar, sequence, mapping kind
	short                     func(any) any // from what the scalar or the sequence gave to what the mapping gives
}

func (k either) kinds() []kind {
	var all []kind
	for _, one := range []kind{k.scalar, k.sequence, k.mapping} {
		if one != nil {
			all = append(all, one)
		}
	}
	return all
}

func (k either) String() string {
	var names []string
	for _, one := range k.kinds() {
		names = append(names, one.String())
	}
	return strings.Join(names, "; or ")
}

func (k either) schema() object {
	var all []any
	for _, one := range k.kinds() {
		all = append(all, one.schema())
	}
	return object{{"anyOf", all}}
}

func (k either) read(c *checker, n *yaml.Node, path string) any {
	one := map[yaml.Kind]kind{yaml.ScalarNode: k.scalar, yaml.SequenceNode: k.sequence, yaml.MappingNode: k.mapping}[n.Kind]
	if one == nil || isNull(n) {
		c.at(n, path, "what is wanted here is %s, not a %s", k, shape(n))
		return bad
	}
	value := one.read(c, n, path)
	if n.Kind != yaml.MappingNode && k.short != nil && value != bad {
		return k.short(value)
	}
	return value
}

func (k key) schema() object {
	s := slices.Clone(k.kind.schema())
	description := k.doc
	if k.later {
		description = strings.TrimSpace(description + " (not available yet)")
	}
	if description != "" {
		s = append(s, member{"description", description})
	}
	return s
}

// anything is for what is handed on as it is.
type anything struct{ name string }

func (k anything) String() string                              { return k.name }
func (k anything) schema() object                              { return object{} }
func (k anything) read(_ *checker, _ *yaml.Node, _ string) any { return bad }

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 &&
		slices.Contains([]string{"", "~", "null", "Null", "NULL"}, n.Value)
}

func shape(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "list"
	case n.Kind == yaml.MappingNode:
		return "mapping"
	case isNull(n):
		return "key without a value"
	}
	return "single value"
}
