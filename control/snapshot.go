package control

import (
	"time"

	"goinit/spec"
)

// Snapshot is all apps at one moment. It is shared by everybody who asks, and never changed.
type Snapshot struct {
	Info    Info
	Spec    *spec.Spec      // what was applied; values of secrets are not in it
	Apps    []App           // in the order of the spec
	Changed <-chan struct{} // closed when this snapshot is no longer the newest
}

// App is one app of a snapshot.
type App struct {
	Name     string
	Spec     *spec.App // its part of the snapshot's Spec
	Workers  []Worker  // in the order of the slots; none: State says why
	State    State     // of an app without workers
	Since    time.Time // that it is in State
	WaitsFor []string  // what a waiting app is waiting for: "db: ready"
}

// Info is goinit itself.
type Info struct {
	Instance    string       `json:"instance"` // its name
	Version     string       `json:"version"`
	PID         int          `json:"pid"`
	Role        string       `json:"role"`  // PID 1, child subreaper, ...
	State       string       `json:"state"` // booting, running, stopping
	StartedAt   time.Time    `json:"started_at"`
	WorkingDir  string       `json:"working_dir"`
	Spec        string       `json:"spec"` // the file it was read from; empty: none
	SpecDigest  string       `json:"spec_digest"`
	SpecAt      *time.Time   `json:"spec_at"` // when it was applied last
	Socket      string       `json:"socket"`  // filled in by the server, as the next three
	Clients     int          `json:"clients"`
	Dropped     uint64       `json:"clients_dropped"` // idle or slow ones, for others
	Refused     uint64       `json:"clients_refused"` // not allowed, or too many
	Orphans     uint64       `json:"orphans_reaped"`
	Limitations []Limitation `json:"limitations"`
}

// Limitation is something that this environment does not let goinit do.
type Limitation struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}
