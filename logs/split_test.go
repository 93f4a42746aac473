package logs

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCutKeepsCharactersWhole(t *testing.T) {
	for _, c := range []struct {
		b    string
		n    int
		want int
	}{
		{"abcdef", 3, 3},
		{"ab\u00e4f", 3, 2},      // ä is two bytes
		{"ab\u00e4f", 4, 4},      // between two characters
		{"a\U0001f600b", 4, 1},   // four bytes, cut after three
		{"a\x80\x80\x80b", 3, 3}, // no characters at all
		{"\xff\xff\xff\xff", 2, 2},
	} {
		if got := cut([]byte(c.b), c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %d, want %d", c.b, c.n, got, c.want)
		}
	}
}

func FuzzLastNewline(f *testing.F) {
	f.Add([]byte("a\nb"), uint16(2000))
	f.Fuzz(func(t *testing.T, b []byte, more uint16) {
		b = append(b, make([]byte, more)...)
		if got, want := lastNewline(b), bytes.LastIndexByte(b, '\n'); got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	})
}

// FuzzSplit: however the bytes come, the lines are those of bytes.Split, but for the long ones, which are in pieces.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"), uint16(1), uint8(1))
	f.Add([]byte("\n"), uint16(3), uint8(200))
	f.Add([]byte("x\xff\x00\n\u00e4"), uint16(2), uint8(255))
	f.Add([]byte(strings.Repeat("\u20ac", 1000)+"\n"), uint16(700), uint8(100))
	f.Fuzz(func(t *testing.T, b []byte, step uint16, repeat uint8) {
		b = bytes.Repeat(b, int(repeat)+1)
		if len(b) > 3*maxLine {
			return
		}
		var tail, got []byte
		pieces := 0
		line := func(l []byte, partial bool) {
			if len(l) > maxLine || partial && len(l) < maxLine-utf8.UTFMax+1 || bytes.IndexByte(l, '\n') >= 0 {
				t.Fatalf("a line of %d bytes, partial %v", len(l), partial)
			}
			got = append(got, l...)
			if !partial {
				got = append(got, '\n')
			}
			pieces++
		}
		told := func(b []byte, partial bool) {
			if !partial && b[len(b)-1] != '\n' {
				t.Fatalf("%q is no whole line", b)
			}
			each(b, partial, line)
		}
		// As in the loop, the buffer is used again for the next read.
		buffer := make([]byte, maxLine+int(step)+1)
		for rest := b; len(rest) > 0; {
			n := copy(buffer[len(tail):len(tail)+int(step)+1], rest)
			copy(buffer, tail)
			tail = append(tail[:0], split(buffer[:len(tail)+n], told)...)
			rest = rest[n:]
			if len(tail) > maxLine {
				t.Fatalf("%d bytes are held", len(tail))
			}
		}
		each(tail, false, line)
		want := b
		if len(b) > 0 && b[len(b)-1] != '\n' {
			// A line in pieces may end exactly where a piece ends: then there is no rest to tell.
			want = append(bytes.Clone(b), '\n')
			if !bytes.HasSuffix(got, []byte("\n")) {
				got = append(got, '\n')
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

func TestLastLines(t *testing.T) {
	for _, c := range []struct {
		b    string
		n    int
		want string
	}{
		{"", 2, ""}, {"\n", 2, "\n"}, {"a", 1, "a"}, {"a\n", 1, "a\n"}, {"a\nb\n", 1, "b\n"}, {"a\nb\n", 2, "a\nb\n"}, {"a\nb\n\n", 2, "b\n\n"}, {"a\nb\nc", 2, "b\nc"}, {"\n\n\n", 2, "\n\n"},
	} {
		if got := string(lastLines([]byte(c.b), c.n)); got != c.want {
			t.Errorf("the last %d lines of %q are %q, want %q", c.n, c.b, got, c.want)
		}
	}
}
