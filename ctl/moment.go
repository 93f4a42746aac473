package ctl

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// instant reads --since and --until: a moment (RFC 3339, a date, a time of today, yesterday), or how long ago. What names no
// zone is in that of this machine; a date is its first moment.
func (w *world) instant(flag, s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	now := w.now()
	if t, ok := moment(s, now); ok {
		return &t, nil
	}
	if d, ok := ago(s); ok {
		t := now.Add(-d)
		return &t, nil
	}
	return nil, fmt.Errorf("--%s %s: it is a time (2026-11-21T08:00:00Z, \"2026-11-21 08:00\", 08:00, today, yesterday) or how long ago (10m, 2d)", flag, s)
}

// moment reads an absolute time, as people write it.
func moment(s string, now time.Time) (time.Time, bool) {
	day := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, now.Location())
	}
	switch s {
	case "now":
		return now, true
	case "today":
		return day(0), true
	case "yesterday":
		return day(-1), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, true
		}
	}
	base, clock := day(0), s
	for word, days := range map[string]int{"today ": 0, "yesterday ": -1} {
		if rest, ok := strings.CutPrefix(s, word); ok {
			base, clock = day(days), rest
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, clock); err == nil {
			// Not a sum: a day on which the clock is changed has not 24 hours.
			return time.Date(base.Year(), base.Month(), base.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), base.Location()), true
		}
	}
	return time.Time{}, false
}

// ago reads a duration that may count days: 90s, 1h30m, 2d, 1d12h.
func ago(s string) (time.Duration, bool) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		days, rest = "", s
	}
	var sum time.Duration
	if ok {
		d, err := time.ParseDuration(days + "h")
		if err != nil || d < 0 || d > math.MaxInt64/48 {
			return 0, false
		}
		if sum = 24 * d; rest == "" {
			return sum, true
		}
	}
	d, err := time.ParseDuration(rest)
	return sum + d, err == nil && d >= 0
}
