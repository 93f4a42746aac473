package supervise

import "time"

// Prober finds out whether workers are well: it is told of each process of an app that has readiness or liveness, and
// gives verdicts. What a verdict leads to is the machine's decision, never the prober's; thresholds, periods, jitter and
// time limits of a single probe are the prober's, never the machine's.
type Prober interface {
	// Watch comes ahead of the start of a worker's process, so that nothing it says is missed. An error fails the start,
	// with its text. told may be called from any goroutine, also from within the methods of the Watch; it neither blocks nor
	// calls back. What is told after Stop is ignored.
	Watch(w Work, told func(Verdict)) (Watch, error)
}

// Watch looks after one process, from before it is started until Stop. Its methods are called by one goroutine and never
// block. In this order: Given, then Started or Stop; Ready between Started and Ending; Pause and Resume in turns.
type Watch interface {
	// Given is what the process has to be given to be able to speak: NOTIFY_SOCKET, a descriptor.
	Given() Given
	// Started says that it was executed, under this pid. Readiness is asked for from here.
	Started(pid int)
	// Ready says that the worker is ready for the first time: what liveness counts from. Where the app has no readiness, it
	// comes right after Started.
	Ready()
	// Pause and Resume: a process that is frozen cannot answer, and is not asked.
	Pause()
	Resume()
	// Ending says that the process was asked to end: nobody asks whether it is well any more, and every probe under way is
	// ended; what it says by itself (EXTEND_TIMEOUT_USEC, STATUS) is still heard.
	Ending()
	// Stop ends the watch: the process has exited, or was never started. It comes once, with or without Ending before.
	Stop()
}

// Given is what a process finds, besides what the spec gives it.
type Given struct {
	// Environment is NAME=value; the spec's words do not change them. LISTEN_PID becomes the process's own pid, and NODE_OPTIONS
	// is added to what the spec says.
	Environment []string
	Files       map[int]int // by their number in the process (3 and above), descriptors here
	// Close, if not nil, closes the descriptors here, once the process has its own or has none.
	Close func()
}

// Verdict is what a Prober has found out, or a worker has said of itself.
type Verdict struct {
	Kind   VerdictKind
	Detail string        // one line for people: "GET http://127.0.0.1:8080/healthz: 503", or the STATUS text
	Extend time.Duration // Extended: from now
	PID    int           // MainPID: checked to be of the worker's own tree
}

// VerdictKind says what a Verdict is about.
type VerdictKind uint8

// The verdicts.
const (
	VerdictReady     VerdictKind = iota // ready: for the first time, or again
	VerdictUnready                      // not ready any more (continuous kinds, after failure_threshold; or RELOADING=1)
	VerdictUnhealthy                    // liveness has failed failure_threshold times, or there was no heartbeat, or silence
	VerdictExtended                     // EXTEND_TIMEOUT_USEC: the time to start, or to stop, is not over before Extend
	VerdictMainPID                      // MAINPID
	VerdictStatus                       // STATUS: Detail
	VerdictStopping                     // STOPPING=1: it has begun to end by itself
	VerdictHeld                         // a Member's, told before the process may be ready: it is not, whatever the Prober says, until VerdictReleased; Detail says why
	VerdictReleased                     // a Member's: the Prober alone has the word now
	VerdictDrained                      // a Member's: told to drain, it has finished what it had, and lives on: the stop signal is next
)
