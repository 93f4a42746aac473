package nodeipc

import "bytes"

// maxLine is how much of a line is kept, in bytes. Node's own messages have a few hundred; of a longer one, which is its
// program's, only the beginning is wanted, to see whether it has to be answered.
const maxLine = 64 << 10

// keptSpace is what a worker's buffer may hold on to between its messages, in bytes.
const keptSpace = 4 << 10

// lines cuts what is read into lines. Only a line that does not end within one read is copied.
type lines struct {
	begun    []byte // of the line that has not ended yet, at most maxLine
	tooLong  bool   // that one is longer
	scanning []byte // what has been read and not been cut yet
}

// read gives it what was read; next has to return false before b may be used for something else.
func (l *lines) read(b []byte) { l.scanning = b }

// next is a line without its newline, valid until the next call. It is whole, or the beginning of a longer one.
func (l *lines) next() (line []byte, whole, ok bool) {
	if len(l.scanning) == 0 {
		return nil, false, false
	}
	end := bytes.IndexByte(l.scanning, '\n')
	if end < 0 {
		l.keep(l.scanning)
		l.scanning = nil
		return nil, false, false
	}
	line = l.scanning[:end]
	l.scanning = l.scanning[end+1:]
	if len(l.begun) == 0 && !l.tooLong {
		return line[:min(len(line), maxLine)], len(line) <= maxLine, true
	}
	l.keep(line)
	line, whole = l.begun, !l.tooLong
	l.tooLong = false
	if cap(l.begun) > keptSpace {
		l.begun = nil
	} else {
		l.begun = l.begun[:0]
	}
	return line, whole, true
}

func (l *lines) keep(b []byte) {
	if room := maxLine - len(l.begun); len(b) > room {
		b, l.tooLong = b[:room], true
	}
	l.begun = append(l.begun, b...)
}
