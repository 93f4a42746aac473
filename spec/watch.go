package spec

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Watch is what files the app is restarted for. Its zero value is watch: false.
type Watch struct {
	Paths  []string `json:"paths,omitempty"` // empty: what the program has loaded, if it tells, else working_dir
	Ignore []string `json:"ignore"`
	Delay  Duration `json:"delay"`
	Action string   `json:"action"` // reload: one worker after another; restart: all at once
}

// On reports whether something is watched.
func (w *Watch) On() bool { return w != nil && w.Action != "" }

// NewWatch is watch: true.
func NewWatch() *Watch {
	return &Watch{Ignore: []string{"node_modules", ".git"}, Delay: Duration(200e6), Action: "reload"}
}

// watchJSON is Watch without its methods.
type watchJSON Watch

// MarshalJSON writes the zero value as false.
func (w Watch) MarshalJSON() ([]byte, error) {
	if !w.On() {
		return []byte("false"), nil
	}
	return json.Marshal(watchJSON(w))
}

// UnmarshalJSON reads true, false, or the object.
func (w *Watch) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "false":
		*w = Watch{}
		return nil
	case "true":
		*w = *NewWatch()
		return nil
	}
	return json.Unmarshal(data, (*watchJSON)(w))
}

// ParseWatchPattern reads a path or a pattern of watch:.
func ParseWatchPattern(s string) (string, error) {
	for name := range strings.SplitSeq(s, "/") {
		if _, err := path.Match(name, ""); err != nil {
			return "", fmt.Errorf("%q is no pattern: [ without ], or a \\ at the end", clip(s))
		}
	}
	return nonEmpty(s)
}

// watch reads an object, or true or false.
func (l *loader) watch(f *fields) *Watch {
	v, there := f.get("watch")
	if !there {
		return nil
	}
	w := NewWatch()
	if _, ok := v.(*object); !ok {
		if !parsed(l, f.at("watch"), v, false, ParseBool) {
			return &Watch{}
		}
		return w
	}
	o := l.object(f.at("watch"), v)
	w.Paths = list(o, "paths", nil, ParseWatchPattern)
	w.Ignore = list(o, "ignore", w.Ignore, ParseWatchPattern)
	w.Delay = value(o, "delay", w.Delay, positive)
	w.Action = value(o, "action", w.Action, OneOf("reload", "restart"))
	o.end()
	return w
}
