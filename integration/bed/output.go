package bed

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Output collects what a program writes and lets a test wait for it.
type Output struct {
	mu      sync.Mutex
	text    strings.Builder
	seen    int // what Expect has passed
	changed chan struct{}
}

// NewOutput returns an empty one.
func NewOutput() *Output { return &Output{changed: make(chan struct{}, 1)} }

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	o.text.Write(p)
	o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default: // the reader has a look ahead of it already
	}
	return len(p), nil
}

// String is everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Expect waits for text behind what the last Expect found, and returns what came up to its end.
func (o *Output) Expect(t testing.TB, text string) string {
	t.Helper()
	deadline := time.NewTimer(Deadline)
	defer deadline.Stop()
	for {
		if passed, ok := o.find(text); ok {
			return passed
		}
		select {
		case <-o.changed:
		case <-deadline.C:
			t.Fatalf("waited %v for %q in the output:\n%s", Deadline, text, o)
		}
	}
}

func (o *Output) find(text string) (passed string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.text.String()[o.seen:]
	at := strings.Index(rest, text)
	if at < 0 {
		return "", false
	}
	passed = rest[:at+len(text)]
	o.seen += len(passed)
	return passed, true
}

// InOrder is an error of the test unless these parts are in a text, each behind the one before.
func InOrder(t testing.TB, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("%q is missing, or not in its place, in\n%s", part, text)
			return
		}
		rest = after
	}
}
