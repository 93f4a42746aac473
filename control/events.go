package control

import (
	"encoding/json"
	"time"
)

// Event is something that happened.
type Event struct {
	Instance   string          `json:"instance,omitempty"`
	At         time.Time       `json:"at"`
	Type       string          `json:"type"` // worker.started, worker.ready, worker.exited, app.failed, ...
	App        string          `json:"app"`
	Slot       *int            `json:"slot"`
	Worker     *string         `json:"worker"`
	Generation *int            `json:"generation"`
	Data       json.RawMessage `json:"data"` // depends on the type; null without any
}

// EventsQuery says which events.
type EventsQuery struct {
	Targets []Target // none: all
	Since   time.Time
	Follow  bool
}
