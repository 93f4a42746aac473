package desk

import (
	"encoding/json"

	"goinit/control"
	"goinit/supervise"
)

// Event is an event in the words of package control.
func Event(e supervise.Event) control.Event {
	out := control.Event{At: e.At.UTC(), Type: e.Type, App: e.App, Slot: e.Slot}
	if e.Worker != "" {
		worker, generation := e.Worker, e.Generation
		out.Worker, out.Generation = &worker, &generation
	}
	if len(e.Data) > 0 {
		out.Data, _ = json.Marshal(e.Data)
	}
	return out
}
