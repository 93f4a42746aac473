package ctl

import (
	"testing"
	"time"
	_ "time/tzdata" // New York, wherever the test runs
)

// Times as people write them, at one moment in two zones: a Sunday on which New York's clocks went back at 02:00.
func TestInstant(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 1, 18, 30, 15, 500, time.UTC)
	for _, c := range []struct{ text, utc, newYork string }{
		{"2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z"},
		{"2026-11-01T08:00:00.25+02:00", "2026-11-01T06:00:00.25Z", "2026-11-01T06:00:00.25Z"},
		{"2026-11-01 08:00", "2026-11-01T08:00:00Z", "2026-11-01T13:00:00Z"},
		{"2026-10-31 08:00:01", "2026-10-31T08:00:01Z", "2026-10-31T12:00:01Z"},
		{"2026-10-31", "2026-10-31T00:00:00Z", "2026-10-31T04:00:00Z"},
		{"08:00", "2026-11-01T08:00:00Z", "2026-11-01T13:00:00Z"},
		{"00:30:05", "2026-11-01T00:30:05Z", "2026-11-01T04:30:05Z"},
		{"today", "2026-11-01T00:00:00Z", "2026-11-01T04:00:00Z"},
		{"yesterday", "2026-10-31T00:00:00Z", "2026-10-31T04:00:00Z"},
		{"yesterday 23:00", "2026-10-31T23:00:00Z", "2026-11-01T03:00:00Z"},
		{"today 8:15", "2026-11-01T08:15:00Z", "2026-11-01T13:15:00Z"},
		{"now", "2026-11-01T18:30:15.0000005Z", "2026-11-01T18:30:15.0000005Z"},
		{"10m", "2026-11-01T18:20:15.0000005Z", "2026-11-01T18:20:15.0000005Z"},
		{"1h30m", "2026-11-01T17:00:15.0000005Z", "2026-11-01T17:00:15.0000005Z"},
		{"2d", "2026-10-30T18:30:15.0000005Z", "2026-10-30T18:30:15.0000005Z"},
		{"1d12h", "2026-10-31T06:30:15.0000005Z", "2026-10-31T06:30:15.0000005Z"},
		{"0s", "2026-11-01T18:30:15.0000005Z", "2026-11-01T18:30:15.0000005Z"},
	} {
		for zone, want := range map[*time.Location]string{time.UTC: c.utc, newYork: c.newYork} {
			w := &world{now: func() time.Time { return now.In(zone) }}
			got, err := w.instant("since", c.text)
			if err != nil {
				t.Errorf("%s: %v", c.text, err)
				continue
			}
			if got := got.UTC().Format(time.RFC3339Nano); got != want {
				t.Errorf("%s in %v: %s, wanted %s", c.text, zone, got, want)
			}
		}
	}
	w := &world{now: func() time.Time { return now }}
	for _, text := range []string{"tomorrow", "-10m", "25:00", "2026-13-01", "d", "10", "1d-2h", "99999999d", "08:00:00:00", "1dd"} {
		if got, err := w.instant("since", text); err == nil {
			t.Errorf("%s is %v", text, got)
		}
	}
}
