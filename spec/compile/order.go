package compile

import "strings"

// Key is a row of the table of keys, for those who write specs.
type Key struct {
	Name    string
	Default string // as one would write it; empty: none
}

// Keys are the keys of a mapping in the order of the reference: of the file ("defaults", "apps", …) for "", of an app for "app",
// of a mapping in an app for "app.restart". There are none where the user chooses the keys.
func Keys(path string) []Key {
	m, rest := rootKeys(), path
	if name, after, _ := strings.Cut(path, "."); name == "app" {
		m, rest = appKeys(), after
	}
	for rest != "" {
		name, after, _ := strings.Cut(rest, ".")
		k, ok := m.find(name)
		if !ok {
			return nil
		}
		if m, ok = nested(k.kind); !ok {
			return nil
		}
		rest = after
	}
	keys := make([]Key, 0, len(m.keys))
	for _, k := range m.keys {
		keys = append(keys, Key{k.name, k.def})
	}
	return keys
}
