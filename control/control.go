// Package control is the protocol between goinit and those who ask it for something: JSON in Varlink's framing on a unix
// stream socket, the types that travel on it, the server in PID 1 and the client in goinitctl. Each method has a file of
// its own with its types and its handler; routes.go is the table of them, with who may call which as a column.
//
// The invariant: a client costs PID 1 a bounded amount of memory and time, whatever it sends, and whether it reads its
// answer or not; none delays another, or an app. Who a client is, the kernel says (SO_PEERCRED), never the client.
//
// The server knows the apps through Supervisor, an interface of this package, and nothing else of PID 1. It uses raw
// sockets on the runtime's poller: package net would make goinit 360 KB heavier for no more than that.
package control

import "context"

// Supervisor is what the server wants of whoever runs the apps. Its methods are called from many goroutines. A context
// ends when the client has gone or its time is up; that ends the waiting, not what was ordered, and the method returns soon:
// Server.Close waits for it.
type Supervisor interface {
	// Snapshot is what is so now. It answers at once, whatever the apps are up to, and is not changed afterwards.
	Snapshot() *Snapshot
	// Usage reads what a worker uses, or all workers of an app together; without a process its Source is empty. Who it is
	// about is left to the caller. It takes some files, or, without cgroups, a look at all processes.
	Usage(Target) Stats
	// Brief is of a worker's Usage what costs least to read, for all workers at once: CPUSeconds, MemoryBytes and
	// MemoryPeakBytes.
	Brief(Target) Stats
	// Counts are what has happened to apps, by name: of Metrics what is an app's.
	Counts() map[string]Metrics
	// Do carries out a command and returns when its outcome is known, or, with NoWait, when it is accepted. An error
	// that is an *Error reaches the client as it is, another as Failed.
	Do(context.Context, Command) (Result, error)
	// Events calls send with what happened, the oldest first, and returns send's error, or nil at the end of what is
	// kept, or with follow not before the context ends. send may block for long: what is missed meanwhile is counted
	// and told, not queued.
	Events(ctx context.Context, q EventsQuery, send func(Event) error) error
	// Logs does the same with log lines.
	Logs(ctx context.Context, q LogsQuery, send func(LogLine) error) error
	// Exec runs a program as the worker's user, in its directory and with its environment, and returns its exit. When
	// the context ends first, the program and its descendants are ended. The files are closed
	// by the caller, and shared with the client: their flags are not to be changed.
	Exec(ctx context.Context, e Exec) (Exit, error)
	LogKeeper
}

// Command is one of Start, Stop, Restart, Reload, Pause, Resume, Signal, Scale, Update, Apply, Add, Remove, Save and Shutdown.
type Command interface{ command() }

// Target is a part of an app, or all of it.
type Target struct {
	App  string
	Slot int // WholeApp, or the slot
}

// WholeApp is the Slot of a Target that is an app.
const WholeApp = -1

// Order is what the commands on targets share.
type Order struct {
	Targets []Target
	NoWait  bool
}

// Start starts what is stopped, failed or completed.
type Start struct{ Order }

// Stop stops, and leaves stopped.
type Stop struct{ Order }

// Restart stops and starts.
type Restart struct{ Order }

// Reload replaces workers one after another, or has them reload themselves.
type Reload struct{ Order }

// Pause suspends every process of the workers.
type Pause struct{ Order }

// Resume lets them go on.
type Resume struct{ Order }

// Signal sends a signal to the workers' main processes.
type Signal struct {
	Order
	Number int
}

// Scale sets how many workers an app has.
type Scale struct {
	App      string
	Workers  int
	Relative bool // Workers is added
	NoWait   bool
}

// Update changes an app's limits while it runs.
type Update struct {
	App    string
	Total  bool    // those of all its workers together, not of each
	Limits []Limit // in the order given
}

// Apply makes the apps what a spec says, and touches only what differs.
type Apply struct {
	Spec   []byte // compiled, as JSON; nil: read again where it was read first
	DryRun bool
	NoWait bool
}

// Add adds one app.
type Add struct {
	App    []byte // a compiled app, as JSON
	NoWait bool
}

// Remove stops an app and forgets it.
type Remove struct {
	App    string
	NoWait bool
}

// Save writes the apps that commands have added, as they are by now, to where the next start finds them.
type Save struct{}

// Shutdown ends goinit in order.
type Shutdown struct {
	Status *int // nil: by the rules
	Reason string
}

func (Start) command()    {}
func (Stop) command()     {}
func (Restart) command()  {}
func (Reload) command()   {}
func (Pause) command()    {}
func (Resume) command()   {}
func (Signal) command()   {}
func (Scale) command()    {}
func (Update) command()   {}
func (Apply) command()    {}
func (Add) command()      {}
func (Remove) command()   {}
func (Save) command()     {}
func (Shutdown) command() {}

// Result is what came of a Command; which fields are set depends on it.
type Result struct {
	Outcomes []Outcome // of an Order, Scale, Update, Add, Remove
	Changes  []Change  // of an Apply
	Path     string    // of a Save; empty: there was nothing to be saved
}

// Outcome is what came of a command for one worker, or for an app without any.
type Outcome struct {
	Name    string `json:"name"`              // web/0, or web
	Outcome string `json:"outcome"`           // started, stopped, restarted, reloaded, paused, resumed, signaled, updated, unchanged, failed, accepted, added, removed
	PID     *int   `json:"pid"`               // its process afterwards
	Message string `json:"message,omitempty"` // why, where that is not plain
}

// Change is what an apply does, or would do, to one app.
type Change struct {
	App    string   `json:"app"`
	Action string   `json:"action"` // add, remove, restart, reload, update, none
	Keys   []string `json:"keys"`   // which keys of it differ
	// Message is what one may not expect: the app was added by a command, and no spec has it.
	Message string `json:"message,omitempty"`
}

// Exec asks for a program beside a worker.
type Exec struct {
	Target      Target
	Args        []string
	Environment []string // put on top of the worker's; TERM and its like
	Terminal    bool     // file 0 is a terminal's slave, to be the new session's controlling terminal
	Files       [3]int   // the program's 0, 1 and 2
}
