package app

// State is what a worker is in; the words are those of ps, the events and the documentation.
type State uint8

// The states of a slot.
const (
	Waiting   State = iota // for dependencies
	Starting               // its process is asked for, or not ready yet
	Running                // ready
	Paused                 // its processes are frozen, or about to be
	Draining               // it is to end: no new connections, it finishes the old
	Stopping               // its end was asked for or has come, and something of its tree is left
	Backoff                // a restart is due
	Scheduled              // a job between runs
	Completed              // finished as it should
	Stopped                // by request
	Failed                 // gave up
	states
	// Removed is no state: a slot that comes to it is no more.
	Removed = states
)

func (s State) String() string {
	return [...]string{"waiting", "starting", "running", "paused", "draining", "stopping", "backoff", "scheduled", "completed", "stopped", "failed", "removed"}[s]
}

// Final reports whether nothing more happens by itself.
func (s State) Final() bool { return s == Completed || s == Stopped || s == Failed || s == Removed }

// Process is how far the process of a slot is.
type Process uint8

// A slot's process goes through these in order, and back to None.
const (
	None  Process = iota
	Asked         // Start was given, the answer is not here
	Alive         // PID is its pid
	Dead          // it has exited, but its tree may not be gone
)

// Next is what a slot that is stopping does when nothing of its process is left.
type Next uint8

// What comes after stopping.
const (
	ByPolicy Next = iota // it ended by itself: the restart policy decides
	Stay                 // stopped
	Again                // start, at once
	Leave                // be removed
)

// Role is what the process of a slot is to the slot while one replaces another.
type Role uint8

// The roles.
const (
	Current  Role = iota // the one that the slot has
	Incoming             // the one that is to replace it, until it is ready
	Outgoing             // the one that was replaced, until nothing of it is left
)

// Hook is what the process of a slot is, if it is not the worker itself.
type Hook uint8

// The hooks.
const (
	NoHook      Hook = iota
	BeforeStart      // ahead of the worker's process: it has to end well
	AfterExit        // after it, when nothing of its tree is left
)

func (h Hook) String() string { return [...]string{"", "before_start", "after_exit"}[h] }
