package pid1

import (
	"strings"
	"testing"

	"goinit/messages"
	"goinit/supervise"
)

// A start that fails is told whole, then in a line; with the crash loop, of which no more is told, once more whole.
func TestTheSameReasonIsALine(t *testing.T) {
	const (
		high   = "cannot limit web to a memory_high of 32MiB: cgroup v1 has nothing like it\n  leave out memory_high; or go on without: resources: {required: false}"
		rarely = "  it is tried again, ever more rarely, and told here no more: goinit ctl ps, goinit ctl logs web/"
	)
	var said strings.Builder
	n := newNarrator(messages.New(&said, messages.Info, messages.Text), nil, nil)
	n.forget = func(string) {}
	for _, step := range []struct {
		kind, worker, why string
		failures          int
		want              string
	}{
		{"worker.start-failed", "web/0", high, 1, "goinit: web/0 could not be started: " + high + "\n"},
		{"worker.start-failed", "web/1", high, 1, "goinit: web/1 could not be started for the same reason\n"},
		{"worker.start-failed", "web/0", high, 2, ""}, // said with what follows
		{"worker.start-failed", "web/0", high, 0, "goinit: web/0 could not be started for the same reason, 3 times now\n"},
		{"worker.crash-loop", "web/0", high, 3, "goinit: web/0 could not be started: cannot limit web to a memory_high of 32MiB: cgroup v1 has nothing like it, 3 times in a row now\n" +
			"  leave out memory_high; or go on without: resources: {required: false}\n" + rarely + "0\n"},
		{"worker.crash-loop", "web/1", high, 3, "goinit: web/1 could not be started for the same reason, 3 times in a row now\n" + rarely + "1\n"},
		{"worker.start-failed", "web/0", "no\n  remedy", 0, "goinit: web/0 could not be started: no\n  remedy\n"},
		{"worker.start-failed", "web/0", high, 0, "goinit: web/0 could not be started: " + high + "\n"},
		{"worker.start-failed", "web/0", high, 0, "goinit: web/0 could not be started for the same reason, 2 times now\n"},
		{"worker.start-failed", "web/0", "not told yet", 7, ""},
		{"worker.start-failed", "web/0", "not told yet", 0, "goinit: web/0 could not be started: not told yet\n"},
		{"worker.start-failed", "web/0", high, 0, "goinit: web/0 could not be started: " + high + "\n"},
		{"worker.started", "web/0", "", 0, ""},
		{"worker.start-failed", "web/0", high, 0, "goinit: web/0 could not be started: " + high + "\n"},
		{"app.removed", "", "", 0, ""},
		{"worker.start-failed", "web/0", high, 0, "goinit: web/0 could not be started: " + high + "\n"},
	} {
		said.Reset()
		data := map[string]any{}
		if step.why != "" {
			data["last_exit"] = &supervise.LastExit{Status: 1, Reason: "start-failed", Error: step.why}
		}
		if step.failures > 0 {
			data["failures"] = step.failures
		}
		n.say(supervise.Event{Type: step.kind, App: "web", Worker: step.worker, Data: data}, false)
		if got := said.String(); got != step.want {
			t.Errorf("%s of %s\n got %q\nwant %q", step.kind, step.worker, got, step.want)
		}
	}
}
