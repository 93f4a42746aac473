package schedule

import (
	"math/bits"
	"time"
)

// farthest is how many days are looked at. The rarest, a 29 February that is also one of "*/6" days of the week, may be 40
// years away where a century has none: a millisecond's work, and nobody writes it.
const farthest = 41 * 366

// Next is the first instant after another, in that one's zone.
func (e Expression) Next(after time.Time) time.Time {
	if bits.OnesCount32(uint32(e.hour)) == 24 {
		return e.nextMinute(after)
	}
	y, m, d := after.Date()
	for i := -1; i < farthest; i++ { // the day before, for its times may be in a gap that ends today
		day := time.Date(y, m, d+i, 12, 0, 0, 0, time.UTC) // a day of the calendar: what is local to it comes with the hour
		if !e.onDay(day) {
			continue
		}
		if t, ok := e.onThat(day, after); ok {
			return t
		}
	}
	return time.Time{}
}

// onDay reports whether the date allows it.
func (e Expression) onDay(t time.Time) bool {
	if !e.month.has(int(t.Month())) {
		return false
	}
	day, week := e.day.has(t.Day()), e.onWeek.has(int(t.Weekday()))
	if e.either {
		return day || week
	}
	return day && week
}

// onThat is the first time of a day of the calendar that is after an instant.
func (e Expression) onThat(day, after time.Time) (time.Time, bool) {
	for hour := range 24 {
		if !e.hour.has(hour) {
			continue
		}
		for minutes := uint64(e.minute); minutes != 0; minutes &= minutes - 1 {
			if t := local(day, hour, bits.TrailingZeros64(minutes), after.Location()); t.After(after) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// nextMinute goes by real time, and so needs no rule for hours that are skipped or come twice.
func (e Expression) nextMinute(after time.Time) time.Time {
	t := after.Add(time.Minute - time.Duration(after.Second())*time.Second - time.Duration(after.Nanosecond()))
	for range 2 * farthest {
		y, m, d := t.Date()
		if !e.onDay(time.Date(y, m, d, 12, 0, 0, 0, time.UTC)) {
			midnight := local(time.Date(y, m, d+1, 12, 0, 0, 0, time.UTC), 0, 0, t.Location())
			if !midnight.After(t) { // it comes twice, and this is the second
				midnight = t.Add(time.Minute)
			}
			t = midnight
			continue
		}
		for range 61 {
			if e.minute.has(t.Minute()) {
				break
			}
			t = t.Add(time.Minute)
		}
		if t.Day() == d && e.minute.has(t.Minute()) {
			return t
		}
	}
	return time.Time{}
}

// local is an hour and minute of a day of the calendar as an instant: the first where there are two, the end of the gap
// where there is none. time.Date promises no more than one of the two zones there.
func local(day time.Time, hour, minute int, zone *time.Location) time.Time {
	y, m, d := day.Date()
	t := time.Date(y, m, d, hour, minute, 0, 0, zone)
	start, end := t.ZoneBounds()
	if t.Hour() != hour || t.Minute() != minute || t.Day() != d {
		if wall(t).Before(time.Date(y, m, d, hour, minute, 0, 0, time.UTC)) {
			return end
		}
		return start
	}
	if !start.IsZero() {
		_, now := t.Zone()
		_, before := start.Add(-time.Second).In(zone).Zone()
		if first := t.Add(time.Duration(now-before) * time.Second); first.Before(start) && first.Before(t) {
			return first
		}
	}
	return t
}

// wall is what a clock on the wall shows, as if it were UTC.
func wall(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
