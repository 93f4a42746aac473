package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Bounds of what Load reads.
const (
	MaxBytes = 4 << 20 // of JSON
	MaxApps  = 1000
	maxDepth = 32
)

// object is a JSON object that keeps the order of its keys: that of the file is the order of apps and of variables.
type object struct {
	keys   []string
	values map[string]any
}

// parseTree reads one JSON value: nil, bool, json.Number, string, []any or *object. encoding/json alone would let the last
// of two equal keys win in silence and forget their order.
func parseTree(data []byte) (any, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("it is longer than %d MiB", MaxBytes>>20)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err == nil {
		if _, e := d.Token(); e != io.EOF {
			err = errors.New("there is something behind its end")
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("it ends too early")
	}
	if err != nil {
		line := 1 + bytes.Count(data[:min(int(d.InputOffset()), len(data))], []byte("\n"))
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	switch token {
	case json.Delim('{'):
		return parseObject(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	o := &object{values: map[string]any{}}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("a key is not text: %v", token)
		}
		if _, twice := o.values[key]; twice {
			return nil, fmt.Errorf("key %q twice", key)
		}
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		o.keys = append(o.keys, key)
		o.values[key] = v
	}
	_, err := d.Token()
	return o, err
}
