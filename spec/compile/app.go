package compile

import "go.yaml.in/yaml/v4"

// app is the mapping of an app, in which shell: becomes the command it stands for.
type app struct{ mapping }

// schema refers to one description, for apps: and defaults: both have it.
func (k app) schema() object { return object{{"$ref", "#/$defs/app"}} }

func (k app) read(c *checker, n *yaml.Node, path string) any {
	if isNull(n) {
		c.at(n, path, "has no value: write its command: beneath it")
		return bad
	}
	o, ok := k.mapping.read(c, n, path).(object)
	if !ok {
		return bad
	}
	shell := o.get("shell")
	if shell == nil {
		return o
	}
	if o.get("command") != nil {
		c.problem(c.places[path+".shell"], "shell: beside command: one of them runs, leave the other out")
	}
	return merge(object{{"command", shell}}, o.without("shell").without("command"))
}

// inOrder puts every key of ours in the order of the table, so that two spellings of a spec compile to one.
func inOrder(tree object) object {
	sorted := tree.sortedBy(append([]key{{name: "version"}, {name: "name"}, {name: "compiled"}}, rootKeys().keys...))
	apps, _ := sorted.get("apps").(object)
	keys := appKeys().keys
	for i, a := range apps {
		if o, ok := a.value.(object); ok {
			apps[i].value = o.sortedBy(keys)
		}
	}
	return sorted
}

func (o object) sortedBy(keys []key) object {
	out := make(object, 0, len(o))
	for _, k := range keys {
		value := o.get(k.name)
		if value == nil || out.get(k.name) != nil {
			continue
		}
		if sub, ok := value.(object); ok {
			if m, ok := nested(k.kind); ok {
				value = sub.sortedBy(m.keys)
			}
		}
		out = append(out, member{k.name, value})
	}
	return out
}
