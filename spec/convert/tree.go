package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// jsObject is an object of JavaScript, in its order. Its values are nil, bool, float64, string, []any and jsObject.
type jsObject []jsMember

type jsMember struct {
	name  string
	value any
}

func (o jsObject) get(name string) (any, bool) {
	for _, m := range o {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// maxDepth bounds what is nested.
const maxDepth = 64

// parseJSON reads JSON with comments and commas before a closing bracket, as PM2 takes it.
func parseJSON(file, text string) (any, error) {
	strict := withoutComments(text)
	d := json.NewDecoder(strings.NewReader(strict))
	value, err := jsonValue(d, 0)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is something behind the end")
		}
	}
	if err != nil {
		at := int(d.InputOffset())
		// Not the decoder's own: its offset is now of what it has read, now of what is ahead.
		if syntax := (*json.SyntaxError)(nil); errors.As(json.Unmarshal([]byte(strict), new(json.RawMessage)), &syntax) {
			at, err = int(syntax.Offset)-1, fmt.Errorf("%w; what is JavaScript goes into an ecosystem.config.js", syntax)
		}
		if rest := strings.TrimRight(strict, " \t\n"); strings.HasPrefix(err.Error(), "unexpected end") || at >= len(rest) {
			at, err = len(rest), errors.New("it ends too early")
		}
		before := text[:max(0, min(at, len(text)))]
		column := 1 + len(before) - (strings.LastIndexByte(before, '\n') + 1)
		return nil, mistake(file, text, 1+strings.Count(before, "\n"), column, "is not JSON: %v", err)
	}
	return value, nil
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	if delim == '[' {
		all := []any{}
		for d.More() {
			v, err := jsonValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		_, err = d.Token()
		return all, err
	}
	object := jsObject{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := jsonValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		object = object.with(key.(string), v)
	}
	_, err = d.Token()
	return object, err
}

// with sets a member; one that is there twice is its last, in the place of the first.
func (o jsObject) with(name string, value any) jsObject {
	for i := range o {
		if o[i].name == name {
			o[i].value = value
			return o
		}
	}
	return append(o, jsMember{name, value})
}

// withoutComments puts blanks in place of // and /* */ and of a comma before ] or }, so that places stay what they are.
func withoutComments(text string) string {
	b := []byte(text)
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	comma := -1
	for i := 0; i < len(b); i++ {
		switch rest := b[i:]; {
		case b[i] == '"':
			for i++; i < len(b) && b[i] != '"' && b[i] != '\n'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			comma = -1
		case bytes.HasPrefix(rest, []byte("//")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			blank(i, i+n)
			i += n - 1
		case bytes.HasPrefix(rest, []byte("/*")):
			n := bytes.Index(rest, []byte("*/"))
			if n < 0 {
				return string(b)
			}
			blank(i, i+n+2)
			i += n + 1
		case b[i] == ',':
			comma = i
		case (b[i] == ']' || b[i] == '}') && comma >= 0:
			b[comma] = ' '
			comma = -1
		case b[i] != ' ' && b[i] != '\t' && b[i] != '\n':
			comma = -1
		}
	}
	return string(b)
}

// parseYAML reads YAML into the same.
func parseYAML(file, text string) (any, error) {
	var doc yaml.Node
	if err := yaml.Load([]byte(text), &doc); err != nil {
		return nil, yamlMistake(file, text, err)
	}
	visits := 0
	value, err := yamlValue(&doc, 0, &visits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return value, nil
}

func yamlMistake(file, text string, err error) error {
	var parser *yaml.LoadError
	if errors.As(err, &parser) && parser.Mark.Line > 0 {
		return mistake(file, text, parser.Mark.Line, max(parser.Mark.Column, 1), "is not YAML: %s", parser.Message)
	}
	return fmt.Errorf("%s: is not YAML: %w", file, err)
}

func yamlValue(n *yaml.Node, depth int, visits *int) (any, error) {
	if *visits++; depth > maxDepth || *visits > 200_000 {
		return nil, errors.New("too deep, or too much by its aliases")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 1 {
			return yamlValue(n.Content[0], depth+1, visits)
		}
	case yaml.AliasNode:
		return yamlValue(n.Alias, depth+1, visits)
	case yaml.SequenceNode:
		all := []any{}
		for _, e := range n.Content {
			v, err := yamlValue(e, depth+1, visits)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return all, nil
	case yaml.MappingNode:
		return yamlObject(n, depth, visits)
	case yaml.ScalarNode:
		return yamlScalar(n), nil
	}
	return nil, nil
}

func yamlObject(n *yaml.Node, depth int, visits *int) (any, error) {
	var merged, own jsObject
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		v, err := yamlValue(n.Content[i+1], depth+1, visits)
		if err != nil {
			return nil, err
		}
		if key.Value != "<<" || key.Style != 0 {
			own = own.with(key.Value, v)
			continue
		}
		sources, ok := v.([]any)
		if !ok {
			sources = []any{v}
		}
		for _, s := range sources {
			o, _ := s.(jsObject)
			for _, m := range o {
				if _, there := merged.get(m.name); !there {
					merged = append(merged, m)
				}
			}
		}
	}
	for _, m := range own {
		merged = merged.with(m.name, m.value)
	}
	return merged, nil
}

func yamlScalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64); err == nil {
			return f
		}
		if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
			return float64(i)
		}
	}
	return n.Value
}

// jsText is a value as JavaScript makes it a string: of a variable, of a word.
func jsText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e21 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

func writeJSON(b *strings.Builder, v any) {
	switch v := v.(type) {
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	case jsObject:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(doubleQuotedJSON(m.name) + ":")
			writeJSON(b, m.value)
		}
		b.WriteByte('}')
	case string:
		b.WriteString(doubleQuotedJSON(v))
	default:
		b.WriteString(jsText(v))
	}
}

func doubleQuotedJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // of a string: it cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
