package app

import (
	"syscall"
	"time"
)

// Slot is a place for one process. It is a value: a step takes one and returns another.
type Slot struct {
	Number     int
	State      State
	Generation int // counts the processes
	Restarts   int // how many of them replaced one that ended by itself

	Process Process
	PID     int  // 0: none
	Next    Next // while stopping
	Killing bool // KillTree was given to this process
	Killed  bool // and it was because the time to stop was over, or a hurry
	ByHand  bool // stopped by a request, not by a shutdown or because it is disabled
	Began   bool // a process of it has executed since it was last asked to start

	Frozen    bool   // while Paused: the Freeze was answered
	Freezes   int    // the Epoch of the last Freeze
	Due       int    // its place among those that wait to be recycled, 0: none
	Cause     string // of the recycling
	Replacing bool   // it is recycled now, until its next process is ready or the slot is at rest

	Timer     TimerKind // armed
	Epoch     int       // of the timer armed last
	Deadline  time.Duration
	ReadyAt   time.Duration
	Failures  int             // restarts in a row: the exponent of the back-off
	Recent    []time.Duration // restarts, for max_restarts in window; never longer than max_restarts
	LastExit  Exit
	HasExited bool
	OOMKills  int // processes that ended so
	FailedAt  time.Duration
}

// step is one event on its way through the table.
type step struct {
	config *Config
	met    bool // the app's dependencies are met
	turn   bool // no other slot is being recycled
	due    int  // the next place among those that wait for that
	slot   Slot
	event  Event
	out    []Effect
}

func (s *step) emit(e Effect) { s.out = append(s.out, e) }

func (s *step) tell(kind string) {
	s.emit(Emit{Type: kind, Slot: s.slot.Number, Generation: s.slot.Generation})
}

func (s *step) tellExit(kind string) {
	exit := s.slot.LastExit
	s.emit(Emit{Type: kind, Slot: s.slot.Number, Generation: s.slot.Generation, Exit: &exit})
}

func (s *step) arm(kind TimerKind, after time.Duration) {
	s.slot.Epoch++
	s.slot.Timer = kind
	s.slot.Deadline = s.event.Now + after
	s.emit(ArmTimer{Slot: s.slot.Number, Epoch: s.slot.Epoch, Timer: kind, After: after})
}

func (s *step) cancel() {
	if s.slot.Timer != NoTimer {
		s.emit(CancelTimer{Slot: s.slot.Number, Epoch: s.slot.Epoch})
		s.slot.Timer = NoTimer
	}
}

// start asks for the next process.
func (s *step) start() {
	s.cancel()
	s.slot.Generation++
	s.slot.State, s.slot.Process, s.slot.Next = Starting, Asked, ByPolicy
	s.slot.PID, s.slot.ReadyAt = 0, 0
	s.slot.Killing, s.slot.Killed, s.slot.ByHand = false, false, false
	s.slot.Due = 0 // that was the last one's
	s.emit(Start{Slot: s.slot.Number, Generation: s.slot.Generation})
}

// startAnew is a start that somebody asked for: the past is forgotten.
func (s *step) startAnew() {
	s.cancel()
	s.slot.Failures, s.slot.Recent, s.slot.ByHand, s.slot.Began = 0, nil, false, false
	if !s.met {
		s.slot.State = Waiting
		return
	}
	s.start()
}

func (s *step) started() {
	s.slot.PID, s.slot.Process, s.slot.Began = s.event.PID, Alive, true
	s.tell("worker.started")
	if !s.config.AwaitReady {
		s.ready()
	}
}

func (s *step) ready() {
	if s.slot.Process != Alive {
		return
	}
	s.slot.State, s.slot.ReadyAt = Running, s.event.Now
	s.tell("worker.ready")
}

// startedLate is the answer to a Start that is not wanted any more.
func (s *step) startedLate() {
	s.slot.PID, s.slot.Process, s.slot.Began = s.event.PID, Alive, true
	s.tell("worker.started")
	if s.slot.Killing {
		s.emit(KillTree{Slot: s.slot.Number, Generation: s.slot.Generation})
		return
	}
	s.askToEnd(max(0, s.slot.Deadline-s.event.Now))
}

// startFailed needs no TreeGone: the reaper has taken what there was.
func (s *step) startFailed() {
	s.slot.Process, s.slot.PID = None, 0
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
	s.thaw() // of what is left
	s.slot.State, s.slot.Next = Stopping, ByPolicy
	s.buried(ReasonExited)
	s.slot.Killing = true
	s.emit(KillTree{Slot: s.slot.Number, Generation: s.slot.Generation})
}

// exitedAsAsked leaves the rest of the tree what is left of the time to stop.
func (s *step) exitedAsAsked() {
	if s.slot.Process != Alive {
		return
	}
	switch s.slot.Next {
	case Again:
		s.buried(ReasonReplaced)
	default:
		s.buried(ReasonStopped)
	}
	if s.slot.Killing {
		return // the tree is being killed already
	}
	s.emit(AwaitTree{Slot: s.slot.Number, Generation: s.slot.Generation, Signal: s.config.StopSignal})
}

func (s *step) buried(why Reason) {
	if why == ReasonExited && s.event.Exit.Signal != 0 {
		why = ReasonSignaled
	}
	s.slot.Process, s.slot.PID = Dead, 0
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
		s.settle()
	}
}

// settle comes when nothing of the process is left.
func (s *step) settle() {
	s.cancel()
	switch s.slot.Next {
	case Stay:
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
	s.tell("worker.removed")
}
