package spec

import (
	"fmt"
	"strings"
)

// Load decodes a spec, compiled or written by hand. References are expanded with lookup, as os.LookupEnv; a nil one leaves
// every $ as it is. Of what is wrong all is told: the error is Problems, but for what is not JSON at all.
func Load(data []byte, lookup func(string) (string, bool)) (*Spec, error) {
	l := &loader{expander: expander{lookup: lookup, budget: maxExpandedTotal}}
	if lookup == nil {
		l.mode = literal
	}
	tree, err := parseTree(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the spec as JSON: %w", err)
	}
	s := l.spec(tree)
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	s.Unset = l.unset
	return s, nil
}

// Check finds what Load would complain of whatever the environment holds. The compiler tells it with line and column.
func Check(data []byte) (Problems, error) {
	l := &loader{mode: checking, expander: expander{budget: maxExpandedTotal}, unsure: map[string]bool{}}
	tree, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	l.spec(tree)
	return l.problems, nil
}

// LoadApp decodes one app, as a control request carries it: an object with its name in it, every $ as it is.
func LoadApp(data []byte) (App, error) {
	l := &loader{mode: literal}
	tree, err := parseTree(data)
	if err != nil {
		return App{}, fmt.Errorf("cannot read the app as JSON: %w", err)
	}
	a := l.namedApp("app", tree)
	if len(l.problems) > 0 {
		return App{}, l.problems
	}
	return a, nil
}

// NewApp is an app with every default, for a command that no file names: goinit run -- CMD, ctl add. The words are taken as they
// are.
func NewApp(name string, command ...string) App {
	words := make([]any, len(command))
	for i, w := range command {
		words[i] = w
	}
	l := &loader{mode: literal}
	f := l.object("", &object{keys: []string{"command"}, values: map[string]any{"command": words}})
	return l.app(name, f)
}

func (l *loader) spec(tree any) *Spec {
	f := l.object("", tree)
	s := &Spec{Version: value(f, "version", 1, IntBetween(1, 1)), Name: value(f, "name", "", ParseInstanceName)}
	s.Compiled = compiled(f)

	shutdown := f.object("shutdown")
	s.Shutdown.Timeout = value(shutdown, "timeout", nil, parseAuto(ParseDuration))
	s.Shutdown.Delay = value(shutdown, "delay", 0, ParseDuration)
	if t := s.Shutdown.Timeout; t != nil && s.Shutdown.Delay >= *t && s.Shutdown.Delay > 0 && !l.unknown(shutdown, "timeout", "delay") {
		l.fail(shutdown.at("delay"), "%v is all of shutdown.timeout, %v, which it is part of: leave the apps time to stop", s.Shutdown.Delay, *t)
	}
	shutdown.end()

	control := f.object("control")
	s.Control.Socket = value(control, "socket", "", parseSocket)
	s.Control.ReadGroup = value(control, "read_group", "", parseReadGroup)
	control.end()

	messages := f.object("messages")
	s.Messages.Level = value(messages, "level", "info", OneOf("error", "warn", "info", "debug"))
	s.Messages.Format = value(messages, "format", "auto", OneOf("auto", "text", "json"))
	messages.end()

	store := f.object("log_store")
	s.LogStore.Directory = value(store, "directory", "auto", nonEmpty)
	s.LogStore.MaxTotal = value(store, "max_total", 128<<20, ParseLogTotal)
	s.LogStore.Compress = value(store, "compress", "none", OneOf("none", "zstd"))
	store.end()

	s.Gateway = l.gateway(f)
	s.Apps = l.apps(f)
	f.end()
	l.checkOrder(s.Apps)
	l.checkSockets(s)
	return s
}

// apps reads an object of apps by name, as people and the compiler write it, or a list of apps with their names, as
// encoding/json writes a Spec.
func (l *loader) apps(f *fields) []App {
	v, ok := f.get("apps")
	if !ok {
		l.fail("apps", "is missing: a spec names its apps under apps:")
		return nil
	}
	var all []App
	switch v := v.(type) {
	case *object:
		if l.tooMany(len(v.keys)) {
			return nil
		}
		all = make([]App, 0, len(v.keys))
		for _, name := range v.keys {
			path := "apps." + name
			if _, err := ParseAppName(name); err != nil {
				l.fail(path, "%v", err)
			}
			all = append(all, l.app(name, l.object(path, v.values[name])))
		}
	case []any:
		if l.tooMany(len(v)) {
			return nil
		}
		all = make([]App, 0, len(v))
		seen := map[string]bool{}
		for _, one := range v {
			a := l.namedApp("apps", one)
			if seen[a.Name] {
				l.fail("apps."+a.Name, "is there twice")
			}
			seen[a.Name] = true
			all = append(all, a)
		}
	default:
		l.object("apps", v)
	}
	if len(all) == 0 && len(l.problems) == 0 {
		l.fail("apps", "is empty: a spec has one app at least")
	}
	return all
}

func (l *loader) tooMany(n int) bool {
	if n > MaxApps {
		l.fail("apps", "%d apps, more than %d", n, MaxApps)
	}
	return n > MaxApps
}

// namedApp reads an app with its name among its keys. The name is part of every message, hence read first and never expanded.
func (l *loader) namedApp(path string, v any) App {
	o := l.object(path, v)
	name, ok := o.o.values["name"].(string)
	if !ok {
		l.fail(path, "an app without a name")
		return App{}
	}
	if _, err := ParseAppName(name); err != nil {
		l.fail(path, "%v", err)
	}
	o.read["name"] = true
	if path == "apps" {
		o.path = "apps." + name
	} else {
		o.path = name
	}
	return l.app(name, o)
}

// parseAuto makes a parser that takes auto for nil.
func parseAuto[T any](parse func(string) (T, error)) func(string) (*T, error) {
	return func(s string) (*T, error) {
		if s == "auto" {
			return nil, nil
		}
		t, err := parse(s)
		return &t, err
	}
}

// sun_path of unix(7) has 108 bytes, the last of them NUL.
const maxSocketPath = 107

func parseSocket(s string) (string, error) {
	switch {
	case s == "auto":
		return "", nil
	case s == "" || strings.HasSuffix(s, "/"):
		return "", fmt.Errorf("%q is not the path of a socket: write auto or a path", clip(s))
	case len(s) > maxSocketPath:
		return "", fmt.Errorf("a path of %d bytes, and a socket's has %d at most", len(s), maxSocketPath)
	}
	return s, nil
}

func parseReadGroup(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return ParseGroup(s)
}
