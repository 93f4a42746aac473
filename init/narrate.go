package pid1

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"goinit/logs"
	"goinit/messages"
	"goinit/spec"
	"goinit/supervise"
)

// narrator says of events what a person wants to read about them. It lags behind: nothing waits for it.
type narrator struct {
	messages *messages.Messages
	console  *logs.Console
	outputs  *outputs
	forget   func(app string)            // of an app that has left
	loop     func()                      // told of a crash loop that was told
	spec     func(name string) *spec.App // as the last word wants it, or nil
	flaps    map[flapKey]flap            // of the goroutine that says
	reasons  map[string]*sameReason      // by app; of that goroutine too

	mu     sync.Mutex
	queue  []supervise.Event
	untold uint64
	ended  bool
	wake   chan struct{} // has room for one
	done   chan struct{}
}

// Bounds of the narrator. Beyond so many events it says less, and that it does; what ends an app or goinit has room of its
// own. It waits so long for the last words of a worker, and for nobody's where many end at once.
const (
	narratorBound = 256
	gravestones   = 4096
	lastWordsTime = 200 * time.Millisecond
	manyEndings   = 16
)

func newNarrator(m *messages.Messages, c *logs.Console, o *outputs) *narrator {
	return &narrator{messages: m, console: c, outputs: o, spec: func(string) *spec.App { return nil }, loop: func() {}, flaps: map[flapKey]flap{}, reasons: map[string]*sameReason{}, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// grave events are told whatever else is not.
func grave(kind string) bool {
	return strings.HasPrefix(kind, "app.") || strings.HasPrefix(kind, "shutdown.") || kind == "goinit.internal-error"
}

// tell takes an event. It does not block: what does not fit is in the history all the same.
func (n *narrator) tell(e supervise.Event) {
	n.mu.Lock()
	bound := narratorBound
	if grave(e.Type) {
		bound = gravestones
	}
	if len(n.queue) < bound {
		n.queue = append(n.queue, e)
	} else {
		n.untold++
	}
	n.mu.Unlock()
	n.signal()
}

func (n *narrator) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// take is what there is to say, how much of it was left out, and whether that was all.
func (n *narrator) take() (events []supervise.Event, untold uint64, ended bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	events, untold = n.queue, n.untold
	n.queue, n.untold = nil, 0
	return events, untold, n.ended
}

func (n *narrator) run() {
	defer close(n.done)
	for range n.wake {
		events, untold, ended := n.take()
		for i, e := range events {
			n.say(e, len(events)-i < manyEndings)
		}
		if untold > 0 {
			n.messages.Warn(fmt.Sprintf("too much happens at once: %d events were not told here; the last ones: goinit ctl events", untold), nil)
		}
		if ended {
			return
		}
	}
}

// end says what is still to be said.
func (n *narrator) end() {
	n.mu.Lock()
	n.ended = true
	n.mu.Unlock()
	n.signal()
	<-n.done
}

func (n *narrator) say(e supervise.Event, patient bool) {
	m, fields := n.messages, messages.Fields{"event": e.Type}
	if e.Worker != "" {
		fields["worker"] = e.Worker
	}
	text := func(key string) string { return fmt.Sprint(e.Data[key]) }
	exit, _ := e.Data["last_exit"].(*supervise.LastExit)
	failure := ""
	if e.Type == "worker.start-failed" {
		failure = n.failedStart(e, exit) // counts, said or not
	}
	if (e.Type == "worker.exited" || e.Type == "worker.start-failed" || e.Type == "worker.start-timeout") && looping(e) && !n.job(e.App) || toldBefore(e, exit) {
		m.Debug(e.Worker+" "+ended(exit)+howLong(e), fields)
		return
	}
	if n.sayOfUse(e, exit, fields) || n.sayOfLife(e, fields) {
		return
	}
	switch e.Type {
	case "worker.started":
		delete(n.reasons, e.App)
		m.Debug(e.Worker+" started, pid "+text("pid"), fields)
	case "worker.start-failed":
		m.Error(e.Worker+" "+failure, fields)
	case "worker.exited":
		if n.job(e.App) && exit != nil && exit.Status == 0 { // that is what it is for
			m.Debug(e.Worker+" "+ended(exit)+howLong(e), fields)
			return
		}
		m.Info(e.Worker+" "+ended(exit)+howLong(e)+howOften(e, exit)+n.lastLine(e, exit, patient), fields)
	case "worker.crash-loop":
		n.lastLine(e, exit, patient) // waits for it
		n.sayLoop(e, exit, fields)
		n.loop()
	case "worker.completed":
		m.Debug(e.Worker+" has completed", fields)
	case "worker.backoff":
		m.Debug(e.Worker+" starts again in "+text("delay"), fields)
	case "worker.killed":
		m.Warn(e.Worker+" did not end in its time and is killed", fields)
	case "app.failed":
		why, _, _ := strings.Cut(ended(exit), "\n") // the rest was told of the start
		m.Error(e.App+" is not started again: it "+why, fields)
	case "app.removed":
		n.forgetFlaps(e.App)
		delete(n.reasons, e.App)
		n.forget(e.App)
	case "shutdown.started":
		within := ", with no limit of time"
		if e.Data["budget"] != nil {
			within = ", within " + text("budget")
		}
		if e.Data["delay"] != nil {
			within += "; for " + text("delay") + " not ready, and serving on (shutdown.delay)"
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
	case e.Reason == "start-timeout":
		return "was not ready in time"
	case e.Reason == "run-timeout":
		return "was not over in its time"
	case e.Reason == "unhealthy":
		return "was unhealthy and is stopped"
	case e.Reason == "oom-killed":
		return "was killed by the kernel for want of memory"
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

// lastLine is what a worker that failed has said last of why.
func (n *narrator) lastLine(e supervise.Event, exit *supervise.LastExit, patient bool) string {
	if e.Slot == nil || exit == nil || exit.Status == 0 || exit.Reason == "stopped" || exit.Reason == "replaced" {
		return ""
	}
	if n.outputs == nil {
		return ""
	}
	if drained := n.outputs.drained(e.App, *e.Slot, e.Generation); drained != nil && patient {
		select {
		case <-drained:
		case <-time.After(lastWordsTime):
		}
	}
	lines := n.lastLines(e, lastWordsRead)
	switch i := telling(lines); {
	case i < 0:
		return ""
	case i < len(lines)-1:
		return "; its error:\n  " + strings.TrimSpace(lines[i])
	default:
		return "; its last line:\n  " + lines[i]
	}
}
