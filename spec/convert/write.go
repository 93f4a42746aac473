package convert

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"goinit/spec/compile"
)

// How wide lines become: of code that is one mapping or list in braces, and of code with a comment behind it.
const (
	widthOfFlow    = 100
	widthOfComment = 120
)

// writer makes YAML as the reference has it: keys in its order, small mappings on one line, comments behind the value where there
// is room, else above it.
type writer struct {
	b      bytes.Buffer
	blocks bool // one value a line, for owner
	owners []*leaf
}

// node is a key with what is beneath it: a leaf, or more nodes.
type node struct {
	key      string
	leaf     *leaf
	children []*node
}

func write(d *document, blocks bool) *writer {
	w := &writer{blocks: blocks}
	for _, text := range d.head {
		w.comment(0, text)
	}
	defaults := w.section(d, d.root.leaves, "", nil)
	w.nodes(defaults, 0)
	w.line("apps:", nil)
	for _, a := range d.apps {
		w.line("  "+a.name+":", a.owner())
		w.nodes(w.section(d, a.leaves, "app", a), 4)
		if len(a.told) > 0 {
			w.comment(4, "Without an equal, or left to you:")
			for _, text := range a.told {
				w.comment(4, "- "+text)
			}
		}
	}
	for _, b := range d.tail {
		w.line("", nil)
		w.comment(0, b.head)
		for _, line := range b.lines {
			w.line(strings.TrimRight("#   "+visible(line), " "), nil)
		}
	}
	return w
}

// owner of an app's own line: without a command nothing can be taken out.
func (a *app) owner() *leaf { return &leaf{path: []string{"command"}, app: a} }

func (w *writer) text() []byte { return w.b.Bytes() }

// owner is whose value is on a line, from 1.
func (w *writer) owner(line int) *leaf {
	if line < 1 || line > len(w.owners) {
		return nil
	}
	return w.owners[line-1]
}

func (w *writer) line(text string, owner *leaf) {
	w.b.WriteString(text)
	w.b.WriteByte('\n')
	w.owners = append(w.owners, owner)
}

// comment writes a paragraph in lines of a width.
func (w *writer) comment(indent int, text string) {
	first, next := "# ", "# "
	if strings.HasPrefix(text, "- ") {
		first, next, text = "# - ", "#   ", text[2:]
	}
	line := strings.Repeat(" ", indent) + first
	empty := true
	for _, word := range strings.Fields(visible(text)) {
		if !empty && len(line)+1+len(word) > widthOfComment {
			w.line(line, nil)
			line, empty = strings.Repeat(" ", indent)+next, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	w.line(strings.TrimRight(line, " "), nil)
}

// section makes a tree of the leaves, in the order of the reference, without what is the default.
func (w *writer) section(d *document, leaves []*leaf, path string, of *app) []*node {
	var top []*node
	for _, l := range leaves {
		if d.isDefault(l, path) {
			continue
		}
		nodes := &top
		var n *node
		for _, key := range l.path {
			i := slices.IndexFunc(*nodes, func(n *node) bool { return n.key == key })
			if i < 0 {
				i = len(*nodes)
				*nodes = append(*nodes, &node{key: key})
			}
			n = (*nodes)[i]
			nodes = &n.children
		}
		n.leaf = l
		l.app = of
	}
	d.inOrder(top, path)
	return top
}

func (d *document) inOrder(nodes []*node, path string) {
	keys := d.keys(path)
	rank := func(n *node) int {
		return slices.IndexFunc(keys, func(k compile.Key) bool { return k.Name == n.key })
	}
	slices.SortStableFunc(nodes, func(a, b *node) int { return cmp.Compare(rank(a), rank(b)) })
	for _, n := range nodes {
		at := strings.TrimPrefix(path+"."+n.key, ".")
		if at == "defaults" {
			at = "app"
		}
		d.inOrder(n.children, at)
	}
}

// isDefault reports whether a value goes without saying: it is the reference's, and no defaults: say otherwise.
func (d *document) isDefault(l *leaf, path string) bool {
	full := strings.Join(l.path, ".")
	if path == "app" && d.root.find("defaults."+full) != nil || l.comment != "" {
		return false
	}
	at, name := strings.TrimPrefix(path+"."+full, "."), l.path[len(l.path)-1]
	at = strings.TrimSuffix(strings.TrimSuffix(at, name), ".")
	at = strings.Replace(at, "defaults", "app", 1)
	for _, k := range d.keys(at) {
		if k.Name == name && k.Default != "" {
			switch v := l.value.(type) {
			case string, int, bool:
				return plain(v) == k.Default || fmt.Sprint(v) == k.Default
			case list:
				return flowList(v) == k.Default
			case pairs:
				return len(v) == 0
			}
		}
	}
	return false
}

func (w *writer) nodes(nodes []*node, indent int) {
	for _, n := range nodes {
		w.node(n, indent)
	}
}

func (w *writer) node(n *node, indent int) {
	lead := strings.Repeat(" ", indent) + n.key + ":"
	if len(n.children) > 0 {
		w.mapping(n, lead, indent)
		return
	}
	switch v := n.leaf.value.(type) {
	case words:
		w.commented(lead, command(v), n.leaf, indent)
	case list:
		w.commented(lead, flowList(v), n.leaf, indent)
	case pairs:
		w.pairs(v, lead, n.leaf, indent)
	default:
		w.commented(lead, plain(v), n.leaf, indent)
	}
}

// mapping writes children on one line if they are few and short; a child alone that has a short form, in it.
func (w *writer) mapping(n *node, lead string, indent int) {
	if short := n.short(); short != nil {
		w.commented(lead, plain(short.value), short, indent)
		return
	}
	flow, comment, ok := n.flow()
	if at := indent + len(lead); ok && !w.blocks && at+len(flow) <= widthOfFlow && n.key != "defaults" {
		w.commented(lead, flow, &leaf{comment: comment}, indent)
		return
	}
	w.line(lead, nil)
	w.nodes(n.children, indent+2)
}

// short is the only child, where the key alone stands for it: restart: on-failure, schedule: "0 3 * * *".
func (n *node) short() *leaf {
	if len(n.children) == 1 && (n.key == "restart" && n.children[0].key == "policy" || n.key == "schedule" && n.children[0].key == "cron") {
		return n.children[0].leaf
	}
	return nil
}

// flow is {a: b, c: d}, and the comments of all of them.
func (n *node) flow() (text, comment string, ok bool) {
	var parts, comments []string
	for _, c := range n.children {
		if len(c.children) > 0 || c.leaf == nil {
			inner, more, ok := c.flow()
			if !ok || len(c.children) == 0 {
				return "", "", false
			}
			parts = append(parts, c.key+": "+inner)
			if more != "" {
				comments = append(comments, more)
			}
			continue
		}
		if c.leaf.comment != "" {
			comments = append(comments, c.leaf.comment)
		}
		switch v := c.leaf.value.(type) {
		case words:
			parts = append(parts, c.key+": "+flowList(list(v)))
		case list:
			parts = append(parts, c.key+": "+flowList(v))
		case pairs:
			parts = append(parts, c.key+": "+flowPairs(v))
		default:
			parts = append(parts, c.key+": "+inFlow(v))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}", strings.Join(comments, "; "), true
}

// commented writes a value with its comment. A list that is too long gets a line an element.
func (w *writer) commented(lead, value string, l *leaf, indent int) {
	above := l.comment != "" && len(lead)+len(value)+len(l.comment)+5 > widthOfComment
	if above {
		w.comment(indent, l.comment)
	}
	elements, isWords := l.value.(words)
	if all, ok := l.value.(list); ok {
		elements, isWords = words(all), true
	}
	if isWords && value[0] == '[' && len(lead)+len(value) > widthOfComment {
		w.line(lead, l)
		for _, e := range elements {
			w.line(strings.Repeat(" ", indent+2)+"- "+plain(e), l)
		}
		return
	}
	text := lead + " " + value
	if l.comment != "" && !above {
		text += "  # " + visible(l.comment)
	}
	w.line(text, l)
}

// pairs writes a mapping whose keys the user chose.
func (w *writer) pairs(all pairs, lead string, l *leaf, indent int) {
	if flow := flowPairs(all); len(lead)+len(flow) < 80 && len(all) <= 3 && !w.blocks {
		w.commented(lead, flow, l, indent)
		return
	}
	if l.comment != "" {
		w.comment(indent, l.comment)
	}
	w.line(lead, l)
	for _, p := range all {
		w.line(strings.Repeat(" ", indent+2)+plain(p.key)+": "+plain(p.value), l)
	}
}

func flowPairs(all pairs) string {
	parts := make([]string, 0, len(all))
	for _, p := range all {
		parts = append(parts, inFlow(p.key)+": "+inFlow(p.value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func flowList(all list) string {
	parts := make([]string, 0, len(all))
	for _, e := range all {
		parts = append(parts, inFlow(e))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

var (
	safeWord   = regexp.MustCompile(`^([A-Za-z0-9_./:=@%+,-]|\$\{[A-Za-z0-9_]+\})+$`)
	singleWord = regexp.MustCompile(`^[^'$\x00-\x1f]*$`) // what '…' keeps as it is, for goinit as for a shell
)

// command is one line where goinit splits it into the same words again, else a list.
func command(all words) string {
	parts := make([]string, 0, len(all))
	for _, word := range all {
		switch {
		case safeWord.MatchString(word):
			parts = append(parts, word)
		case singleWord.MatchString(word):
			parts = append(parts, "'"+word+"'")
		default:
			return flowList(list(all))
		}
	}
	if strings.Contains(all[0], "=") || slices.Contains(shellWords, all[0]) || parts[0] != all[0] {
		return flowList(list(all))
	}
	return plain(strings.Join(parts, " "))
}

// What needs no quotes: in a block, and between the braces and commas of a flow.
var (
	bare       = regexp.MustCompile(`^(--?)?[A-Za-z_./$(][A-Za-z0-9_./:=@%+,$(){};&|<>?~^!*\[\]"'\\ -]*$`)
	bareInFlow = regexp.MustCompile(`^(--?)?[A-Za-z_./$(][A-Za-z0-9_./=@%+$();&|<>?~^!* -]*$`)
	measure    = regexp.MustCompile(`^((0|-?[1-9][0-9]*)(\.[0-9]+)?([A-Za-z]+|%)?|([0-9]+(ms|[dhms]))+)$`)
)

// mistakable are words that some reader of YAML takes for something else than text.
var mistakable = []string{"", "y", "n", "yes", "no", "on", "off", "null", "~"}

// plain is a scalar in a block, quoted if need be.
func plain(v any) string {
	s, ok := v.(string)
	if !ok {
		return fmt.Sprint(v)
	}
	if (bare.MatchString(s) || measure.MatchString(s)) && !needsQuotes(s) {
		return s
	}
	return quoted(s)
}

// inFlow is one between braces.
func inFlow(v any) string {
	s, ok := v.(string)
	if !ok {
		return fmt.Sprint(v)
	}
	if (bareInFlow.MatchString(s) || measure.MatchString(s)) && !needsQuotes(s) {
		return s
	}
	return quoted(s)
}

func needsQuotes(s string) bool {
	return slices.Contains(mistakable, strings.ToLower(s)) || strings.Contains(s, ": ") || strings.Contains(s, " #") ||
		strings.HasSuffix(s, ":") || strings.HasSuffix(s, " ") || strings.HasPrefix(s, "...") || strings.Contains(s, "${")
}

// quoted is text in quotes: single ones if that saves backslashes.
func quoted(s string) string {
	if strings.ContainsAny(s, `"\`) && !strings.Contains(s, "'") && strconv.CanBackquote(strings.ReplaceAll(s, "`", "")) && !strings.Contains(s, "\t") {
		return "'" + s + "'"
	}
	return strings.ReplaceAll(doubleQuotedJSON(s), "\u007f", `\u007f`)
}

// visible is text that a comment and a terminal can take.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
