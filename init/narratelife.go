package pid1

import (
	"fmt"
	"slices"
	"strings"

	"goinit/logs"
	"goinit/messages"
	"goinit/spec"
	"goinit/supervise"
)

const (
	// lastWordsOfLoop is how many of a worker's last lines go with the news that it fails again and again.
	lastWordsOfLoop = 5
	// lastWordsRead is how many are read for what was the matter: Node writes some twenty about an error.
	lastWordsRead = 30
)

// lastWordsOfProbe is how many lines of a failed probe's output are told.
const lastWordsOfProbe = 3

// sayOfLife says what there is to say of readiness, liveness, order and hooks, and reports whether there was something.
func (n *narrator) sayOfLife(e supervise.Event, fields messages.Fields) bool {
	m := n.messages
	text := func(key string) string { s, _ := e.Data[key].(string); return s }
	why := ""
	if detail := text("detail"); detail != "" {
		why = ": " + brief(detail)
	}
	switch e.Type {
	case "worker.ready":
		if again, _ := e.Data["again"].(bool); again {
			n.comes(e, e.Worker+" is ready again", fields)
		} else {
			m.Debug(e.Worker+" is ready", fields)
		}
	case "worker.unready":
		n.goes(e, e.Worker+" is not ready any more"+why, fields)
	case "worker.start-timeout":
		m.Error(e.Worker+" was not ready within "+text("delay")+why+"\n  "+n.moreTime(e.App), fields)
	case "worker.unhealthy":
		n.goes(e, e.Worker+" is unhealthy"+why+whatThen(text("action")), fields)
	case "worker.flapping":
		m.Warn(e.Worker+flapping(e.Data, text("detail")), fields)
	case "hook.started":
		m.Debug(e.Worker+": the hook "+text("hook")+" runs", fields)
	case "hook.failed":
		m.Warn(e.Worker+why, fields)
	case "app.restarts":
		m.Info(e.App+" is restarted, for "+text("dependency")+" has come again (depends_on: restart: true)", fields)
	case "job.skipped":
		m.Warn(e.App+": a run is skipped"+why, fields)
	case "job.timeout":
		m.Warn(e.Worker+" is stopped: its run is not over after "+text("delay")+" (schedule: timeout)", fields)
	case "job.failed": // said with its exit
	case "app.watching":
		m.Debug(fmt.Sprintf("%s: %v folders are watched", e.App, e.Data["directories"]), fields)
	case "app.watch-failed":
		m.Warn(e.App+": "+text("error"), fields)
	case "app.changed":
		n.sayChanged(e, fields)
	case "app.held": // said of the one that holds it up
	case "reload.started", "reload.progress", "reload.finished", "reload.failed", "reload.signaled", "worker.draining":
		n.sayReload(e, fields)
	case "app.holds-up":
		m.Error("nothing will come of "+e.App+", which holds up "+strings.Join(namesIn(e.Data["apps"]), ", ")+
			"\n  when that is repaired: goinit ctl start "+e.App+"      who waits for whom: goinit ctl graph", fields)
	case "shutdown.proceeded":
		m.Info("everything is asked to stop now", fields)
	default:
		return false
	}
	return true
}

// brief is what went wrong, and of the output that came with it no more than the last lines: an event has all of it.
func brief(detail string) string {
	lines := strings.Split(strings.TrimSpace(detail), "\n")
	if over := len(lines) - 1 - lastWordsOfProbe; over > 0 {
		lines = slices.Delete(lines, 1, 1+over)
	}
	return strings.Join(lines, "\n  | ")
}

// moreTime is what can be done about a readiness that did not come.
func (n *narrator) moreTime(name string) string {
	kind := "readiness"
	a := n.spec(name)
	if a != nil && a.Readiness == nil && a.NodeChannel() == spec.NodeCluster {
		return "what was waited for is that it listens; if it serves nothing: node: off      if it needs longer: " +
			"readiness: {node: true, start_timeout: 2m}, and process.send('ready')"
	}
	if a != nil && a.Readiness == nil && len(a.Listen) > 0 {
		return "what was waited for is that it accepts where the one that it is to replace does; if it does so in another way, or needs longer: " +
			"readiness: {notify: true, start_timeout: 2m}; if it is not meant to: goinit ctl restart " + name
	}
	if a != nil && a.Readiness != nil {
		switch r := a.Readiness; {
		case r.Node:
			kind = "process.send('ready')"
		case r.Notify:
			kind = "READY=1 on NOTIFY_SOCKET"
		case r.FD > 0:
			kind = fmt.Sprintf("a newline on descriptor %d", r.FD)
		case r.Listening > 0:
			kind = fmt.Sprintf("that it listens on port %d", r.Listening)
		case r.Log != "":
			kind = fmt.Sprintf("a line that matches %q", r.Log)
		case r.HTTP != "":
			kind = "an answer from " + r.HTTP
		case r.TCP != "":
			kind = "that " + r.TCP + " accepts"
		case len(r.Exec) > 0:
			kind = "that " + r.Exec[0] + " ends with status 0"
		}
	}
	return "what was waited for is " + kind + "; if it needs longer: readiness: {start_timeout: 2m}"
}

func whatThen(action string) string {
	switch action {
	case "restart", "reload":
		return "; it is replaced"
	case "shutdown":
		return "; that is the end of everything (liveness: action: shutdown)"
	}
	return "; nothing is done about it (liveness: action: none)"
}

// looping reports whether an end is one of a row that was told as such, or is about to be.
func looping(e supervise.Event) bool {
	failures, _ := e.Data["failures"].(int)
	return failures >= supervise.LoopAt-1
}

// toldBefore reports whether an end is that of what was said before: not ready in time, unhealthy, not over in time.
func toldBefore(e supervise.Event, exit *supervise.LastExit) bool {
	return e.Type == "worker.exited" && exit != nil && (exit.Reason == "start-timeout" || exit.Reason == "unhealthy" || exit.Reason == "run-timeout")
}

// job reports whether an app is one: each run is told by itself, and none is a loop.
func (n *narrator) job(name string) bool {
	a := n.spec(name)
	return a != nil && a.Job()
}

// sayLoop is the one time that a crash loop is told.
func (n *narrator) sayLoop(e supervise.Event, exit *supervise.LastExit, fields messages.Fields) {
	failures, _ := e.Data["failures"].(int)
	what, remedy, several := strings.Cut(n.endedInLoop(e, exit), "\n")
	text := fmt.Sprintf("%s %s%s, %d times in a row now", e.Worker, what, howLong(e), failures)
	said, cause := n.wordsOfLoop(e.App, exit, n.lastLines(e, lastWordsRead))
	text += said
	if several {
		text += "\n" + remedy
	}
	if cause != "" {
		text += "\n  " + cause
	}
	n.messages.Error(text+"\n  it is tried again, ever more rarely, and told here no more: goinit ctl ps, goinit ctl logs "+e.Worker, fields)
}

// lastLines are what the process that an event is about has said last.
func (n *narrator) lastLines(e supervise.Event, most int) (lines []string) {
	if n.console == nil || e.Slot == nil {
		return nil
	}
	for _, l := range n.console.Tail(logs.Target{App: e.App, Slot: *e.Slot}, most) {
		if text := strings.TrimRight(strings.ToValidUTF8(string(l.Line), "?"), " \t\r\n"); l.Generation == e.Generation && text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// wordsOfLoop are what is shown of a worker's last lines, ahead of the last ones the one that names the error, and what they say
// is the matter.
func (n *narrator) wordsOfLoop(name string, exit *supervise.LastExit, lines []string) (said, cause string) {
	from := max(0, len(lines)-lastWordsOfLoop)
	shown := slices.Clone(lines[from:])
	if i := telling(lines); i >= 0 && i < from {
		shown[0] = lines[i]
	}
	if len(shown) > 0 {
		said = "; its last lines:\n  | " + strings.Join(shown, "\n  | ")
	}
	if cause = n.likelyCause(name, exit, shown); cause == "" { // what is far above may be of something else
		cause = n.likelyCause(name, exit, lines)
	}
	return said, cause
}

// telling is which of a process' last lines says best why it ended; -1: there are none. It is the last, but Node writes the error
// first, and then where that was, what else it knows of it, and its own version.
func telling(lines []string) int {
	last := len(lines) - 1
	if last < 0 || !afterError(lines[last]) {
		return last
	}
	for i := last; i >= 0; i-- {
		if strings.Contains(lines[i], "Error: ") || strings.Contains(lines[i], "Error [ERR_") {
			return i
		}
	}
	for i := last; i >= 0; i-- {
		if !afterError(lines[i]) {
			return i
		}
	}
	return last
}

// afterError says that Node writes such a line below an error.
func afterError(line string) bool {
	text := strings.TrimSpace(line)
	return strings.HasPrefix(line, "Node.js v") || text == "}" || text != line && strings.HasPrefix(text, "at ")
}

// likelyCause reads what a worker has said for what most often is the matter, and says what can be done about it.
func (n *narrator) likelyCause(name string, exit *supervise.LastExit, lines []string) string {
	a := n.spec(name)
	said := func(any ...string) bool {
		return slices.ContainsFunc(lines, func(l string) bool {
			l = strings.ToLower(l)
			return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(l, s) })
		})
	}
	several := a != nil && (a.Workers.Auto || a.Workers.Count > 1) && a.NodeChannel() != spec.NodeCluster // whose workers share ports
	switch {
	case exit != nil && exit.Reason == "start-timeout":
		return n.moreTime(name)
	case exit != nil && exit.Reason == "oom-killed", said("out of memory", "cannot allocate memory", "memoryerror", "enomem"):
		return "it wants more memory than it may have: goinit ctl update " + name + " --memory SIZE, then resources: {memory: SIZE}"
	case said("eaddrinuse", "address already in use", "address in use") && several:
		return "several workers cannot each bind one port: increment: {PORT: 8080} gives each its own"
	case said("eaddrinuse", "address already in use", "address in use"):
		if a != nil && len(a.Listen) > 0 {
			return "another process has that port (ss -ltnp); goinit itself, if listen: names it, for the program to take over and not to bind"
		}
		return "another process has that port: another app of the spec, or something outside of goinit (ss -ltnp)"
	case said("cannot find module", "modulenotfounderror", "no such file or directory", "enoent", "command not found", ": not found"), exit != nil && exit.Status == 127 && exit.Error == "":
		where := "."
		if a != nil && a.WorkingDir != "" {
			where = a.WorkingDir
		}
		return "something that it needs is not there: is it in the image, and is working_dir (" + where + ") right?"
	case said("eacces", "permission denied", "eperm", "operation not permitted"):
		who := "goinit's own user"
		if a != nil && a.User != "" {
			who = "user " + a.User
		}
		return "it is not allowed to; it runs as " + who + ": user:, capabilities: or the file's owner"
	case said("econnrefused", "connection refused"):
		return "what it connects to is not up: depends_on: {APP: ready} waits for that"
	}
	return ""
}

// sayChanged is one line for each burst of changes.
func (n *narrator) sayChanged(e supervise.Event, fields messages.Fields) {
	path, _ := e.Data["path"].(string)
	workers, _ := e.Data["workers"].(int)
	if workers == 0 {
		n.messages.Debug(e.App+": "+path+" has changed; nothing runs that could be replaced", fields)
		return
	}
	then := "; it is restarted"
	if workers > 1 && e.Data["action"] == "reload" {
		then = "; its workers are replaced, one after another"
	}
	n.messages.Info(e.App+": "+path+" has changed"+then, fields)
}
