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
	Runs     []Run     // of a job: the last ones, the newest last
	WaitsFor []string  // what a waiting app is waiting for: "db: ready"
	Own      bool      // goinit's own, of no spec: all does not mean it, and health does not ask for it
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
	OwnLog      string       `json:"own_log,omitempty"` // the file with goinit's own lines, where it is detached
	SpecAt      *time.Time   `json:"spec_at"`           // when it was applied last
	Socket      string       `json:"socket"`            // filled in by the server, as the next four
	Access      string       `json:"access"`            // of who asks: observe, read or write
	Clients     int          `json:"clients"`
	Dropped     uint64       `json:"clients_dropped"` // idle or slow ones, for others
	Refused     uint64       `json:"clients_refused"` // not allowed, or too many
	Orphans     uint64       `json:"orphans_reaped"`
	Cgroups     Cgroups      `json:"cgroups"`
	Limitations []Limitation `json:"limitations"`
}

// Cgroups is what goinit has found of the kernel's control groups, and what it makes of them.
type Cgroups struct {
	Mode    string `json:"mode"`    // unified (v2), legacy (v1), hybrid (controllers of v1, a tree of v2), none
	Usable  bool   `json:"usable"`  // each worker has one
	Place   string `json:"place"`   // the directory below which goinit makes its own; or its own group, where it may not
	Missing string `json:"missing"` // what is not there, in words; empty: nothing
	Remedy  string `json:"remedy"`  // what would give it
	// Controllers are those of which workers' groups have files: cpu, memory, pids, ...
	Controllers []string `json:"controllers"`
}

// Limitation is something that this environment does not let goinit do.
type Limitation struct {
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}
