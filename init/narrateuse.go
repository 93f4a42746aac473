package pid1

import (
	"strings"

	"goinit/messages"
	"goinit/supervise"
)

// sayOfUse says what there is to say of pauses, limits and what comes of them, and reports whether there was something.
func (n *narrator) sayOfUse(e supervise.Event, exit *supervise.LastExit, fields messages.Fields) bool {
	m, why := n.messages, ""
	if detail, _ := e.Data["detail"].(string); detail != "" {
		why = ": " + detail
	}
	moreMemory := "\n  more: goinit ctl update " + e.App + " --memory SIZE      replaced before it comes to that: recycle: {memory: 90%}"
	switch e.Type {
	case "worker.exited":
		if exit == nil || exit.Reason != "oom-killed" {
			return false
		}
		m.Warn(e.Worker+" "+ended(exit)+howLong(e)+howOften(e, exit)+moreMemory, fields)
	case "worker.oom-killed": // said with its exit
	case "worker.child-oom-killed":
		m.Warn("a process of "+e.Worker+" was killed by the kernel for want of memory"+why+moreMemory, fields)
	case "worker.pids-refused":
		m.Warn(e.Worker+" has as many processes as it may have, a fork was refused"+why+"\n  more: goinit ctl update "+e.App+" --pids N", fields)
	case "worker.recycled":
		if strings.HasPrefix(why, ": changed: ") { // told of the app
			m.Debug(e.Worker+" is replaced"+why, fields)
			break
		}
		m.Info(e.Worker+" is replaced"+why, fields)
	case "worker.paused":
		m.Info(e.Worker+" is paused; goinit ctl resume "+e.Worker+" lets it go on", fields)
	case "worker.resumed":
		m.Info(e.Worker+" goes on", fields)
	case "worker.pause-failed":
		m.Warn(e.Worker+" cannot be paused"+why, fields)
	case "app.update-failed":
		text, _ := e.Data["error"].(string)
		m.Error(e.App+" does not have the limits that it should have: "+text, fields)
	default:
		return false
	}
	return true
}
