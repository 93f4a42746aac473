package pid1

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"goinit/logs"
	"goinit/messages"
	"goinit/supervise"
)

// narrator says of events what a person wants to read about them. It lags behind: nothing waits for it.
type narrator struct {
	messages *messages.Messages
	console  *logs.Console
	outputs  *outputs
	events   chan supervise.Event
	done     chan struct{}
	untold   atomic.Uint64
}

// Bounds of the narrator: beyond so many events it says less, and that it does; and it waits so long for the last words
// of a worker.
const (
	narratorBound = 256
	lastWordsTime = 200 * time.Millisecond
)

func newNarrator(m *messages.Messages, c *logs.Console, o *outputs) *narrator {
	return &narrator{messages: m, console: c, outputs: o, events: make(chan supervise.Event, narratorBound), done: make(chan struct{})}
}

// tell takes an event. It does not block: what does not fit is in the history all the same.
func (n *narrator) tell(e supervise.Event) {
	select {
	case n.events <- e:
	default:
		n.untold.Add(1)
	}
}

func (n *narrator) run() {
	defer close(n.done)
	for e := range n.events {
		n.say(e)
		if missed := n.untold.Swap(0); missed > 0 {
			n.messages.Warn(fmt.Sprintf("too much happens at once: %d events were not told here; the last ones: goinit ctl events", missed), nil)
		}
	}
}

// end says what is still to be said.
func (n *narrator) end() {
	close(n.events)
	<-n.done
}

func (n *narrator) say(e supervise.Event) {
	m, fields := n.messages, messages.Fields{"event": e.Type}
	if e.Worker != "" {
		fields["worker"] = e.Worker
	}
	text := func(key string) string { return fmt.Sprint(e.Data[key]) }
	exit, _ := e.Data["last_exit"].(*supervise.LastExit)
	switch e.Type {
	case "worker.started":
		m.Debug(e.Worker+" started, pid "+text("pid"), fields)
	case "worker.start-failed":
		m.Error(e.Worker+" "+ended(exit), fields)
	case "worker.exited":
		m.Info(e.Worker+" "+ended(exit)+howLong(e)+howOften(e, exit)+n.lastLine(e, exit), fields)
	case "worker.completed":
		m.Debug(e.Worker+" has completed", fields)
	case "worker.backoff":
		m.Debug(e.Worker+" starts again in "+text("delay"), fields)
	case "worker.killed":
		m.Warn(e.Worker+" did not end in its time and is killed", fields)
	case "app.failed":
		why, _, _ := strings.Cut(ended(exit), "\n") // the rest was told of the start
		m.Error(e.App+" is not started again: it "+why, fields)
	case "app.held":
		m.Error(e.App+" waits for "+text("dependency")+", which has failed", fields)
	case "shutdown.started":
		within := ", with no limit of time"
		if e.Data["budget"] != nil {
			within = ", within " + text("budget")
		}
		m.Info("stopping everything: "+text("reason")+within, fields)
	case "shutdown.hurried":
		m.Info("stopping everything at once: asked a second time", fields)
	case "shutdown.budget-over":
		m.Warn("the time to stop is over, what is left is killed: "+strings.Join(namesIn(e.Data["apps"]), ", "), fields)
	case "goinit.internal-error":
		m.Error("a mistake of goinit's own, please report it: "+text("error"), fields)
	}
}

func namesIn(v any) []string {
	names, _ := v.([]string)
	return names
}

// ended says how a process ended.
func ended(e *supervise.LastExit) string {
	switch {
	case e == nil:
		return "ended"
	case e.Error != "":
		return "could not be started: " + e.Error
	case e.Signal != nil:
		return "was killed by " + *e.Signal
	}
	return fmt.Sprintf("exited with status %d", e.Status)
}

// howLong it was up, as roughly as one wants to know it.
func howLong(e supervise.Event) string {
	seconds, ok := e.Data["uptime_seconds"].(float64)
	if !ok {
		return ""
	}
	d := time.Duration(seconds * float64(time.Second))
	for _, unit := range [...]time.Duration{time.Hour, time.Minute, time.Second, time.Millisecond} {
		if d >= 10*unit {
			return " after " + d.Round(unit).String()
		}
	}
	return " after " + d.Round(time.Millisecond).String()
}

// howOften it has failed by now, if that is more than once.
func howOften(e supervise.Event, exit *supervise.LastExit) string {
	restarts, _ := e.Data["restarts"].(int)
	if restarts == 0 || exit == nil || exit.Status == 0 || exit.Reason == "stopped" || exit.Reason == "replaced" {
		return ""
	}
	return fmt.Sprintf(", %d times now", restarts+1)
}

// lastLine is what a worker that failed has said last.
func (n *narrator) lastLine(e supervise.Event, exit *supervise.LastExit) string {
	if e.Slot == nil || exit == nil || exit.Status == 0 || exit.Reason == "stopped" {
		return ""
	}
	if drained := n.outputs.drained(e.App, *e.Slot, e.Generation); drained != nil {
		select {
		case <-drained:
		case <-time.After(lastWordsTime):
		}
	}
	lines := n.console.Tail(logs.Target{App: e.App, Slot: *e.Slot}, 1)
	if len(lines) == 0 || lines[0].Generation != e.Generation || len(strings.TrimSpace(string(lines[0].Line))) == 0 {
		return ""
	}
	return "; its last line:\n  " + strings.ToValidUTF8(string(lines[0].Line), "?")
}
