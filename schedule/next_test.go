package schedule

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // the machine may have none
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// What the clocks do in spring and autumn, and where a day is left out. Berlin goes from 2:00 to 3:00 on 30 March 2025 and
// from 3:00 to 2:00 on 26 October; Santiago at midnight, so that a day begins at 1:00; Lord Howe by half an hour; Apia had
// no 30 December 2011.
func TestNextAndTheClocks(t *testing.T) {
	for _, c := range []struct {
		cron, zone, after string
		want              []string
	}{
		{"30 2 * * *", "Europe/Berlin", "2025-03-29T00:00:00+01:00", []string{"2025-03-29T02:30:00+01:00", "2025-03-30T03:00:00+02:00", "2025-03-31T02:30:00+02:00"}},
		{"0,30 2,3 * * *", "Europe/Berlin", "2025-03-30T00:00:00+01:00", []string{"2025-03-30T03:00:00+02:00", "2025-03-30T03:30:00+02:00", "2025-03-31T02:00:00+02:00"}},
		{"30 2 * * *", "Europe/Berlin", "2025-10-25T12:00:00+02:00", []string{"2025-10-26T02:30:00+02:00", "2025-10-27T02:30:00+01:00"}},
		{"30 2 * * *", "Europe/Berlin", "2025-10-26T02:10:00+01:00", []string{"2025-10-27T02:30:00+01:00"}}, // the second 2:10
		{"30 * * * *", "Europe/Berlin", "2025-03-30T01:00:00+01:00", []string{"2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00"}},
		{"30 * * * *", "Europe/Berlin", "2025-10-26T02:00:00+02:00", []string{"2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00", "2025-10-26T03:30:00+01:00"}},
		{"*/20 * 26 10 *", "Europe/Berlin", "2025-10-26T02:40:00+02:00", []string{"2025-10-26T02:00:00+01:00", "2025-10-26T02:20:00+01:00"}},
		{"0 0 * * *", "America/Santiago", "2025-09-06T12:00:00-04:00", []string{"2025-09-07T01:00:00-03:00", "2025-09-08T00:00:00-03:00"}},
		{"30 23 * * *", "America/Santiago", "2025-04-05T12:00:00-03:00", []string{"2025-04-05T23:30:00-03:00", "2025-04-06T23:30:00-04:00"}},
		{"*/30 * * * sun", "America/Santiago", "2025-04-05T23:00:00-03:00", []string{"2025-04-06T00:00:00-04:00"}}, // midnight comes once, 23:00 twice
		{"15 2 * * *", "Australia/Lord_Howe", "2025-10-04T12:00:00+10:30", []string{"2025-10-05T02:30:00+11:00", "2025-10-06T02:15:00+11:00"}},
		{"45 1 * * *", "Australia/Lord_Howe", "2025-04-05T12:00:00+11:00", []string{"2025-04-06T01:45:00+11:00", "2025-04-07T01:45:00+10:30"}},
		{"0 10 * * *", "Pacific/Apia", "2011-12-29T00:00:00-10:00", []string{"2011-12-29T10:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T10:00:00+14:00"}},
		{"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"0 0 13 * fri", "UTC", "2026-11-07T00:00:00Z", []string{"2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z", "2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"}},
		{"* * * * *", "Asia/Kathmandu", "2026-01-01T00:00:59.9+05:45", []string{"2026-01-01T00:01:00+05:45"}},
	} {
		e, err := Parse(c.cron)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339Nano, c.after)
		if err != nil {
			t.Fatal(err)
		}
		at = at.In(zone(t, c.zone))
		for _, want := range c.want {
			at = e.Next(at)
			if got := at.Format(time.RFC3339); got != want {
				t.Errorf("%q in %s: got %s, want %s", c.cron, c.zone, got, want)
			}
		}
	}
}

// Against somebody who looks at each minute of a year: in UTC all must be the same; elsewhere all times that come must be
// allowed ones, but for those at the end of a gap, and a day has them once.
func TestNextAgainstEachMinute(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(1, 0, 0)
	for _, cron := range []string{"*/7 * * * *", "13 4,5 * * *", "0 0 31 * *", "59 23 29 2 *", "1-3 */6 1,15 * mon", "0 12 * jan-mar tue-thu", "@weekly"} {
		e, err := Parse(cron)
		if err != nil {
			t.Fatal(err)
		}
		at := from.Add(-time.Second)
		for minute := from; minute.Before(to); minute = minute.Add(time.Minute) {
			if e.minute.has(minute.Minute()) && e.hour.has(minute.Hour()) && e.onDay(minute) {
				if at = e.Next(at); !at.Equal(minute) {
					t.Fatalf("%q: got %v, want %v", cron, at, minute)
				}
			}
		}
		for range 200 { // from anywhere it is the same
			some := from.Add(time.Duration(r.Int64N(int64(to.Sub(from)))))
			next := e.Next(some)
			if again := e.Next(next.Add(-time.Nanosecond)); !next.After(some) || !again.Equal(next) {
				t.Fatalf("%q: %v after %v, %v just before", cron, next, some, again)
			}
		}
	}
}

// A year in two zones: a time of day comes each day once, and what goes by every hour comes as often as there are hours.
func TestYearInTwoZones(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York"} {
		z := zone(t, name)
		from := time.Date(2025, 1, 1, 0, 0, 0, 0, z)
		to := time.Date(2026, 1, 1, 0, 0, 0, 0, z)
		for cron, want := range map[string]int{"30 2 * * *": 365, "30 1 * * *": 365, "0 3 * * *": 365, "5 * * * *": 8760, "*/15 * * * *": 4 * 8760, "*/30 0-3 * * *": 8*365 - 2} {
			e, err := Parse(cron)
			if err != nil {
				t.Fatal(err)
			}
			days := map[string]int{}
			n := 0
			for at := e.Next(from.Add(-time.Second)); at.Before(to); at = e.Next(at) {
				n++
				days[at.Format(time.DateOnly)]++
			}
			// Of 2:00 and 2:30, which the clocks leave out in spring, and of 3:00 there is left one.
			if n != want {
				t.Errorf("%q in %s: %d times in a year, want %d", cron, name, n, want)
			}
			if want == 365 && len(days) != 365 {
				t.Errorf("%q in %s: on %d days", cron, name, len(days))
			}
		}
	}
}

func TestZone(t *testing.T) {
	for name, want := range map[string]*time.Location{"": time.UTC, "UTC": time.UTC, "Local": time.Local} {
		if z, err := Zone(name); err != nil || z != want {
			t.Errorf("%q: %v, %v", name, z, err)
		}
	}
	const want = "there is no time zone Europe/Berlim in /usr/share/zoneinfo\n  is it misspelled? names are such as Europe/Berlin, America/New_York, UTC"
	if _, err := Zone("Europe/Berlim"); err == nil || err.Error() != want {
		t.Error(err)
	}
	for _, name := range []string{"", "../../etc/passwd", "/etc/localtime", "Europe/Berlin ", "a\x00b"} {
		if _, err := CheckZone(name); err == nil {
			t.Errorf("%q is taken for a zone", name)
		}
	}
	for _, name := range []string{"UTC", "Local", "Etc/GMT+5", "America/Argentina/Buenos_Aires", "EST5EDT"} {
		if _, err := CheckZone(name); err != nil {
			t.Error(err)
		}
	}
}

// Nobody sets the clock here: the watch is a descriptor that nothing happens to, and that can be closed.
func TestClockIsQuietAndEnds(t *testing.T) {
	c, err := OpenClock()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	c.Close()
	if err := <-ended; err == nil {
		t.Error("the clock was set, or a closed watch says so")
	}
}

func BenchmarkNext(b *testing.B) {
	for _, cron := range []string{"*/5 * * * *", "0 3 * * *", "0 0 29 2 *"} {
		e, err := Parse(cron)
		if err != nil {
			b.Fatal(err)
		}
		after := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
		b.Run(cron, func(b *testing.B) {
			for b.Loop() {
				e.Next(after)
			}
		})
	}
}
