package pid1

import (
	"strings"
	"testing"

	"goinit/messages"
	"goinit/supervise"
)

// What goinit says of limits and pauses, word for word.
func TestNarrationOfUse(t *testing.T) {
	detail := func(text string) map[string]any { return map[string]any{"detail": text} }
	killed := "SIGKILL"
	oom := &supervise.LastExit{Signal: &killed, Status: 137, Reason: "oom-killed"}
	const more = "  more: goinit ctl update web --memory SIZE      replaced before it comes to that: recycle: {memory: 90%}\n"
	for _, tt := range []struct {
		event supervise.Event
		want  string
	}{
		{supervise.Event{Type: "worker.exited", Data: map[string]any{"last_exit": oom, "uptime_seconds": 12.3, "restarts": 2}},
			"goinit: web/0 was killed by the kernel for want of memory after 12s, 3 times now\n" + more},
		{supervise.Event{Type: "worker.oom-killed", Data: map[string]any{"last_exit": oom}}, ""},
		{supervise.Event{Type: "app.failed", Data: map[string]any{"last_exit": oom}},
			"goinit: web is not started again: it was killed by the kernel for want of memory\n"},
		{supervise.Event{Type: "worker.child-oom-killed"}, "goinit: a process of web/0 was killed by the kernel for want of memory\n" + more},
		{supervise.Event{Type: "worker.pids-refused", Data: detail("100 of 100")},
			"goinit: web/0 has as many processes as it may have, a fork was refused: 100 of 100\n  more: goinit ctl update web --pids N\n"},
		{supervise.Event{Type: "worker.recycled", Data: detail("memory: 240MiB of 256MiB")}, "goinit: web/0 is replaced: memory: 240MiB of 256MiB\n"},
		{supervise.Event{Type: "worker.paused"}, "goinit: web/0 is paused; goinit ctl resume web/0 lets it go on\n"},
		{supervise.Event{Type: "worker.resumed"}, "goinit: web/0 goes on\n"},
		{supervise.Event{Type: "worker.pause-failed", Data: detail("process 7 has not stopped")}, "goinit: web/0 cannot be paused: process 7 has not stopped\n"},
		{supervise.Event{Type: "app.update-failed", Data: map[string]any{"error": "cannot limit web to 256MiB"}},
			"goinit: web does not have the limits that it should have: cannot limit web to 256MiB\n"},
	} {
		var said strings.Builder
		n := newNarrator(messages.New(&said, messages.Info, messages.Text), nil, nil)
		tt.event.App, tt.event.Worker = "web", "web/0"
		n.say(tt.event, false)
		if said.String() != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.event.Type, said.String(), tt.want)
		}
	}
}
