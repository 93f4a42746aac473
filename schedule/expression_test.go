package schedule

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Expression{
		"* * * * *":              {minute: 1<<60 - 1, hour: 1<<24 - 1, day: 1<<32 - 2, month: 1<<13 - 2, onWeek: 1<<7 - 1},
		"@Daily":                 {minute: 1, hour: 1, day: 1<<32 - 2, month: 1<<13 - 2, onWeek: 1<<7 - 1},
		" 5,10-12/2 1 * *   * ":  {minute: 1<<5 | 1<<10 | 1<<12, hour: 2, day: 1<<32 - 2, month: 1<<13 - 2, onWeek: 1<<7 - 1},
		"50/4 0 1 JAN,dec *":     {minute: 1<<50 | 1<<54 | 1<<58, hour: 1, day: 2, month: 1<<1 | 1<<12, onWeek: 1<<7 - 1},
		"0 */8 13 * fri":         {minute: 1, hour: 1 | 1<<8 | 1<<16, day: 1 << 13, month: 1<<13 - 2, onWeek: 1 << 5, either: true},
		"0 0 * * 5-7":            {minute: 1, hour: 1, day: 1<<32 - 2, month: 1<<13 - 2, onWeek: 1<<5 | 1<<6 | 1},
		"0 0 * * sat-sun":        {minute: 1, hour: 1, day: 1<<32 - 2, month: 1<<13 - 2, onWeek: 1<<6 | 1},
		"0 0 * * 3/2":            {minute: 1, hour: 1, day: 1<<32 - 2, month: 1<<13 - 2, onWeek: 1<<3 | 1<<5},
		"0 0 29 feb */6":         {minute: 1, hour: 1, day: 1 << 29, month: 1 << 2, onWeek: 1 | 1<<6},
		"0 0 31 2 mon":           {minute: 1, hour: 1, day: 1 << 31, month: 1 << 2, onWeek: 1 << 1, either: true}, // Mondays
		"30 3 31 feb,apr,may  *": {minute: 1 << 30, hour: 1 << 3, day: 1 << 31, month: 1<<2 | 1<<4 | 1<<5, onWeek: 1<<7 - 1},
	} {
		want.text = text
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

// Each mistake says what to write instead.
func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                         `"" is not a cron expression: write five fields, such as "0 3 * * *": minute, hour, day of the month, month, day of the week`,
		"* * * *":                  `"* * * *" is not a cron expression: write five fields, such as "0 3 * * *": minute, hour, day of the month, month, day of the week`,
		"0 0 3 * * *":              `"0 0 3 * * *" has 6 fields: there are no seconds and no years here, write five, minutes first, such as "0 3 * * *"`,
		"60 * * * *":               `"60 * * * *": the minute: 60 is not from 0 to 59`,
		"x * * * *":                `"x * * * *": the minute: "x" is not a number from 0 to 59, *, a range 1-5 or a step */5`,
		"* -1 * * *":               `"* -1 * * *": the hour: "" is not a number from 0 to 23, *, a range 1-5 or a step */5`,
		"* * 0 * *":                `"* * 0 * *": the day of the month: 0 is not from 1 to 31`,
		"* * ? * *":                `"* * ? * *": the day of the month: ? is not known here: write *`,
		"* * L * *":                `"* * L * *": the day of the month: "L": L, W and # are not known here; a program that looks at the date itself can run every day`,
		"* * * foo *":              `"* * * foo *": the month: "foo" is neither a number from 1 to 12 nor a name such as JAN`,
		"* * * * mon#2":            `"* * * * mon#2": the day of the week: "mon#2": L, W and # are not known here; a program that looks at the date itself can run every day`,
		"* * * * 5L":               `"* * * * 5L": the day of the week: "5L": L, W and # are not known here; a program that looks at the date itself can run every day`,
		"* * * * 8":                `"* * * * 8": the day of the week: 8 is not from 0 to 7`,
		"* 22-2 * * *":             `"* 22-2 * * *": the hour: "22-2" goes backwards: write two ranges, 22-23,0-2`,
		"*/0 * * * *":              `"*/0 * * * *": the minute: the step in "*/0" is not from 1 to 59`,
		"1,,2 * * * *":             `"1,,2 * * * *": the minute: "" is not a number from 0 to 59, *, a range 1-5 or a step */5`,
		"0 0 31 2,4 *":             `"0 0 31 2,4 *" never comes: none of its months has so many days`,
		"@reboot":                  `"@reboot" is not known: what runs once at the start is an app with restart: "no"`,
		"@every 5m":                `"@every 5m" is not known: write schedule: {every: 5m}`,
		"@fortnightly":             `"@fortnightly" is not known: there are @hourly, @daily, @weekly, @monthly and @yearly`,
		"TZ=UTC 0 3 * * *":         `"TZ=UTC 0 3 * * *": the zone has a key of its own, timezone: the expression is five fields`,
		strings.Repeat("1,", 5000): `"` + strings.Repeat("1,", 30) + `…" is not a cron expression: write five fields, such as "0 3 * * *": minute, hour, day of the month, month, day of the week`,
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%.40q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"* * * * *", "0 3 * * mon-fri", "*/5 1-3,4 1/2 JAN 7", "@weekly", "0 0 29 2 *", "0 0 31 4 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			return
		}
		after := time.Date(2024, 2, 29, 23, 59, 59, 1, time.UTC)
		for range 3 {
			next := e.Next(after)
			if !next.After(after) || next.Second() != 0 || !e.minute.has(next.Minute()) || !e.hour.has(next.Hour()) || !e.onDay(next) {
				t.Fatalf("%q: %v comes after %v", s, next, after)
			}
			after = next
		}
	})
}
