package compile

import (
	"bytes"
	"encoding/json"
	"slices"
)

// object is a JSON object that keeps its order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (o *object) set(name string, value any) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

func (o object) with(name string, value any) object {
	o.set(name, value)
	return o
}

func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

// merge puts over above under: maps merge, lists and single values replace.
func merge(under, over object) object {
	index := make(map[string]int, len(under)+len(over))
	out := make(object, 0, len(under)+len(over))
	for _, m := range under {
		index[m.name] = len(out)
		out = append(out, m)
	}
	for _, m := range over {
		i, both := index[m.name]
		if !both {
			index[m.name] = len(out)
			out = append(out, m)
			continue
		}
		a, isObject := out[i].value.(object)
		b, areObjects := m.value.(object)
		if isObject && areObjects {
			out[i].value = merge(a, b)
		} else {
			out[i].value = m.value
		}
	}
	return out
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
