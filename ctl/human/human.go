// Package human turns what goinit knows into what a person reads on a terminal: spans of time, sizes, and text that somebody
// else wrote, made harmless. It knows nothing of verbs, and what it returns is for eyes: programs get JSON.
package human

import (
	"fmt"
	"time"
)

// Span is a duration in its largest unit: 80ms, 3s, 5m, 2h, 9d.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d/time.Minute))
	case d < 2*day:
		return fmt.Sprintf("%dh", int(d/time.Hour))
	}
	return fmt.Sprintf("%dd", int(d/day))
}

// Bytes is a size in the largest unit of which there are ten.
func Bytes[N int64 | uint64](n N) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%dGi", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%dMi", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%dKi", n>>10)
	}
	return fmt.Sprintf("%d", n)
}

// CPUTime is seconds of a processor, short: 0.3s, 12s, 5m.
func CPUTime(seconds float64) string {
	if seconds < 10 {
		return fmt.Sprintf("%.1fs", seconds)
	}
	return Span(time.Duration(seconds * float64(time.Second)))
}

// Plural is a number of something: 1 worker, 3 workers.
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
