package human

import (
	"bytes"
	"encoding/json"
	"fmt"

	"goinit/control"
)

// EventName is whom an event is about: a worker, an app, or - for goinit itself.
func EventName(e *control.Event) string {
	switch {
	case e.Worker != nil:
		return *e.Worker
	case e.App != "":
		return e.App
	}
	return "-"
}

// EventData is what an event says beside its type: "  pid=17 again=true", or nothing.
func EventData(e *control.Event) string {
	if len(e.Data) == 0 || bytes.Equal(e.Data, []byte("null")) || bytes.Equal(e.Data, []byte("{}")) {
		return ""
	}
	return "  " + Printable(flat(e.Data))
}

// flat shows an object as key=value, in its order, and what is nested as JSON.
func flat(b json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return string(b)
	}
	text := ""
	for d.More() {
		key, err := d.Token()
		var v json.RawMessage
		if err != nil || d.Decode(&v) != nil {
			return string(b)
		}
		if text != "" {
			text += " "
		}
		text += fmt.Sprintf("%v=%s", key, v)
	}
	return text
}
