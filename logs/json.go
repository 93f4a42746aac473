package logs

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendJSON appends a line as a JSON object, with a newline.
//
// A line that is an object already is kept byte for byte, with our fields in front of its own, and without "line" and
// "partial". Where it has a field of its own by one of our names, ours is called goinit_app, goinit_at and so on: its
// own are what its author meant, and an object with a name twice means something else to every reader. A program that
// uses names with goinit_ itself could pass for another that way; its lines are told as text.
//
// A text line that is no UTF-8 has U+FFFD for what is not, as JSON cannot hold it.
//
// fields is what appendFields makes of l with nothing taken: lines of one read have it in common.
func appendJSON(dst, fields []byte, l *Line) []byte {
	if !l.Partial {
		if object, taken, ok := inspect(l.Line); ok {
			dst = append(dst, '{')
			if taken == 0 {
				dst = append(dst, fields...)
			} else {
				dst = appendFields(dst, l, taken)
			}
			if rest := bytes.TrimLeft(object[1:], jsonSpace); rest[0] != '}' {
				dst = append(dst, ',')
			}
			dst = append(dst, object[1:]...)
			return append(dst, '\n')
		}
	}
	dst = append(dst, '{')
	dst = append(dst, fields...)
	dst = append(dst, `,"line":`...)
	dst = appendString(dst, l.Line)
	dst = append(dst, `,"partial":`...)
	dst = strconv.AppendBool(dst, l.Partial)
	return append(dst, '}', '\n')
}

const jsonSpace = " \t\r\n"

// ourFields are what a merged line is given, in this order.
var ourFields = [...]string{"at", "app", "slot", "worker", "stream"}

// appendFields appends our fields; taken has a bit for each whose name is the line's own.
func appendFields(dst []byte, l *Line, taken uint) []byte {
	for i, name := range ourFields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		if taken&(1<<i) != 0 {
			dst = append(dst, reserved...)
		}
		dst = append(dst, name...)
		dst = append(dst, '"', ':')
		switch name {
		case "at":
			dst = append(dst, '"')
			dst = l.At.UTC().AppendFormat(dst, time.RFC3339Nano)
			dst = append(dst, '"')
		case "app":
			dst = appendString(dst, l.App)
		case "slot":
			dst = strconv.AppendInt(dst, int64(l.Slot), 10)
		case "worker":
			dst = appendString(dst, l.Worker)
		case "stream":
			dst = appendString(dst, l.Stream.String())
		}
	}
	return dst
}

const reserved = "goinit_"

// inspect reports whether a line is one JSON object that our fields can be added to, and which of their names it has
// itself. It reads the line twice and allocates nothing but for names with escapes.
func inspect(line []byte) (object []byte, taken uint, ok bool) {
	object = bytes.Trim(line, jsonSpace)
	if len(object) < 2 || object[0] != '{' || !utf8.Valid(object) || !json.Valid(object) {
		return nil, 0, false
	}
	for key := range keys(object) {
		if bytes.HasPrefix(key, []byte(reserved)) {
			return nil, 0, false
		}
		if i := slices.Index(ourFields[:], string(key)); i >= 0 {
			taken |= 1 << i
		}
	}
	return object, taken, true
}

// keys are the names of a valid object's own fields, not of those inside.
func keys(object []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		depth := 0
		for i := 0; i < len(object); i++ {
			switch object[i] {
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			case '"':
				start := i
				for i++; object[i] != '"'; i++ {
					if object[i] == '\\' {
						i++
					}
				}
				if depth != 1 {
					continue
				}
				// At this depth a string is a name if a colon comes next: a value is followed by , or }.
				after := bytes.TrimLeft(object[i+1:], jsonSpace)
				if after[0] == ':' && !yield(unescaped(object[start:i+1])) {
					return
				}
			}
		}
	}
}

// unescaped is what a JSON string, valid and with its quotes, stands for.
func unescaped(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil
	}
	return []byte(s)
}

// appendString appends s as a JSON string.
func appendString[S string | []byte](dst []byte, s S) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
