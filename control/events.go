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

// EventsRequest asks for events; each comes in an answer of its own.
type EventsRequest struct {
	Targets []string   `json:"targets,omitempty"` // none: all
	Since   *time.Time `json:"since,omitempty"`   // absent: all that are kept
	Follow  bool       `json:"follow,omitempty"`
}

// EventsReply is one event; the last answer of all has none.
type EventsReply struct {
	Event *Event `json:"event,omitempty"`
}

func events(c *call, r EventsRequest) error {
	q := EventsQuery{Follow: r.Follow}
	var err error
	if q.Targets, err = c.server.supervisor.Snapshot().targets(r.Targets); err != nil {
		return err
	}
	if r.Since != nil {
		q.Since = *r.Since
	}
	err = c.server.supervisor.Events(c.ctx, q, func(e Event) error { return c.more(EventsReply{&e}) })
	if err != nil {
		return err
	}
	return c.reply(EventsReply{})
}
