package messages

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// maxMessage bounds a message: it may quote what a worker wrote.
const maxMessage = 8 << 10

// textFormat is goinit: and the text. The lines after the first are indented by who writes them.
type textFormat struct{}

func (textFormat) Format(e *logrus.Entry) ([]byte, error) {
	return []byte("goinit: " + printable(clip(e.Message)) + "\n"), nil
}

// printable replaces control characters but for newlines and tabs: a message may quote a worker or a client, who has no
// business with the reader's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// clip shortens a text that is too long.
func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

// jsonFormat is one object a message: at, level and message as on the workers' lines of the console, then the fields by
// name.
type jsonFormat struct{}

// levelName is ours, not logrus' ("warning").
func levelName(l logrus.Level) string {
	switch l {
	case logrus.ErrorLevel:
		return "error"
	case logrus.WarnLevel:
		return "warn"
	case logrus.InfoLevel:
		return "info"
	}
	return "debug"
}

func (jsonFormat) Format(e *logrus.Entry) ([]byte, error) {
	b := []byte(`{"at":"`)
	b = e.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, levelName(e.Level)...)
	b = append(b, `","message":`...)
	b = appendValue(b, clip(e.Message))
	for _, k := range slices.Sorted(maps.Keys(e.Data)) {
		if k == "at" || k == "level" || k == "message" {
			continue
		}
		b = append(b, ',')
		b = appendValue(b, k)
		b = append(b, ':')
		b = appendValue(b, e.Data[k])
	}
	return append(b, '}', '\n'), nil
}

// appendValue appends v as JSON, or what it is where it cannot be: a message is never lost for one of its fields.
func appendValue(b []byte, v any) []byte {
	switch x := v.(type) {
	case string:
		v = clip(x)
	case error:
		v = clip(x.Error())
	}
	out, err := json.Marshal(v)
	if err != nil {
		out, _ = json.Marshal(err.Error())
	}
	if len(out) > maxMessage*6 {
		out = []byte(`"…"`)
	}
	return append(b, out...)
}
