package pid1

import (
	"strings"
	"testing"

	"goinit/messages"
	"goinit/supervise"
)

// What goinit says of reloads, word for word.
func TestNarrationOfReload(t *testing.T) {
	const stopped = "reload of web stopped at 1 of 4: the new web/0 was not ready within 60s; the 4 old workers serve on"
	for _, tt := range []struct {
		kind string
		data map[string]any
		want string
	}{
		{"reload.started", map[string]any{"asked": true, "workers": 4, "detail": "goinit ctl reload"}, "goinit: web: its 4 workers are replaced, one after another: goinit ctl reload\n"},
		{"reload.started", map[string]any{"asked": true, "workers": 1, "detail": "its definition has changed"}, "goinit: web: its worker is replaced: its definition has changed\n"},
		{"reload.started", map[string]any{"workers": 1, "detail": "memory: 240MiB of 256MiB"}, ""}, // said of the worker
		{"reload.progress", map[string]any{"replaced": 1, "workers": 4}, ""},
		{"reload.finished", map[string]any{"asked": true, "replaced": 4, "workers": 4}, "goinit: web: 4 of 4 replaced\n"},
		{"reload.finished", map[string]any{"replaced": 1, "workers": 1}, ""},
		{"reload.failed", map[string]any{"detail": stopped}, "goinit: " + stopped + "\n  again when repaired: goinit ctl reload web      more: goinit ctl logs web/0\n"},
		{"reload.signaled", map[string]any{"workers": 4, "detail": "goinit ctl reload"}, "goinit: web: the signal to reload goes to 4: goinit ctl reload\n"},
		{"worker.draining", map[string]any{"delay": "30s"}, ""},
	} {
		var said strings.Builder
		n := newNarrator(messages.New(&said, messages.Info, messages.Text), nil, nil)
		n.say(supervise.Event{Type: tt.kind, App: "web", Worker: "web/0", Data: tt.data}, false)
		if said.String() != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.kind, said.String(), tt.want)
		}
	}
}
