package supervise

import (
	"time"

	"goinit/supervise/app"
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
	Failures   int        `json:"failures,omitempty"`  // in a row, while State is backoff or until it was well for a while
	Said       string     `json:"status,omitempty"`    // what it does, in its own words: STATUS= of sd_notify
	NotReady   string     `json:"not_ready,omitempty"` // why it is not, where somebody asks
	StartedAt  *time.Time `json:"started_at"`
	StateSince time.Time  `json:"state_since"`
	NextAt     *time.Time `json:"next_at"`
	LastExit   *LastExit  `json:"last_exit"`
	// OOMKills is how many of the slot's processes were killed for want of memory.
	OOMKills int `json:"oom_kills"`

	// Beside says that it is not the slot's worker, but to replace that, or replaced by it.
	Beside bool `json:"-"`

	process Process // nil: none
}

// LoopAt is how many failures in a row of a worker are told as a worker.crash-loop; those after it are not told one by one.
const LoopAt = app.LoopAt

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
