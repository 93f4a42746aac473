package schedule

import (
	"fmt"
	"math/bits"
	"strings"
)

// Expression is when something is to come, in local time: crontab(5), to the minute.
type Expression struct {
	text                             string
	minute, hour, day, month, onWeek set
	// Where both days are named, one of them is enough: crontab(5) again.
	either bool
}

// set holds the numbers that a field allows, as bits; no field goes beyond 59.
type set uint64

func (s set) has(n int) bool { return s>>uint(n)&1 != 0 }

// String is the text that it was made of.
func (e Expression) String() string { return e.text }

// fiveOf is what a word stands for, or "".
func fiveOf(word string) string {
	switch strings.ToLower(word) {
	case "@yearly", "@annually":
		return "0 0 1 1 *"
	case "@monthly":
		return "0 0 1 * *"
	case "@weekly":
		return "0 0 * * 0"
	case "@daily", "@midnight":
		return "0 0 * * *"
	case "@hourly":
		return "0 * * * *"
	}
	return ""
}

// Parse reads five fields (minute, hour, day of the month, month, day of the week), or a word such as @daily. The error says
// what to write instead.
func Parse(text string) (Expression, error) {
	e := Expression{text: text}
	fields := strings.Fields(text)
	if len(fields) == 1 && strings.HasPrefix(fields[0], "@") {
		five := fiveOf(fields[0])
		if five == "" {
			return e, unknownWord(fields[0])
		}
		fields = strings.Fields(five)
	}
	if len(fields) != 5 {
		return e, wrongNumber(text, len(fields))
	}
	for i, to := range []*set{&e.minute, &e.hour, &e.day, &e.month, &e.onWeek} {
		var err error
		if *to, err = kinds[i].parse(fields[i]); err != nil {
			return e, fmt.Errorf("%q: %w", clip(text), err)
		}
	}
	if e.onWeek.has(7) {
		e.onWeek = e.onWeek&^(1<<7) | 1
	}
	e.either = fields[2][0] != '*' && fields[4][0] != '*'
	return e, e.possible()
}

// possible refuses the days that no month has: one would wait for ever.
func (e Expression) possible() error {
	if e.either || bits.OnesCount64(uint64(e.day)) == 31 {
		return nil
	}
	for m, longest := range [...]int{1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31} {
		if m > 0 && e.month.has(m) && bits.TrailingZeros64(uint64(e.day)) <= longest {
			return nil
		}
	}
	return fmt.Errorf("%q never comes: none of its months has so many days", clip(e.text))
}

func unknownWord(text string) error {
	switch strings.ToLower(strings.Fields(text)[0]) {
	case "@reboot":
		return fmt.Errorf(`%q is not known: what runs once at the start is an app with restart: "no"`, text)
	case "@every":
		return fmt.Errorf("%q is not known: write schedule: {every: 5m}", clip(text))
	}
	return fmt.Errorf("%q is not known: there are @hourly, @daily, @weekly, @monthly and @yearly", clip(text))
}

func wrongNumber(text string, n int) error {
	switch {
	case strings.HasPrefix(text, "@"):
		return unknownWord(text)
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return fmt.Errorf("%q: the zone has a key of its own, timezone: the expression is five fields", clip(text))
	case n == 6 || n == 7:
		return fmt.Errorf(`%q has %d fields: there are no seconds and no years here, write five, minutes first, such as "0 3 * * *"`, clip(text), n)
	}
	return fmt.Errorf(`%q is not a cron expression: write five fields, such as "0 3 * * *": minute, hour, day of the month, month, day of the week`, clip(text))
}

func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
