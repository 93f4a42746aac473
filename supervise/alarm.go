package supervise

import (
	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// alarm is what the kernel says of a worker's group, told by whoever watches it. Two kinds are what recycle: asks for, and
// are the machine's; the others are only told.
func (o *owner) alarm(slot, generation int, a Alarm) {
	kind := "worker.pids-refused"
	switch a.Kind {
	case AlarmMemory, AlarmPressure:
		o.inbox.fact(app.Event{Kind: app.Recycle, Slot: slot, Generation: generation, Detail: string(a.Kind) + ": " + a.Detail})
		return
	case AlarmOOMKilled:
		kind = "worker.child-oom-killed" // the end of the main process is an Exit's to tell
	}
	o.supervisor.publish(Event{Type: kind, App: o.name, Slot: &slot, Worker: tree.Worker(o.name, slot), Generation: generation,
		Data: map[string]any{"detail": a.Detail}})
}
