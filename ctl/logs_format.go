package ctl

import (
	"bufio"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"goinit/ctl/human"
	"goinit/logs/query"
)

// linePrinter prints lines in one of the formats of logs. It keeps what is the same from line to line: those that were read
// at once have one time.
type linePrinter struct {
	out    *bufio.Writer
	format string // short, raw, json, cri
	times  bool   // short: with the time of each line
	prefix bool   // short: with where it is from
	screen bool   // what is printed is read by a person, on a terminal
	zone   *time.Location

	buf   []byte
	width int // of the widest name so far

	at   int64 // of stamp
	last []byte
	from source // of name
	name string

	open    bool   // raw: the line before was a piece, and its line goes on
	openBy  source // whose
	printed bool
}

// source is where a line is from.
type source struct {
	store, app string
	slot       int
}

func sourceOf(l *query.Line) source { return source{l.Store, l.App, l.Slot} }

// worker is how its worker is called: web/0, or web where that is not known.
func (s source) worker() string {
	if s.slot == query.Unknown {
		return s.app
	}
	return s.app + "/" + strconv.Itoa(s.slot)
}

func (p *linePrinter) print(l query.Line) error {
	b := p.buf[:0]
	switch p.format {
	case "json":
		b = p.json(b, &l)
	case "cri":
		b = p.cri(b, &l)
	case "raw":
		b = p.raw(b, &l)
	default:
		b = p.short(b, &l)
	}
	p.buf, p.printed = b, true
	_, err := p.out.Write(b)
	return err
}

// end completes what was printed.
func (p *linePrinter) end() error {
	if p.open {
		p.open = false
		_ = p.out.WriteByte('\n')
	}
	return p.out.Flush()
}

func (p *linePrinter) short(b []byte, l *query.Line) []byte {
	if l.Skipped && p.printed {
		b = append(b, "--\n"...)
	}
	if p.times {
		b = append(p.stamp(b, l.At, p.zone, "2006-01-02T15:04:05.000Z07:00"), ' ')
	}
	if p.prefix {
		b = append(b, p.who(l)...)
	}
	b = p.text(b, l)
	return append(b, '\n')
}

// who is the name in front of a line, as wide as those before.
func (p *linePrinter) who(l *query.Line) string {
	if from := sourceOf(l); p.name == "" || from != p.from {
		name := from.worker()
		if from.store != "" {
			name = from.store + ":" + name
		}
		p.width = max(p.width, utf8.RuneCountInString(name))
		p.from, p.name = from, fmt.Sprintf("%-*s | ", p.width, name)
	}
	return p.name
}

func (p *linePrinter) text(b []byte, l *query.Line) []byte {
	if p.screen {
		return human.AppendHarmless(b, l.Text)
	}
	return append(b, l.Text...)
}

// raw joins the pieces of a line. Where another worker's comes between, the line ends there, and goes on in one of its own.
func (p *linePrinter) raw(b []byte, l *query.Line) []byte {
	from := sourceOf(l)
	if l.Stderr {
		from.store += "\x00stderr" // a stream of its own
	}
	if p.open && from != p.openBy {
		b = append(b, '\n')
	}
	b = p.text(b, l)
	p.open, p.openBy = l.Partial, from
	if !l.Partial {
		b = append(b, '\n')
	}
	return b
}

// cri is the format of Kubernetes' log files: time, stream, P for a piece or F, text.
func (p *linePrinter) cri(b []byte, l *query.Line) []byte {
	b = p.stamp(b, l.At, time.UTC, "2006-01-02T15:04:05.000000000Z07:00")
	b = append(append(append(b, ' '), streamOf(l)...), " F "...)
	if l.Partial {
		b[len(b)-2] = 'P'
	}
	return append(p.text(b, l), '\n')
}

func (p *linePrinter) json(b []byte, l *query.Line) []byte {
	b = append(b, '{')
	if l.Store != "" {
		b = append(appendJSON(append(b, `"instance":`...), []byte(l.Store)), ',')
	}
	b = append(b, `"at":"`...)
	b = p.stamp(b, l.At, time.UTC, time.RFC3339Nano)
	b = append(append(b, `","app":"`...), l.App...)
	if l.Slot == query.Unknown {
		b = append(b, `","slot":null,"worker":null`...)
	} else {
		b = strconv.AppendInt(append(b, `","slot":`...), int64(l.Slot), 10)
		b = append(append(b, `,"worker":"`...), l.App...)
		b = append(strconv.AppendInt(append(b, '/'), int64(l.Slot), 10), '"')
	}
	b = append(append(b, `,"stream":"`...), streamOf(l)...)
	b = appendJSON(append(b, `","line":`...), l.Text)
	b = strconv.AppendBool(append(b, `,"partial":`...), l.Partial)
	if l.Note {
		b = append(b, `,"note":true`...)
	}
	return append(b, "}\n"...)
}

func streamOf(l *query.Line) string {
	if l.Stderr {
		return "stderr"
	}
	return "stdout"
}

func (p *linePrinter) stamp(b []byte, at int64, zone *time.Location, layout string) []byte {
	if at != p.at || p.last == nil {
		p.at, p.last = at, time.Unix(0, at).In(zone).AppendFormat(p.last[:0], layout)
	}
	return append(b, p.last...)
}

// appendJSON appends text as a JSON string. What is no UTF-8 becomes U+FFFD, and what a terminal might obey is escaped.
func appendJSON(dst, text []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		n := 0
		for _, c := range text[i:] {
			if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
				break
			}
			n++
		}
		dst = append(dst, text[i:i+n]...)
		if i += n; i == len(text) {
			break
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r < ' ', r >= 0x7f && r < 0xa0, human.Turns(r), r == utf8.RuneError && size == 1:
			dst = human.AppendHex(append(dst, `\u`...), uint32(r), 4)
		default:
			dst = append(dst, text[i:i+size]...)
		}
		i += size
	}
	return append(dst, '"')
}
