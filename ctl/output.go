package ctl

import (
	"encoding/json"
	"fmt"
)

// format is the -o of a verb, checked.
func (s *session) format(standard string) (string, error) {
	switch s.output {
	case "":
		return standard, nil
	case "table", "wide", "json", "yaml":
		return s.output, nil
	}
	return "", fmt.Errorf("-o %s: it is table, wide, json or yaml", s.output)
}

// list prints a list: as text by human, or as one array.
func list[T any](s *session, standard string, items []T, human func(wide bool) error) error {
	if items == nil {
		items = []T{}
	}
	return s.value(standard, items, human)
}

// value prints one value.
func (s *session) value(standard string, v any, human func(wide bool) error) error {
	format, err := s.format(standard)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return failed("%v", err)
		}
		return s.print(string(b) + "\n")
	case "yaml":
		b, err := json.Marshal(v)
		if err != nil {
			return failed("%v", err)
		}
		text, err := yamlOf(b)
		if err != nil {
			return failed("%v", err)
		}
		return s.print(text)
	}
	if err := human(format == "wide"); err != nil {
		return exit{exitFailed, err}
	}
	return nil
}

// object prints one of a stream: on a line of its own.
func (s *session) object(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return failed("%v", err)
	}
	return s.print(string(b) + "\n")
}

func (s *session) print(text string) error {
	if _, err := fmt.Fprint(s.stdout, text); err != nil {
		return failed("cannot write: %w", err)
	}
	return nil
}

// table starts one that fits the terminal, or wide, as it comes.
func (s *session) table(wide bool, header ...string) *table {
	t := &table{width: s.width}
	if wide {
		t.width = 0
	}
	t.add(header...)
	return t
}
