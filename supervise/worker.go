package supervise

import (
	"time"
)

// Worker is a slot as others see it: the JSON of ps, that scripts may rely on. Fields are added, never renamed.
type Worker struct {
	App        string     `json:"app"`
	Slot       *int       `json:"slot"`   // null: an app without workers
	Worker     *string    `json:"worker"` // web/0
	PID        *int       `json:"pid"`
	State      string     `json:"state"`
	Ready      bool       `json:"ready"`
	Generation int        `json:"generation"`
	Restarts   int        `json:"restarts"`
	StartedAt  *time.Time `json:"started_at"`
	StateSince time.Time  `json:"state_since"`
	NextAt     *time.Time `json:"next_at"`
	LastExit   *LastExit  `json:"last_exit"`
	// WaitsFor is the dependency that has failed, while State is waiting and nothing will come of it.
	WaitsFor string `json:"waits_for,omitempty"`
	// OOMKills is how many of the slot's processes were killed for want of memory.
	OOMKills int `json:"oom_kills"`

	process Process // nil: none
}

// LastExit is how the process before ended.
type LastExit struct {
	Code   *int      `json:"code"`   // null: death by signal
	Signal *string   `json:"signal"` // SIGKILL
	Status int       `json:"status"` // as a shell has it
	Reason string    `json:"reason"`
	Error  string    `json:"error,omitempty"` // of a start that failed
	At     time.Time `json:"at"`
}

// Event is one of the stream of events.
type Event struct {
	At         time.Time      `json:"at"`
	Type       string         `json:"type"`
	App        string         `json:"app,omitempty"`
	Slot       *int           `json:"slot,omitempty"`
	Worker     string         `json:"worker,omitempty"`
	Generation int            `json:"generation,omitempty"`
	Data       map[string]any `json:"data,omitempty"`
}
