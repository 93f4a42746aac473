package signame

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What is parsed has a name, and that name is parsed.
func TestParse(t *testing.T) {
	for s, want := range map[string]unix.Signal{
		"TERM": 15, "SIGTERM": 15, "sigterm": 15, "15": 15, "1": 1, "64": 64, "RTMIN": 34, "SIGRTMIN+3": 37, "RTMAX": 64, "RTMAX-2": 62, "WINCH": 28,
		"0": 0, "65": 0, "-1": 0, "": 0, "NOPE": 0, "RTMIN+99": 0, "RTMAX-99": 0, "RTMIN+": 0, "RTMINx": 0, "RTMIN5": 0, "IOT": 6, "SIGPOLL": 29, "CLD": 17,
	} {
		got, ok := Parse(s)
		if ok != (want != 0) || ok && got != want {
			t.Errorf("%q: %d %v, want %d", s, got, ok, want)
		}
		if ok {
			if again, _ := Parse(Of(got)); again != got {
				t.Errorf("%d is called %q, which is %d", got, Of(got), again)
			}
		}
	}
}
