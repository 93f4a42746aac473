package spec

import (
	"encoding/json"
)

// For those who read a Spec or an App that Marshal has written, as clients of the control socket do. PID 1 has Load.

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Duration) UnmarshalJSON(data []byte) error { return unmarshal(data, d, ParseDuration) }

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Size) UnmarshalJSON(data []byte) error { return unmarshal(data, s, ParseSize) }

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Limit) UnmarshalJSON(data []byte) error { return unmarshal(data, l, ParseLimit) }

// UnmarshalJSON reads what MarshalJSON writes.
func (w *Workers) UnmarshalJSON(data []byte) error { return unmarshal(data, w, ParseWorkers) }

// unmarshal reads a text, or a number as a text.
func unmarshal[T any](data []byte, into *T, parse func(string) (T, error)) error {
	text := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	v, err := parse(text)
	if err == nil {
		*into = v
	}
	return err
}
