package ctl

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"goinit/logs/query"
)

// count prints how many lines there are.
func (l *logsQuery) count(src *logSources) error {
	n := query.Count(&l.query, src.stores...)
	if l.format == "json" {
		return l.s.object(struct {
			Lines int64 `json:"lines"`
		}{n})
	}
	return l.s.print(strconv.FormatInt(n, 10) + "\n")
}

// histogram draws how many lines came when.
func (l *logsQuery) histogram(src *logSources) error {
	zone := l.s.now().Location()
	bars := query.Histogram(&l.query, l.flags.histogram, zone, src.stores...)
	if l.format == "json" {
		for _, b := range bars {
			if err := l.s.object(struct {
				At    time.Time `json:"at"`
				Lines int64     `json:"lines"`
			}{b.At.UTC(), b.Lines}); err != nil {
				return err
			}
		}
		return nil
	}
	return l.s.print(drawn(bars, l.flags.histogram, zone, l.s.width))
}

// drawn is a row a part of time: when it began, how many lines, and a bar. A gap of empty ones is one row.
func drawn(bars []query.Bar, width time.Duration, zone *time.Location, columns int) string {
	var most int64
	for _, b := range bars {
		most = max(most, b.Lines)
	}
	layout := "15:04:05"
	if n := len(bars); n > 0 && bars[0].At.In(zone).Format(time.DateOnly) != bars[n-1].At.In(zone).Format(time.DateOnly) {
		layout = time.DateTime
	}
	digits := len(strconv.FormatInt(most, 10))
	room := max(columns-len(layout)-digits-4, 8)
	var out strings.Builder
	for i, b := range bars {
		if i > 0 {
			switch empty := int64(b.At.Sub(bars[i-1].At)/width) - 1; {
			case empty == 1:
				row(&out, bars[i-1].At.Add(width).In(zone).Format(layout), digits, 0, "")
			case empty > 1:
				fmt.Fprintf(&out, "%*s\n", len(layout), "...")
			}
		}
		row(&out, b.At.In(zone).Format(layout), digits, b.Lines, bar(b.Lines, most, room))
	}
	return out.String()
}

func row(out *strings.Builder, at string, digits int, lines int64, bar string) {
	out.WriteString(strings.TrimRight(fmt.Sprintf("%s  %*d  %s", at, digits, lines, bar), " ") + "\n")
}

// bar is as much of the room as n of most, to an eighth of a column, and not nothing.
func bar(n, most int64, room int) string {
	eighths := max(int(float64(n)/float64(most)*float64(room)*8+0.5), 1)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return text
}
