package supervise

import "goinit/supervise/tree"

// alarm is what the kernel says of a worker's group, told by whoever watches it.
func (o *owner) alarm(slot, generation int, a Alarm) {
	o.supervisor.publish(Event{Type: "worker." + string(a.Kind), App: o.name, Slot: &slot, Worker: tree.Worker(o.name, slot),
		Generation: generation, Data: map[string]any{"detail": a.Detail}})
}
