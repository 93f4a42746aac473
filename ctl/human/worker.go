package human

import (
	"fmt"
	"strconv"
	"time"

	"goinit/control"
)

// Note is what one wants to know of a worker that is not simply running: what is next, and what was last.
func Note(w *control.Worker, now time.Time) string {
	note := Printable(w.Message)
	if w.Failures > 1 {
		note = join(fmt.Sprintf("%d failures in a row", w.Failures), note)
	}
	if w.NextAt != nil {
		note = join(note, "next in "+Span(w.NextAt.Sub(now)))
	}
	if w.LastExit != nil {
		note = join(note, fmt.Sprintf("%s, %s ago", ExitText(w.LastExit), Span(now.Sub(w.LastExit.At))))
	}
	return note
}

// ExitText is short: exited 1, SIGKILL (oom-killed).
func ExitText(e *control.Exit) string {
	switch {
	case e.Error != "":
		return e.Reason + ": " + Printable(e.Error)
	case e.Signal != nil && e.Reason == "signaled":
		return *e.Signal
	case e.Signal != nil:
		return *e.Signal + " (" + e.Reason + ")"
	case e.Reason == "exited":
		return "exited " + strconv.Itoa(e.Status)
	}
	return fmt.Sprintf("%s (%d)", e.Reason, e.Status)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
