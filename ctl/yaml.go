package ctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// yamlOf writes JSON as YAML in blocks, keys in their order. Only text that reads as itself in every version of YAML goes
// without quotes; quoted it is JSON's string, which YAML has too.
func yamlOf(b []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	y := yamlWriter{d: d}
	if err := y.value(0, false); err != nil {
		return "", err
	}
	return strings.TrimPrefix(y.b.String(), "\n") + "\n", nil
}

type yamlWriter struct {
	d *json.Decoder
	b strings.Builder
}

// value writes one at a depth; inItem says that the line has a "- " of a list already, where the first key may follow.
func (y *yamlWriter) value(depth int, inItem bool) error {
	tok, err := y.d.Token()
	if err != nil {
		return err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		y.b.WriteString(scalar(tok))
		return nil
	}
	empty := true
	for y.d.More() {
		if !empty || !inItem {
			y.b.WriteString("\n" + strings.Repeat("  ", depth))
		}
		empty = false
		if delim == '[' {
			y.b.WriteString("- ")
			if err := y.value(depth+1, true); err != nil {
				return err
			}
			continue
		}
		key, err := y.d.Token()
		if err != nil {
			return err
		}
		y.b.WriteString(scalar(key) + ":")
		inner := yamlWriter{d: y.d}
		if err := inner.value(depth+1, false); err != nil {
			return err
		}
		if text := inner.b.String(); strings.HasPrefix(text, "\n") {
			y.b.WriteString(text)
		} else {
			y.b.WriteString(" " + text)
		}
	}
	_, err = y.d.Token()
	if empty {
		y.b.WriteString(map[json.Delim]string{'{': "{}", '[': "[]"}[delim])
	}
	return err
}

// plainWord is text that no YAML takes for anything else: no number, date, boolean or null.
func plainWord(s string) bool {
	switch strings.ToLower(s) {
	case "", "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '/'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789.@+-", r)) {
			return false
		}
	}
	return true
}

func scalar(tok json.Token) string {
	switch v := tok.(type) {
	case string:
		if plainWord(v) {
			return v
		}
		b, _ := json.Marshal(v)
		return string(b)
	case nil:
		return "null"
	}
	return fmt.Sprint(tok)
}
