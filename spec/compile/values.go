package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"goinit/spec"
)

// What single values there are: a name for people, a parser, and a type for the schema. Each may be a ${VAR}, hence "string"
// beside every other type.

func check[T any](parse func(string) (T, error)) func(string) error {
	return func(s string) error {
		_, err := parse(s)
		return err
	}
}

func text[T any](name string, parse func(string) (T, error)) scalar {
	return scalar{name, check(parse), object{{"type", []any{"string", "number", "boolean"}}}}
}

func anyText(name string) scalar {
	return text(name, func(s string) (string, error) {
		if s == "" {
			return "", fmt.Errorf("empty: leave the key out, or write a %s", name)
		}
		return s, nil
	})
}

func textKind() scalar { return text("text", func(s string) (string, error) { return s, nil }) }

func duration() scalar {
	k := text("duration", spec.ParseDuration)
	k.types = object{{"type", "string"}}
	return k
}

func size() scalar { return sizeOf(spec.ParseSize) }

func sizeOf(parse func(string) (spec.Size, error)) scalar {
	k := text("size", parse)
	k.types = object{{"type", "string"}}
	return k
}

func limit() scalar { return scalar{"number or unlimited", check(spec.ParseLimit), integerOrText()} }
func count() scalar { return scalar{"number or auto", check(spec.ParseWorkers), integerOrText()} }

func integerOrText() object { return object{{"type", []any{"integer", "string"}}} }

func boolean() scalar {
	return scalar{"true or false", check(spec.ParseBool), object{{"type", "boolean"}}}
}

func integer(least, most int) scalar {
	return scalar{fmt.Sprintf("whole number, %d to %d", least, most), check(spec.IntBetween(least, most)),
		object{{"type", "integer"}, {"minimum", least}, {"maximum", most}}}
}

// word is one of a closed set.
type word struct {
	words   []string
	foreign map[string]string
}

func enum(words ...string) word { return word{words: words} }

func (k word) String() string { return strings.Join(k.words, ", ") }

func (k word) schema() object {
	all := make([]any, 0, len(k.words))
	for _, w := range k.words {
		all = append(all, w)
	}
	return object{{"anyOf", []any{object{{"enum", all}}, object{{"type", "string"}, {"pattern", `\$\{`}}}}}
}

func (k word) read(c *checker, n *yaml.Node, path string) any {
	return scalar{"one of " + k.String(), k.check, object{{"type", "string"}}}.read(c, n, path)
}

func (k word) check(s string) error {
	if slices.Contains(k.words, s) {
		return nil
	}
	if ours, ok := k.foreign[s]; ok {
		return fmt.Errorf("%q: write %s", clip(s), ours)
	}
	if near := spec.Nearest(strings.ToLower(s), k.words); near != "" {
		return fmt.Errorf("%q is none of %s: is it %s?", clip(s), k, near)
	}
	return fmt.Errorf("%q is none of %s", clip(s), k)
}

func autoOr[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(s string) (T, error) {
		if s == "auto" {
			var none T
			return none, nil
		}
		return parse(s)
	}
}

func orEmpty(parse func(string) (string, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return parse(s)
	}
}

func checkUlimit(s string) error {
	if slices.Contains(spec.UlimitNames(), s) {
		return nil
	}
	if near := spec.Nearest(strings.TrimPrefix(strings.ToLower(s), "rlimit_"), spec.UlimitNames()); near != "" {
		return fmt.Errorf("unknown limit %q: is it %s?", clip(s), near)
	}
	return fmt.Errorf("unknown limit %q: there are %s", clip(s), strings.Join(spec.UlimitNames(), ", "))
}

func environment() kind {
	return either{
		sequence: refused{"a list of NAME=value is not taken: write NAME: value"},
		mapping: table{keys: "NAME", check: spec.CheckVariableName, of: either{scalar: textKind(), mapping: mapping{name: "secret", oneOf: []string{"file"}, keys: []key{
			{"file", anyText("path"), "", "holds the value"},
		}}}},
	}
}

// refused is a shape that another tool takes.
type refused struct{ message string }

func (k refused) String() string { return "no list" }
func (k refused) schema() object { return object{{"not", object{}}} }
func (k refused) read(c *checker, n *yaml.Node, path string) any {
	c.at(n, path, "%s", k.message)
	return bad
}

// wrapped makes the long form of a short one.
func wrapped(name string) func(any) any {
	return func(v any) any { return object{{name, v}} }
}

// readyAll is the short form of depends_on: [db] is {db: {condition: ready}}.
type readyAll struct{}

func (readyAll) names() list      { return list{of: text("app", spec.ParseAppName)} }
func (k readyAll) String() string { return k.names().String() }
func (k readyAll) schema() object { return k.names().schema() }

func (k readyAll) read(c *checker, n *yaml.Node, path string) any {
	names, _ := k.names().read(c, n, path).([]any)
	all, seen := object{}, map[string]bool{}
	for i, name := range names {
		s, ok := name.(string)
		if !ok || s == bad {
			continue
		}
		at := c.places[join(path, strconv.Itoa(i))]
		if seen[s] {
			c.problem(at, "depends_on: %s is there twice", s)
			continue
		}
		seen[s] = true
		c.places[join(path, s)] = at
		all = append(all, member{s, object{{"condition", "ready"}}})
	}
	return all
}

func regex() scalar { return text("regular expression", spec.ParseRegexp) }

func url() scalar          { return text("URL", spec.ParseProbeURL) }
func probeAddress() scalar { return text("address", spec.ParseProbeAddress) }

func listenAddress() scalar { return text("address", spec.ParseListenAddress) }

func cron() scalar     { return text("cron expression", spec.ParseCron) }
func timezone() scalar { return text("time zone", spec.ParseTimezone) }
