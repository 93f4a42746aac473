package human

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// AppendHarmless appends what a worker wrote as a terminal may have it. Bytes that would move the cursor, set a color, a title
// or the clipboard, and characters that turn around the direction of what is read, are shown instead of obeyed: ^[ for
// an escape, \xff for a byte that is no UTF-8. Colors alone are left out: there is nothing to see about them.
func AppendHarmless(dst, line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	for len(line) > 0 {
		if n := plain(line); n > 0 {
			dst, line = append(dst, line[:n]...), line[n:]
			continue
		}
		if n := color(line); n > 0 {
			line = line[n:]
			continue
		}
		r, n := utf8.DecodeRune(line)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = AppendHex(append(dst, `\x`...), uint32(line[0]), 2)
		case r < ' ':
			dst = append(dst, '^', byte(r)+'@')
		case r == 0x7f:
			dst = append(dst, "^?"...)
		case r >= 0x80 && r < 0xa0, Turns(r):
			dst = AppendHex(append(dst, `\u`...), uint32(r), 4)
		default:
			dst = append(dst, line[:n]...)
		}
		line = line[n:]
	}
	return dst
}

// plain is how many bytes from the first on are printable ASCII, or tabs.
func plain(b []byte) int {
	for i, c := range b {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return i
		}
	}
	return len(b)
}

// color is the length of a sequence that sets colors (SGR of ECMA-48), if b begins with one.
func color(b []byte) int {
	if len(b) < 3 || b[0] != 0x1b || b[1] != '[' {
		return 0
	}
	for i, c := range b[2:] {
		switch {
		case c == 'm':
			return i + 3
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return 0
		}
	}
	return 0
}

// Turns says of the characters of Unicode's bidirectional algorithm, and of those that end a line.
func Turns(r rune) bool {
	return r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func AppendHex(dst []byte, v uint32, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[v>>(4*i)&15])
	}
	return dst
}

// Printable keeps what a worker or a file said from moving the cursor, at a width that does not change: what a table wants. A tab is
// a space: it would end a cell, and nobody knows how wide it is.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || Turns(r) {
			return '·'
		}
		return r
	}, s)
}
