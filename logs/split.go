package logs

import (
	"bytes"
	"unicode/utf8"
)

// maxLine is how long a line may be, in bytes without its newline; a longer one is told in pieces.
const maxLine = 64 << 10

// keepTail is how large a buffer for an unfinished line is kept when the line is finished.
const keepTail = 1 << 10

// splitter makes lines of the bytes of one stream. What it holds is at most the beginning of one line.
type splitter struct{ tail []byte }

// split calls line for each line that is finished, without its newline, and, with partial set, for each piece of a line
// that is longer than maxLine: it goes on in the next. The slices are valid during the call.
func (s *splitter) split(b []byte, line func(b []byte, partial bool)) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		end := i
		if i < 0 {
			end = len(b)
		}
		switch {
		case len(s.tail)+end > maxLine:
			n := s.overflow(b[:end], line)
			b = b[n:]
		case i < 0:
			s.tail = append(s.tail, b...)
			return
		case len(s.tail) > 0:
			s.tail = append(s.tail, b[:i]...)
			line(s.tail, false)
			s.reset()
			b = b[i+1:]
		default:
			line(b[:i], false)
			b = b[i+1:]
		}
	}
}

// overflow tells one piece of a line that is too long, and returns how much of b went into it. A character is not cut
// in two, if these are characters.
func (s *splitter) overflow(b []byte, line func(b []byte, partial bool)) int {
	if len(s.tail) == 0 {
		n := cut(b, maxLine)
		line(b[:n], true)
		return n
	}
	n := maxLine - len(s.tail)
	s.tail = append(s.tail, b[:n]...)
	whole := cut(s.tail, maxLine)
	line(s.tail[:whole], true)
	s.tail = append(s.tail[:0], s.tail[whole:]...)
	return n
}

// cut is n, or a little less where b has a character across n; b is at least n long.
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

// rest tells the line that the stream ended in, if it did not end in a newline.
func (s *splitter) rest(line func(b []byte, partial bool)) {
	if len(s.tail) > 0 {
		line(s.tail, false)
	}
	s.tail = nil
}

func (s *splitter) reset() {
	if cap(s.tail) > keepTail {
		s.tail = nil
	}
	s.tail = s.tail[:0]
}
