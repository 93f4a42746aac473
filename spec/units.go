package spec

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is text in JSON.
type Duration time.Duration

// maxDuration is longer than any container lives, and far from where sums of durations overflow.
const maxDuration = Duration(10 * 365 * 24 * time.Hour)

var durationUnits = []struct {
	name string
	size time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

// ParseDuration reads "90s", "1m30s", "1.5h", "100ms", "7d": every number carries its unit, larger units come first.
func ParseDuration(s string) (Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("empty: write a duration such as 10s")
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fmt.Errorf("%q has no unit: write %ss or %sms", s, s, s)
	}
	var total float64
	next := 0 // index of the largest unit that may still come
	for rest := s; rest != ""; {
		number, after := leadingNumber(rest)
		unit := leadingLetters(after)
		i := next
		for i < len(durationUnits) && durationUnits[i].name != unit {
			i++
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil || i == len(durationUnits) {
			return 0, fmt.Errorf("%q is not a duration: write a number and a unit of ms, s, m, h, d, such as 10s or 1m30s", s)
		}
		total += value * float64(durationUnits[i].size)
		next, rest = i+1, after[len(unit):]
	}
	if total > float64(maxDuration) {
		return 0, fmt.Errorf("%q is more than ten years", s)
	}
	return Duration(math.Round(total)), nil
}

func leadingNumber(s string) (number, rest string) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	return s[:i], s[i:]
}

func leadingLetters(s string) string {
	i := 0
	for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z') {
		i++
	}
	return s[:i]
}

// String writes what ParseDuration reads; what is smaller than a millisecond is lost.
func (d Duration) String() string {
	var b strings.Builder
	rest := time.Duration(d)
	for _, u := range durationUnits {
		if n := rest / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			rest %= u.size
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// MarshalJSON writes the text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads the text.
func (d *Duration) UnmarshalJSON(data []byte) error { return fromText(data, d, ParseDuration) }

// fromText is for those who have JSON that goinit wrote, as clients do. What people wrote is read by Load.
func fromText[T any](data []byte, into *T, parse func(string) (T, error)) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		text = string(data) // a number
	}
	v, err := parse(text)
	if err == nil {
		*into = v
	}
	return err
}

// Size is a number of bytes that is IEC text in JSON.
type Size int64

var sizeUnits = []struct {
	name string
	size Size
}{{"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}}

// ParseSize reads "256MiB" or "256Mi", and "512B". Whatever means one thing to Docker and another to Kubernetes is refused.
func ParseSize(s string) (Size, error) {
	number, unit := leadingNumber(s)
	value, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size: write a number and a unit of KiB, MiB, GiB, TiB, such as 256MiB", s)
	}
	for _, u := range sizeUnits {
		if unit == u.name || unit == u.name+"B" {
			if value*float64(u.size) >= math.MaxInt64 {
				return 0, fmt.Errorf("%q is more than there can be", s)
			}
			return Size(value * float64(u.size)), nil
		}
	}
	whole := value == math.Trunc(value) && value < math.MaxInt64
	switch u := strings.ToUpper(unit); {
	case unit == "B" && whole:
		return Size(value), nil
	case unit == "":
		return 0, fmt.Errorf("%q has no unit: write %sMiB, or %sB for bytes", s, number, number)
	case len(u) <= 2 && strings.ContainsAny(u[:1], "KMGT") && (len(u) == 1 || u[1] == 'B'):
		k := u[:1]
		return 0, fmt.Errorf("%q is %s %siB to Docker and %s %sB to Kubernetes: write %s%siB", s, number, k, number, k, number, k)
	}
	return 0, fmt.Errorf("%q is not a size: write a number and a unit of KiB, MiB, GiB, TiB, such as 256MiB", s)
}

// String writes what ParseSize reads, in the largest unit that leaves a whole number.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s >= u.size && s%u.size == 0 {
			return fmt.Sprintf("%d%sB", s/u.size, u.name)
		}
	}
	if s == 0 {
		return "0MiB"
	}
	return fmt.Sprintf("%dB", int64(s))
}

// MarshalJSON writes the text.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads the text.
func (s *Size) UnmarshalJSON(data []byte) error { return fromText(data, s, ParseSize) }

// Unlimited is RLIM_INFINITY.
const Unlimited = ^uint64(0)

// MaxLogFiles is the most files that the log of an app may have.
const MaxLogFiles = 10000

// ParseLogSize reads the size of one file of a log.
func ParseLogSize(s string) (Size, error) { return sizeAtLeast(s, 4<<10, "the smallest file of a log") }

// ParseLogTotal reads the size of all files of all logs.
func ParseLogTotal(s string) (Size, error) {
	return sizeAtLeast(s, 1<<20, "the smallest store (log_store: {directory: off} keeps nothing)")
}

func sizeAtLeast(s string, least Size, what string) (Size, error) {
	n, err := ParseSize(s)
	if err == nil && n < least {
		return 0, fmt.Errorf("%s is less than %s, %s", s, least, what)
	}
	return n, err
}

// ParseLimit reads a value of setrlimit(2): a number, or "unlimited".
func ParseLimit(s string) (uint64, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is not a limit: write a whole number, or unlimited", s)
	}
	return n, nil
}

// MarshalJSON writes {"soft": N, "hard": N}, each as ParseLimit reads it.
func (u Ulimit) MarshalJSON() ([]byte, error) {
	limit := func(n uint64) any {
		if n == Unlimited {
			return "unlimited"
		}
		return n
	}
	return json.Marshal(struct {
		Soft any `json:"soft"`
		Hard any `json:"hard"`
	}{limit(u.Soft), limit(u.Hard)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (u *Ulimit) UnmarshalJSON(data []byte) error {
	var raw struct{ Soft, Hard json.RawMessage }
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if err := fromText(raw.Soft, &u.Soft, ParseLimit); err != nil {
		return err
	}
	return fromText(raw.Hard, &u.Hard, ParseLimit)
}

// ParseWorkers reads a count or "auto".
func ParseWorkers(s string) (Workers, error) {
	if s == "auto" {
		return Workers{Auto: true}, nil
	}
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return Workers{}, fmt.Errorf("%q is not a number of workers: write a whole number, or auto", s)
	case n == 0:
		return Workers{}, fmt.Errorf("0 workers: for an app that is known but not started write enabled: false")
	case n < 0 || n > MaxWorkers:
		return Workers{}, fmt.Errorf("%q is not from 1 to %d", s, MaxWorkers)
	}
	return Workers{Count: n}, nil
}

// MaxWorkers is what one app may have.
const MaxWorkers = 1000

// MarshalJSON writes what ParseWorkers reads.
func (w Workers) MarshalJSON() ([]byte, error) {
	if w.Auto {
		return []byte(`"auto"`), nil
	}
	return json.Marshal(w.Count)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (w *Workers) UnmarshalJSON(data []byte) error {
	if string(data) == "0" { // of an App that is not a spec's: one that is leaving, and known by name only
		*w = Workers{}
		return nil
	}
	return fromText(data, w, ParseWorkers)
}
