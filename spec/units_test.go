package spec

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"10s": 10 * time.Second, "0s": 0, "1m30s": 90 * time.Second, "1.5h": 90 * time.Minute, "7d": 168 * time.Hour, "100ms": 100 * time.Millisecond, "1s500ms": 1500 * time.Millisecond} {
		if got, err := ParseDuration(in); err != nil || time.Duration(got) != want {
			t.Errorf("%q: got %v, %v", in, got, err)
		} else if back, err := ParseDuration(got.String()); err != nil || back != got {
			t.Errorf("%q: written as %q", in, got)
		}
	}
	for in, want := range map[string]string{"10": "write 10s or 10ms", "": "empty", "-5s": "not a duration", "5": "no unit", "5us": "not a duration", "s": "not a duration", "1s1s": "not a duration", "1s1m": "not a duration", "5 s": "not a duration", "99999999d": "ten years", "1..5s": "not a duration", "1e9s": "not a duration"} {
		if got, err := ParseDuration(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error with %q", in, got, err, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]Size{"256MiB": 256 << 20, "256Mi": 256 << 20, "1.5GiB": 3 << 29, "4KiB": 4096, "512B": 512, "0MiB": 0, "1TiB": 1 << 40} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v", in, got, err)
		} else if back, err := ParseSize(got.String()); err != nil || back != got {
			t.Errorf("%q: written as %q", in, got)
		}
	}
	for in, want := range map[string]string{"256M": `"256M" is 256 MiB to Docker and 256 MB to Kubernetes: write 256MiB`, "256m": "write 256MiB", "256MB": "write 256MiB", "2g": "write 2GiB", "5": "no unit", "": "not a size", "MiB": "not a size", "1.5B": "not a size", "-1MiB": "not a size", "99999999TiB": "more than", "5MiBs": "not a size"} {
		if got, err := ParseSize(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error with %q", in, got, err, want)
		}
	}
}

func TestParseSignal(t *testing.T) {
	for in, want := range map[string]syscall.Signal{"SIGTERM": 15, "SIGUSR2": 12, "SIGRTMIN": 34, "SIGRTMIN+3": 37, "SIGRTMAX": 64, "SIGRTMAX-1": 63} {
		if got, err := ParseSignal(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{"TERM": "write SIGTERM", "term": "write SIGTERM", "sigterm": "write SIGTERM", "15": "write SIGTERM", "SIGRTMIN+31": "not a signal", "SIGRTMIN+": "not a signal", "": "not a signal", "0": "not a signal", "SIGFOO": "not a signal"} {
		if got, err := ParseSignal(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error with %q", in, got, err, want)
		}
	}
	if _, err := ParseStopSignal("SIGSTOP"); err == nil {
		t.Error("SIGSTOP ends nothing")
	}
}

func TestVocabulary(t *testing.T) {
	discard := func(parse func(string) (string, error)) func(string) error {
		return func(s string) error { _, err := parse(s); return err }
	}
	for name, c := range map[string]struct {
		parse     func(string) error
		good, bad []string
	}{
		"app":        {discard(ParseAppName), []string{"web", "a-b_c9", strings.Repeat("a", 63)}, []string{"", "all", "Web", "9a", "-a", "a/b", "a.b", "ä", strings.Repeat("a", 64)}},
		"instance":   {discard(ParseInstanceName), []string{"shop", "9", "a.b"}, []string{"", "..", "a/b", "-x", ".x"}},
		"tag":        {discard(ParseTag), []string{"a", "v1.2"}, []string{"", "@a", "a b"}},
		"user":       {discard(ParseUser), []string{"node", "1000", "1000:1000", "0", "www-data", "_apt"}, []string{"", "node:node", "1000:", ":5", "4294967295", "a b", "-1"}},
		"group":      {discard(ParseGroup), []string{"audio", "5"}, []string{"", "a:b", "4294967295"}},
		"umask":      {discard(ParseUmask), []string{"0022", "77", "0"}, []string{"", "8", "01000", "-1", "00000022"}},
		"ionice":     {discard(ParseIONice), []string{"idle", "best-effort", "best-effort:7", "realtime:0", "none"}, []string{"", "idle:3", "best-effort:8", "best-effort:", "x"}},
		"capability": {discard(ParseCapability), []string{"NET_ADMIN", "BPF"}, []string{"", "ALL", "CAP_NET_ADMIN", "net_admin", "X"}},
		"dropped":    {discard(ParseDroppedCapability), []string{"ALL", "KILL"}, []string{"all", "CAP_KILL"}},
		"ulimit":     {checkUlimitName, []string{"nofile"}, []string{"", "open files"}},
		"variable":   {CheckVariableName, []string{"A", "a.b", "x-y"}, []string{"", "A=B", "A B", "$A", "A\x00"}},
	} {
		for _, s := range c.good {
			if err := c.parse(s); err != nil {
				t.Errorf("%s %q: %v", name, s, err)
			}
		}
		for _, s := range c.bad {
			if err := c.parse(s); err == nil {
				t.Errorf("%s %q is taken", name, s)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"workers", "command", "user", "tags"}
	for in, want := range map[string]string{"wokers": "workers", "comamnd": "command", "usre": "user", "tag": "tags", "xyz": "", "": "", "workersss": "workers"} {
		if got := Nearest(in, words); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
