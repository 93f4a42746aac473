package messages

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ready", "goinit: ready\n"},
		{"cannot limit web to 256MiB: read-only\n  make it writable", "goinit: cannot limit web to 256MiB: read-only\n  make it writable\n"},
		{"its last line:\n  \x1b[2J\u009bhidden\r\x7f\ttab", "goinit: its last line:\n  ?[2J?hidden??\ttab\n"},
	} {
		var b bytes.Buffer
		New(&b, Info, Text).Info(c.in, Fields{"app": "web"})
		if b.String() != c.want {
			t.Errorf("%q, want %q", b.String(), c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	m := New(&b, Debug, JSON)
	m.Warn("a \"b\"\n  c", Fields{"app": "web", "pid": 17, "level": "mine", "error": errors.New("broken"), "bad": math.NaN(), "none": nil})
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || bytes.Count(b.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("%q: %v", b.String(), err)
	}
	if at, err := time.Parse(time.RFC3339Nano, got["at"].(string)); err != nil || time.Since(at) > time.Minute || at.Location() != time.UTC {
		t.Errorf("at %v: %v", got["at"], err)
	}
	delete(got, "at")
	for k, want := range map[string]any{"level": "warn", "message": "a \"b\"\n  c", "app": "web", "pid": 17.0, "error": "broken", "none": nil} {
		if v, ok := got[k]; !ok || v != want {
			t.Errorf("%s is %v, want %v", k, v, want)
		}
	}
	if _, ok := got["bad"].(string); !ok {
		t.Errorf("a field that is no JSON: %v", got["bad"])
	}
}

func TestLevels(t *testing.T) {
	for l := Error; l <= Debug; l++ {
		var b bytes.Buffer
		m := New(&b, l, Text)
		m.Debug("3", nil)
		m.Info("2", nil)
		m.Warn("1", nil)
		m.Error("0", nil)
		if n := strings.Count(b.String(), "\n"); n != int(l)+1 {
			t.Errorf("at level %d: %q", l, b.String())
		}
		for k := Error; k <= Debug; k++ {
			if m.Enabled(k) != (k <= l) {
				t.Errorf("at level %d, %d is enabled: %v", l, k, m.Enabled(k))
			}
		}
	}
	for s, want := range map[string]Level{"": Info, "error": Error, "warn": Warn, "info": Info, "debug": Debug} {
		if l, err := ParseLevel(s); l != want || err != nil {
			t.Errorf("%q is %v, %v", s, l, err)
		}
	}
	if _, err := ParseLevel("fatal"); err == nil {
		t.Error("fatal is no level here")
	}
}

func TestMessagesAreBounded(t *testing.T) {
	for _, f := range []Format{Text, JSON} {
		var b bytes.Buffer
		New(&b, Info, f).Info(strings.Repeat("\u20ac", 100_000), Fields{"line": strings.Repeat("\x00", 100_000)})
		if b.Len() > 2*6*maxMessage || !utf8.Valid(b.Bytes()) || b.Len() < maxMessage {
			t.Errorf("%d bytes", b.Len())
		}
	}
}

type failing struct{ writes int }

func (f *failing) Write([]byte) (int, error) { f.writes++; return 0, errors.New("no") }

func TestNothingEndsTheProcess(t *testing.T) {
	f := new(failing)
	m := New(f, Info, Text)
	m.logger.Log(logrus.FatalLevel, "x") // does not exit by itself
	m.logger.Exit(1)
	m.Error("x", nil)
	if f.writes != 2 {
		t.Errorf("%d writes", f.writes)
	}
}
