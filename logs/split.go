package logs

import (
	"bytes"
	"unicode/utf8"

	"goinit/logs/segment"
)

// maxLine is how long a line may be, in bytes without its newline; a longer one is told in pieces.
const maxLine = segment.MaxLine

// keepTail is how large a buffer for an unfinished line is kept when the line is finished.
const keepTail = 1 << 10

// split tells, of the beginning of a line and what follows it, whole lines, as many at a time as there are, newlines
// included; and with partial set each piece of a line that is longer than maxLine, without a newline: it goes on in the
// next. It returns the line that is not finished, at most maxLine of it. No line is looked at by itself: of a megabyte of
// short lines it looks at a few.
func split(b []byte, told func(b []byte, partial bool)) (unfinished []byte) {
	whole := 0
	for whole < len(b) {
		window := b[whole:min(len(b), whole+maxLine+1)]
		if i := lastNewline(window); i >= 0 {
			whole += i + 1
			continue
		}
		if len(window) <= maxLine {
			break
		}
		if whole > 0 {
			told(b[:whole], false)
		}
		n := cut(window, maxLine)
		told(window[:n], true)
		b, whole = b[whole+n:], 0
	}
	if whole > 0 {
		told(b[:whole], false)
	}
	return b[whole:]
}

// lastNewline is bytes.LastIndexByte, which goes byte by byte, in pieces of bytes.IndexByte, which does not.
func lastNewline(b []byte) int {
	const piece = 1 << 10
	for end := len(b); end > 0; end -= min(end, piece) {
		start := max(0, end-piece)
		if i := bytes.IndexByte(b[start:end], '\n'); i >= 0 {
			return start + i + bytes.LastIndexByte(b[start+i:end], '\n')
		}
	}
	return -1
}

// lastLines is the last n lines of b, which ends in a newline, or in a line that is not finished.
func lastLines(b []byte, n int) []byte {
	end := len(b) - 1
	for range n {
		if end = bytes.LastIndexByte(b[:max(end, 0)], '\n'); end < 0 {
			return b
		}
	}
	return b[end+1:]
}

// cut is n, or a little less where b has a character across n; b is at least n long. A character is not cut in two, if
// these are characters.
func cut(b []byte, n int) int {
	for i := n - 1; i >= n-utf8.UTFMax+1 && i > 0; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:n]) {
				return i
			}
			break
		}
	}
	return n
}

// each tells the lines of what split has told, without their newlines.
func each(b []byte, partial bool, line func(b []byte, partial bool)) {
	if partial {
		line(b, true)
		return
	}
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 { // the end of a stream
			line(b, false)
			return
		}
		line(b[:i], false)
		b = b[i+1:]
	}
}
