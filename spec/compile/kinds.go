package compile

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"goinit/spec"
)

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

// schema: whatever is no text anyway may be a reference instead.
func (k scalar) schema() object {
	switch k.types.get("type") {
	case "integer", "boolean":
		return object{{"anyOf", []any{k.types, object{{"type", "string"}, {"pattern", `\$\{`}}}}}
	}
	return k.types
}

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
	extra bool // x-… is ignored in it, if it holds an anchor
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
			if !anchored(p.value) {
				c.problem(c.placeAt(p.key), "%s: what begins with x- is ignored, and is there to hold anchors; this has none: choose another name", clip(name))
			}
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

// anchored reports whether there is an anchor in what was written: something that other places can refer to.
func anchored(n *yaml.Node) bool {
	return n.Anchor != "" || slices.ContainsFunc(n.Content, anchored)
}

// either takes one kind or another by the shape of what is written, and makes them one form.
type either struct {
	scalar, sequence, mapping kind
	short                     func(any) any // from what the scalar or the sequence gave to what the mapping gives
}

// kinds are those that it takes.
func (k either) kinds() []kind {
	var all []kind
	for _, one := range []kind{k.scalar, k.sequence, k.mapping} {
		if _, no := one.(refused); one != nil && !no {
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
	if isNull(n) {
		c.at(n, path, `has no value: leave the key out, or write "" if it is to be empty`)
		return bad
	}
	if one == nil {
		c.at(n, path, "what is wanted here is %s, not a %s", k, shape(n))
		return bad
	}
	value := one.read(c, n, path)
	if n.Kind != yaml.MappingNode && k.short != nil && value != bad {
		return k.short(value)
	}
	return value
}

// freeform is a mapping that is handed on as it is.
type freeform struct{ name string }

func (k freeform) String() string { return k.name }
func (k freeform) schema() object { return object{{"type", "object"}} }

func (k freeform) read(c *checker, n *yaml.Node, path string) any {
	if n.Kind != yaml.MappingNode {
		c.at(n, path, "a mapping is wanted here, not a %s", shape(n))
		return bad
	}
	return anything{}.read(c, n, path)
}

// anything is a value within a freeform.
type anything struct{}

func (anything) String() string { return "anything" }
func (anything) schema() object { return object{} }

func (anything) read(c *checker, n *yaml.Node, path string) any {
	switch n.Kind {
	case yaml.MappingNode:
		all := object{}
		for _, p := range c.pairs(n, 0) {
			at := path + "." + p.key.Value
			c.note(at, p)
			all = append(all, member{p.key.Value, c.read(anything{}, p.value, at)})
		}
		return all
	case yaml.SequenceNode:
		all := make([]any, 0, len(n.Content))
		for i, e := range n.Content {
			all = append(all, c.read(anything{}, e, path+"."+strconv.Itoa(i)))
		}
		return all
	}
	switch n.ShortTag() {
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return i
		}
	case "!!bool":
		return n.Value == "true"
	case "!!null":
		c.at(n, path, "has no value: leave the key out")
		return bad
	}
	return n.Value
}

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
