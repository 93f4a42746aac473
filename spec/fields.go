package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// mode is what a loader does with references.
type mode int

const (
	expanding mode = iota // reads them: PID 1 at start
	literal               // takes $ for a $: what was expanded before
	checking              // takes a value with a reference for one that is right: the compiler
)

// loader decodes one spec and collects what is wrong with it.
type loader struct {
	mode
	expander
	problems Problems
	unsure   map[string]bool // apps whose restart policy only a running goinit knows
}

// scalar is v as text. Known is false if it is not one, which has been told, or if its value is known to a running goinit only.
func (l *loader) scalar(path string, v any) (text string, known bool) {
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		l.fail(path, "null: leave the key out, or give it a value")
		return "", false
	default:
		l.fail(path, "a single value is wanted here, not a list or a mapping")
		return "", false
	}
	if strings.IndexByte(text, 0) >= 0 {
		l.fail(path, "has a NUL byte, which no process can be given")
		return "", false
	}
	if l.mode == literal {
		return text, true
	}
	if l.mode == checking {
		reference, err := HasReference(text)
		if err != nil {
			l.fail(path, "%v", err)
		}
		if err != nil || reference {
			return "", false
		}
	}
	text, err := l.expand(text)
	if err != nil {
		l.fail(path, "%v", err)
		return "", false
	}
	return text, true
}

// fields is an object that is being read: each key is asked for once, and what nobody asked for is a mistake.
type fields struct {
	l    *loader
	path string
	o    *object
	read map[string]bool
}

// object is v, or an empty one after saying that v is not an object.
func (l *loader) object(path string, v any) *fields {
	f := &fields{l: l, path: path, o: &object{}, read: map[string]bool{}}
	switch v := v.(type) {
	case *object:
		f.o = v
	case nil:
	case []any:
		l.fail(path, "a mapping is wanted here, not a list")
	default:
		if _, known := l.scalar(path, v); known {
			l.fail(path, "a mapping is wanted here, with keys of its own")
		}
	}
	return f
}

func (f *fields) at(key string) string { return join(f.path, key) }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (f *fields) get(key string) (any, bool) {
	v, ok := f.o.values[key]
	if ok {
		f.read[key] = true
	}
	if ok && v == nil {
		f.l.fail(f.at(key), "null: leave the key out, or give it a value")
		return nil, false
	}
	return v, ok
}

func (f *fields) object(key string) *fields {
	v, _ := f.get(key)
	return f.l.object(f.at(key), v)
}

// end tells of the keys that nobody asked for.
func (f *fields) end() {
	for _, key := range f.o.keys {
		if !f.read[key] {
			f.l.fail(f.at(key), "is not a key of this version")
		}
	}
}

// value reads a key by a parser of its text.
func value[T any](f *fields, key string, absent T, parse func(string) (T, error)) T {
	v, ok := f.get(key)
	if !ok {
		return absent
	}
	return parsed(f.l, f.at(key), v, absent, parse)
}

func parsed[T any](l *loader, path string, v any, absent T, parse func(string) (T, error)) T {
	text, known := l.scalar(path, v)
	if !known {
		return absent
	}
	t, err := parse(text)
	if err != nil {
		l.fail(path, "%v", err)
		return absent
	}
	return t
}

// pointer is value for a key whose absence is not a value.
func pointer[T any](f *fields, key string, parse func(string) (T, error)) *T {
	if _, there := f.o.values[key]; !there {
		f.read[key] = true
		return nil
	}
	var none T
	t := value(f, key, none, parse)
	return &t
}

// list reads a list, each of its elements by a parser of its text.
func list[T any](f *fields, key string, absent []T, parse func(string) (T, error)) []T {
	v, ok := f.get(key)
	if !ok {
		return absent
	}
	elements, ok := v.([]any)
	if !ok {
		if _, known := f.l.scalar(f.at(key), v); known {
			f.l.fail(f.at(key), "a list is wanted here: [ … ]")
		}
		return absent
	}
	all := make([]T, 0, len(elements))
	var none T
	for i, e := range elements {
		all = append(all, parsed(f.l, f.at(key)+"."+strconv.Itoa(i), e, none, parse))
	}
	return all
}

// table reads an object with keys of the user's choice.
func table[T any](f *fields, key string, name func(string) error, read func(path string, v any) T) map[string]T {
	v, ok := f.get(key)
	if !ok {
		return nil
	}
	sub := f.l.object(f.at(key), v)
	if len(sub.o.keys) == 0 {
		return nil
	}
	all := make(map[string]T, len(sub.o.keys))
	for _, k := range sub.o.keys {
		if err := name(k); err != nil {
			f.l.fail(sub.at(k), "%v", err)
			continue
		}
		all[k] = read(sub.at(k), sub.o.values[k])
	}
	return all
}

// required reads text that has to be there.
func required(f *fields, key string) string {
	if _, there := f.o.values[key]; !there {
		f.l.fail(f.path, "%s: is missing in it", key)
	}
	return value(f, key, "", nonEmpty)
}

// text is the parser of what takes any text.
func text(s string) (string, error) { return s, nil }

// nonEmpty is the parser of what takes any text but none.
func nonEmpty(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("empty: leave the key out, or give it a value")
	}
	return s, nil
}

// ParseBool reads true and false, which are all the words YAML 1.2 has.
func ParseBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", clip(s))
}

// IntBetween is a parser of whole numbers within bounds.
func IntBetween(least, most int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", clip(s))
		}
		if n < least || n > most {
			return 0, fmt.Errorf("%d is not from %d to %d", n, least, most)
		}
		return n, nil
	}
}

// OneOf is a parser of a closed set of words.
func OneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("%q is none of %s", clip(s), strings.Join(words, ", "))
		}
		return s, nil
	}
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
