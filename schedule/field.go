package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is one of the five fields.
type kind struct {
	name        string
	least, most int
	names       string // three letters each, the first being least
}

var kinds = [5]kind{
	{"the minute", 0, 59, ""},
	{"the hour", 0, 23, ""},
	{"the day of the month", 1, 31, ""},
	{"the month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
	{"the day of the week", 0, 7, "SUNMONTUEWEDTHUFRISAT"}, // 0 and 7 are Sunday
}

// parse reads a list of *, N, N-M, each with a /STEP or without.
func (k kind) parse(field string) (set, error) {
	var all set
	for part := range strings.SplitSeq(field, ",") {
		span, step, stepped := strings.Cut(part, "/")
		every := 1
		if stepped {
			n, err := strconv.Atoi(step)
			if err != nil || n < 1 || n > k.most {
				return 0, fmt.Errorf("%s: the step in %q is not from 1 to %d", k.name, clip(part), k.most)
			}
			every = n
		}
		from, to, err := k.span(span, stepped)
		if err != nil {
			return 0, err
		}
		for n := from; n <= to; n += every {
			all |= 1 << uint(n)
		}
	}
	return all, nil
}

func (k kind) span(s string, stepped bool) (from, to int, err error) {
	if s == "*" {
		if k.most == 7 {
			return 0, 6, nil
		}
		return k.least, k.most, nil
	}
	first, last, ranged := strings.Cut(s, "-")
	if from, err = k.number(first); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if to, err = k.number(last); err != nil {
			return 0, 0, err
		}
		if k.most == 7 && to == 0 && from > 0 && strings.EqualFold(last, "SUN") {
			to = 7
		}
		if from > to {
			return 0, 0, fmt.Errorf("%s: %q goes backwards: write two ranges, %s-%d,%d-%s", k.name, clip(s), first, k.last(), k.least, last)
		}
	case stepped: // 5/15 is 5-59/15, as most have it
		to = k.last()
	default:
		to = from
	}
	return from, to, nil
}

func (k kind) last() int {
	if k.most == 7 {
		return 6
	}
	return k.most
}

func (k kind) number(s string) (int, error) {
	if len(s) == 3 && k.names != "" {
		if i := strings.Index(k.names, strings.ToUpper(s)); i >= 0 && i%3 == 0 {
			return i/3 + k.least, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || s[0] == '+' || s[0] == '-' {
		return 0, k.notANumber(s)
	}
	if n < k.least || n > k.most {
		return 0, fmt.Errorf("%s: %d is not from %d to %d", k.name, n, k.least, k.most)
	}
	return n, nil
}

func (k kind) notANumber(s string) error {
	switch {
	case s == "?":
		return fmt.Errorf("%s: ? is not known here: write *", k.name)
	case strings.ContainsAny(s, "#") || k.names == "" && strings.ContainsAny(s, "LW") || len(s) > 1 && strings.HasSuffix(s, "L"):
		return fmt.Errorf("%s: %q: L, W and # are not known here; a program that looks at the date itself can run every day", k.name, clip(s))
	case k.names != "":
		return fmt.Errorf("%s: %q is neither a number from %d to %d nor a name such as %s", k.name, clip(s), k.least, k.most, k.names[:3])
	}
	return fmt.Errorf("%s: %q is not a number from %d to %d, *, a range 1-5 or a step */5", k.name, clip(s), k.least, k.most)
}
