package nodeipc

import (
	"unicode/utf16"
	"unicode/utf8"
)

// members goes through the members of one JSON object, without recursion and without keeping anything. It takes what is no
// JSON too, where that does not matter: strings and brackets have to close, no more. What is taken for a value may be
// anything, so a value is never written to somebody else unless it was understood.
type members struct {
	b  []byte
	ok bool // an object so far, and to its end when next has returned false
}

// openObject begins; b may have space around it.
func openObject(b []byte) members {
	b = trimSpace(b)
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' {
		return members{}
	}
	return members{b[1:], true}
}

// next is a member's name, as it is between its quotes, and its value, as it is written. It ends with more == false; then
// ok says whether the object ended where its text does.
func (m *members) next() (name, value []byte, more bool) {
	if !m.ok {
		return nil, nil, false
	}
	m.b = trimSpace(m.b)
	if len(m.b) > 0 && m.b[0] == '}' {
		m.ok = len(m.b) == 1
		m.b = nil
		return nil, nil, false
	}
	end := endOfString(m.b)
	if end < 0 {
		m.ok = false
		return nil, nil, false
	}
	name = m.b[1 : end-1]
	m.b = trimSpace(m.b[end:])
	if len(m.b) == 0 || m.b[0] != ':' {
		m.ok = false
		return nil, nil, false
	}
	m.b = trimSpace(m.b[1:])
	if end = endOfValue(m.b); end <= 0 {
		m.ok = false
		return nil, nil, false
	}
	value = trimSpace(m.b[:end])
	m.b = m.b[end:]
	if m.b[0] == ',' {
		m.b = m.b[1:]
	}
	return name, value, true
}

// endOfString is the length of the string that b begins with, quotes included; -1: there is none.
func endOfString(b []byte) int {
	if len(b) == 0 || b[0] != '"' {
		return -1
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// endOfValue is where the comma or the bracket is that ends the value that b begins with; -1: there is none.
func endOfValue(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := endOfString(b[i:])
			if n < 0 {
				return -1
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// text is a JSON string; ok is false for anything else.
func text(value []byte) (s string, ok bool) {
	if len(value) < 2 || endOfString(value) != len(value) {
		return "", false
	}
	value = value[1 : len(value)-1]
	plain := true
	for _, c := range value {
		if c < ' ' {
			return "", false
		}
		plain = plain && c != '\\'
	}
	if plain {
		return string(value), true
	}
	out := make([]byte, 0, len(value))
	for len(value) > 0 {
		if value[0] != '\\' {
			out = append(out, value[0])
			value = value[1:]
			continue
		}
		r, n := escaped(value)
		if n == 0 {
			return "", false
		}
		out = utf8.AppendRune(out, r)
		value = value[n:]
	}
	return string(out), true
}

// escaped is the character of the escape that b begins with, and the escape's length; 0: it is none of JSON's (RFC 8259,
// section 7). Half a surrogate pair is U+FFFD, as in encoding/json.
func escaped(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r, ok := hexadecimal(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if second, ok := hexadecimal(b[6:]); ok {
		if both := utf16.DecodeRune(r, second); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

// hexadecimal is \uXXXX.
func hexadecimal(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// integer is a JSON number without fraction that fits into 53 bits, which is all that JavaScript has.
func integer(value []byte) (n int, ok bool) {
	negative := len(value) > 0 && value[0] == '-'
	if negative {
		value = value[1:]
	}
	if len(value) == 0 || len(value) > 16 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if n > 1<<53 {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
