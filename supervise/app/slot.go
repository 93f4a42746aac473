package app

import (
	"syscall"
	"time"
)

// Slot is a place for one process. It is a value: a step takes one and returns another.
type Slot struct {
	Number     int
	Role       Role
	State      State
	Config     *Config // what its process was started by, where that is not the app's any more; nil: the app's
	Generation int     // counts the processes
	Last       int     // the last one's that was to replace it, if there was one
	Reserved   bool    // Generation is that of the process that is to come
	Restarts   int     // how many of them replaced one that ended by itself

	Process Process
	Hook    Hook   // what the process is
	PID     int    // of the worker's main process; 0: none
	Next    Next   // while stopping
	Why     Reason // of a stop after which the policy decides
	Killing bool   // KillTree was given to this process
	Killed  bool   // and it was because the time to stop was over, or a hurry
	ByHand  bool   // stopped by a request, not by a shutdown or because it is disabled
	Began   bool   // a process of it has executed since it was last asked to start
	Owed    bool   // while Waiting: a run of the job is due, or asked for

	Ready     bool   // while Running or Paused: the last word about it
	NotReady  string // why it is not, or not yet
	Leaving   bool   // it said that it ends by itself
	Said      string // what it does, in its own words
	Frozen    bool   // while Paused: the Freeze was answered
	Freezes   int    // the Epoch of the last Freeze
	Due       int    // its place among those that wait to be replaced, 0: none
	Cause     string // of the replacement
	Asked     bool   // and somebody asked for that: it does not wait for a pause to end
	Replacing bool   // it is replaced in its place now, until its next process is ready or the slot is at rest
	By        int    // the number of the reload that its process came by, 0: none
	Unwanted  bool   // an Incoming that is not wanted any more, or has failed
	Suicide   bool   // an Outgoing that has asked for its replacement
	Signaled  bool   // while Draining: the stop signal was sent

	Timer     TimerKind // armed
	Epoch     int       // of the timer armed last
	Deadline  time.Duration
	Latest    time.Duration // while stopping: what no extension goes beyond, 0: none
	StartedAt time.Duration
	ReadyAt   time.Duration   // since when it is ready, 0: it is not
	Failures  int             // restarts in a row: the exponent of the back-off
	Looping   bool            // it was told that it fails again and again
	Recent    []time.Duration // restarts, for max_restarts in window; never longer than max_restarts
	LastExit  Exit
	HookExit  Exit // of the hook whose tree is not gone yet
	HookLate  bool // its time was over
	HasExited bool
	OOMKills  int // processes that ended so
	FailedAt  time.Duration
}

// step is one event on its way through the table.
type step struct {
	config *Config // what the slot's process was started by
	latest *Config // what the next one that somebody wants is
	met    bool    // the app's dependencies are met
	due    int     // the next place among those that wait to be replaced
	slot   Slot
	event  Event
	// returned is set when a process comes again that is no replacement.
	returned bool
	out      []Effect
}

func (s *step) emit(e Effect) { s.out = append(s.out, e) }

func (s *step) tell(kind string) {
	s.emit(Emit{Type: kind, Slot: s.slot.Number, Generation: s.slot.Generation})
}

func (s *step) tellExit(kind string) {
	exit := s.slot.LastExit
	s.emit(Emit{Type: kind, Slot: s.slot.Number, Generation: s.slot.Generation, Exit: &exit, Failures: s.slot.Failures})
}

func (s *step) arm(kind TimerKind, after time.Duration) {
	s.slot.Epoch++
	s.slot.Timer = kind
	s.slot.Deadline = s.event.Now + after
	s.emit(ArmTimer{Slot: s.slot.Number, Generation: s.slot.Generation, Epoch: s.slot.Epoch, Timer: kind, After: after})
}

func (s *step) cancel() {
	if s.slot.Timer != NoTimer {
		s.emit(CancelTimer{Slot: s.slot.Number, Generation: s.slot.Generation, Epoch: s.slot.Epoch})
		s.slot.Timer = NoTimer
	}
}

// start asks for the next process, or for the hook ahead of it.
func (s *step) start() {
	s.cancel()
	if !s.slot.Reserved {
		s.slot.Generation = max(s.slot.Generation, s.slot.Last) + 1
	}
	s.slot.Reserved, s.slot.Signaled = false, false
	s.slot.State, s.slot.Process, s.slot.Next = Starting, Asked, ByPolicy
	s.slot.PID, s.slot.ReadyAt, s.slot.Latest = 0, 0, 0
	s.slot.Killing, s.slot.Killed, s.slot.ByHand = false, false, false
	s.slot.Ready, s.slot.Leaving, s.slot.Said, s.slot.NotReady, s.slot.Why = false, false, "", "", ""
	if s.slot.Config == nil {
		s.slot.Due, s.slot.Asked = 0, false // that was the last one's
	}
	s.slot.Hook, s.slot.HookLate = NoHook, false
	if s.config.BeforeStart {
		s.slot.Hook = BeforeStart
	}
	s.emit(Start{Slot: s.slot.Number, Generation: s.slot.Generation, Revision: s.config.Revision, Hook: s.slot.Hook})
}

// adopt makes what comes next what the app is by now. A restart by policy brings what there was.
func (s *step) adopt() { s.slot.Config, s.config = nil, s.latest }

// startAnew is a start that somebody asked for: the past is forgotten.
func (s *step) startAnew() {
	s.cancel()
	s.adopt()
	s.slot.Failures, s.slot.Recent, s.slot.ByHand, s.slot.Began, s.slot.Looping = 0, nil, false, false, false
	if !s.met {
		s.slot.State = Waiting
		s.owe()
		return
	}
	s.run()
}

func (s *step) started() {
	s.executed()
	switch {
	case s.slot.Hook != NoHook:
		s.arm(HookTimer, s.hookTime())
		return
	case !s.config.AwaitReady && s.slot.Role == Incoming:
		s.arm(SteadyTimer, leastLife)
	case !s.config.AwaitReady:
		s.ready()
		s.prove()
	case s.startLimit() > 0:
		s.arm(StartTimer, s.startLimit())
	}
	s.returned = s.slot.HasExited && !s.slot.Replacing && s.slot.Role == Current
}

func (s *step) executed() {
	s.slot.Process = Alive
	if s.slot.Hook != NoHook {
		s.emit(Emit{Type: "hook.started", Slot: s.slot.Number, Generation: s.slot.Generation, Hook: s.slot.Hook})
		return
	}
	s.slot.PID, s.slot.Began, s.slot.StartedAt = s.event.PID, true, s.event.Now
	s.tell("worker.started")
}

// startedLate is the answer to a Start that is not wanted any more, or to that of the hook after the end.
func (s *step) startedLate() {
	s.executed()
	switch {
	case s.slot.Killing:
		s.emit(KillTree{Slot: s.slot.Number, Generation: s.slot.Generation})
	case s.slot.Hook == AfterExit:
		s.arm(HookTimer, s.hookTime())
	default:
		s.askToEnd(max(0, s.slot.Deadline-s.event.Now))
	}
}

// startFailed needs no TreeGone: the reaper has taken what there was.
func (s *step) startFailed() {
	s.slot.Process, s.slot.PID = None, 0
	if s.slot.Hook != NoHook {
		s.hookEnded(s.event.Exit)
		return
	}
	s.slot.LastExit, s.slot.HasExited = s.event.Exit, true
	s.slot.LastExit.Reason = ReasonStartFailed
	s.tellExit("worker.start-failed")
	s.settle()
}

// exited is the end of a process that nobody asked to end. What is left of its tree has no master: it is killed.
func (s *step) exited() {
	if s.slot.Process != Alive {
		return
	}
	if s.slot.Hook == NoHook {
		s.thaw() // of what is left
		s.slot.State, s.slot.Next = Stopping, ByPolicy
	}
	s.cancel()
	s.buried(ReasonExited)
	s.killRest()
}

// killRest gives the rest of a dead process's tree no time.
func (s *step) killRest() {
	s.cancel()
	if !s.slot.Killing {
		s.slot.Killing = true
		s.emit(KillTree{Slot: s.slot.Number, Generation: s.slot.Generation})
	}
}

// exitedAsAsked leaves the rest of the tree what is left of the time to stop.
func (s *step) exitedAsAsked() {
	if s.slot.Process != Alive {
		return
	}
	switch {
	case s.slot.Next == Again, s.slot.Role == Outgoing:
		s.buried(ReasonReplaced)
	case s.slot.Next == ByPolicy:
		s.buried(s.slot.Why)
	default:
		s.buried(ReasonStopped)
	}
	if s.slot.State == Draining {
		s.drained()
	}
	switch {
	case s.slot.Killing:
		return // the tree is being killed already
	case s.slot.Hook == AfterExit:
		s.killRest()
		return
	}
	s.emit(AwaitTree{Slot: s.slot.Number, Generation: s.slot.Generation, Signal: s.config.StopSignal})
}

func (s *step) buried(why Reason) {
	if s.slot.Hook == NoHook {
		s.forgive()
	}
	if why == ReasonExited && s.event.Exit.Signal != 0 {
		why = ReasonSignaled
	}
	s.slot.Process, s.slot.PID, s.slot.Ready = Dead, 0, false
	if s.slot.Hook != NoHook {
		s.slot.HookExit = s.event.Exit
		return
	}
	s.slot.LastExit, s.slot.HasExited = s.event.Exit, true
	if s.outOfMemory() {
		why = ReasonOOMKilled
		s.slot.OOMKills++
	}
	s.slot.LastExit.Reason = why
	s.tellExit("worker.exited")
	if why == ReasonOOMKilled {
		s.tellExit("worker.oom-killed")
	}
}

// outOfMemory: the kernel kills by SIGKILL, which a shell in between passes on as 137. Whom we have killed ourselves, it has
// not.
func (s *step) outOfMemory() bool {
	x := s.event.Exit
	return x.OOMKilled && !s.slot.Killing && x.Status() == 128+int(syscall.SIGKILL)
}

// treeGone ends a stopping.
func (s *step) treeGone() {
	if s.slot.Process == Dead {
		s.cancel()
		s.slot.Process = None
		switch {
		case s.slot.Hook != NoHook:
			s.hookEnded(s.slot.HookExit)
		case s.config.AfterExit:
			s.afterExit()
		default:
			s.settle()
		}
	}
}

// settle comes when nothing of the process is left.
func (s *step) settle() {
	s.cancel()
	if s.slot.Role != Current {
		s.leave()
		return
	}
	switch s.slot.Next {
	case Stay:
		if s.extra() && s.slot.ByHand { // a shutdown counts who had to be killed
			s.leave()
			return
		}
		s.slot.State = Stopped
		s.tell("worker.stopped")
	case Again:
		if s.slot.Replacing {
			s.startReplacement()
			return
		}
		s.startAnew()
	case Leave:
		s.leave()
	case ByPolicy:
		s.decide()
	}
}

func (s *step) leave() {
	s.cancel()
	s.slot.State = Removed
	if s.slot.Role == Current {
		s.tell("worker.removed")
	}
}
