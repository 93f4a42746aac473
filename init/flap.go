package pid1

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"goinit/messages"
	"goinit/supervise"
)

// A worker may go and come a thousand times a second, by its own word even. So often within such a time it is told, as an
// event (see damper) and as a message, then only that it does so.
const (
	flapsTold  = 3
	flapWindow = time.Minute
)

// flap is how often one kind of event of a worker came since the first one in the window.
type flap struct {
	since time.Time
	count int
}

// flapKey is what a flap is of.
type flapKey struct{ app, worker, event string }

// goes says that a worker is not well any more, unless it was said too often.
func (n *narrator) goes(e supervise.Event, text string, fields messages.Fields) {
	key := flapKey{e.App, e.Worker, e.Type}
	f := n.flaps[key]
	if e.At.Sub(f.since) >= flapWindow {
		f = flap{since: e.At}
	}
	f.count++
	n.flaps[key] = f
	switch {
	case f.count < flapsTold:
		n.messages.Warn(text, fields)
	case f.count == flapsTold:
		n.messages.Warn(text+"\n  that was "+strconv.Itoa(flapsTold)+" times within "+flapWindow.String()+", and is told no more in this minute: goinit ctl events", fields)
	default:
		n.messages.Debug(text, fields)
	}
}

// flapping is what a worker.flapping has to say.
func flapping(data map[string]any, detail string) string {
	what, now := "not ready", ""
	if data["event"] == "worker.unhealthy" {
		what = "unhealthy"
	}
	switch data["ready"] {
	case true:
		now = ", and is ready now"
	case false:
		now = ", and is not now"
	}
	detail, _, _ = strings.Cut(detail, "\n")
	return fmt.Sprintf(" was %s %v times within a minute%s; the last time: %s", what, data["times"], now, detail)
}

// comes says that it is well again, if it was told that it was not.
func (n *narrator) comes(e supervise.Event, text string, fields messages.Fields) {
	if n.flaps[flapKey{e.App, e.Worker, "worker.unready"}].count > flapsTold {
		n.messages.Debug(text, fields)
		return
	}
	n.messages.Info(text, fields)
}

// forgetFlaps is for an app that has left.
func (n *narrator) forgetFlaps(app string) {
	for key := range n.flaps {
		if key.app == app {
			delete(n.flaps, key)
		}
	}
}
