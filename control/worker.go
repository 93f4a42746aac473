package control

import "time"

// Worker is one worker as scripts see it: what ps lists. An app without a worker is one with a null slot. Fields are
// added, never renamed.
type Worker struct {
	Instance   string     `json:"instance,omitempty"` // with several goinits: whose
	App        string     `json:"app"`
	Slot       *int       `json:"slot"`
	Worker     *string    `json:"worker"` // web/0
	PID        *int       `json:"pid"`
	State      State      `json:"state"`
	Ready      bool       `json:"ready"`
	Generation int        `json:"generation"`
	Restarts   int        `json:"restarts"`
	Failures   int        `json:"failures,omitempty"` // in a row, until it is well for a while
	StartedAt  *time.Time `json:"started_at"`
	StateSince time.Time  `json:"state_since"`
	NextAt     *time.Time `json:"next_at"` // when a restart or a run is due
	LastExit   *Exit      `json:"last_exit"`
	Message    string     `json:"message,omitempty"` // why it is in this state: "for db to be ready"

	// With cgroups, when it was asked for.
	CPUSeconds      *float64 `json:"cpu_seconds,omitempty"`
	MemoryBytes     *uint64  `json:"memory_bytes,omitempty"`
	MemoryPeakBytes *uint64  `json:"memory_peak_bytes,omitempty"`
	OOMKills        *uint64  `json:"oom_kills,omitempty"` // how often its process was killed for want of memory
	Cgroup          string   `json:"cgroup,omitempty"`

	// Beside says that it is not the slot's worker, but about to replace that, or replaced by it.
	Beside bool `json:"-"`
	// InVain says that it waits for what will not come by itself.
	InVain bool `json:"-"`

	Kills uint64 `json:"-"` // what OOMKills becomes where there are cgroups
}

// Name is how the worker is addressed: web/0, or its app's name if it has none of its own.
func (w *Worker) Name() string {
	if w.Worker != nil {
		return *w.Worker
	}
	return w.App
}

// State is what a worker is doing.
type State string

// The states.
const (
	Waiting   State = "waiting"   // for dependencies
	Starting  State = "starting"  // not ready yet
	Running   State = "running"   //
	Draining  State = "draining"  // no new connections, finishing the old
	Stopping  State = "stopping"  //
	Backoff   State = "backoff"   // a restart is due
	Paused    State = "paused"    //
	Scheduled State = "scheduled" // a job between runs
	Completed State = "completed" // finished as it should
	Stopped   State = "stopped"   // by request
	Failed    State = "failed"    // gave up
)

// Exit is how a process ended.
type Exit struct {
	Code   *int      `json:"code"`   // null if a signal ended it, or if it never started
	Signal *string   `json:"signal"` // SIGKILL
	Status int       `json:"status"` // as a shell has it: the code, or 128 + the signal
	Reason string    `json:"reason"` // exited, signaled, oom-killed, stopped, start-failed, start-timeout, run-timeout, unhealthy, replaced
	At     time.Time `json:"at"`
	Error  string    `json:"error,omitempty"` // of a start that failed
}
