package pid1

import (
	"fmt"

	"goinit/messages"
	"goinit/supervise"
)

// sayReload says how workers are replaced. What an app does by itself (recycle, watch, liveness) is said of each worker.
func (n *narrator) sayReload(e supervise.Event, fields messages.Fields) {
	asked, _ := e.Data["asked"].(bool)
	tell := n.messages.Debug
	if asked {
		tell = n.messages.Info
	}
	of, _ := e.Data["workers"].(int)
	detail := fmt.Sprint(e.Data["detail"])
	switch e.Type {
	case "reload.started":
		what := "its worker is replaced"
		if of > 1 {
			what = fmt.Sprintf("its %d workers are replaced, one after another", of)
		}
		tell(e.App+": "+what+": "+detail, fields)
	case "reload.progress":
		n.messages.Debug(fmt.Sprintf("%s is replaced, %v of %d", e.Worker, e.Data["replaced"], of), fields)
	case "reload.finished":
		tell(fmt.Sprintf("%s: %v of %d replaced", e.App, e.Data["replaced"], of), fields)
	case "reload.failed":
		n.messages.Error(detail+"\n  again when repaired: goinit ctl reload "+e.App+"      more: goinit ctl logs "+e.Worker, fields)
	case "reload.signaled":
		n.messages.Info(fmt.Sprintf("%s: the signal to reload goes to %d: %s", e.App, of, detail), fields)
	case "worker.draining":
		n.messages.Debug(fmt.Sprintf("%s gets no new connections, and has %v to finish the old ones", e.Worker, e.Data["delay"]), fields)
	}
}
