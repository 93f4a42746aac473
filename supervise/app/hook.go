package app

import (
	"fmt"
	"time"
)

// A hook is run in the slot, as its process: the one before the start while the slot is Starting, the one after the exit
// while it is Stopping. Only what comes of its end is another matter.

// neverAgain is the status by which a hook says that there is no sense in starting the worker again; s6's word.
const neverAgain = 125

// hookTime is what a hook may take: in a shutdown not more than is left.
func (s *step) hookTime() time.Duration {
	most := s.config.HookTimeout
	if s.slot.Latest > 0 {
		most = min(most, s.slot.Latest-s.event.Now)
	}
	return max(most, time.Millisecond)
}

// afterExit starts the hook, unless a shutdown leaves it no time.
func (s *step) afterExit() {
	if s.slot.Latest > 0 && s.slot.Latest <= s.event.Now {
		s.settle()
		return
	}
	s.slot.Hook, s.slot.HookLate, s.slot.Killing = AfterExit, false, false
	s.slot.Process, s.slot.Deadline = Asked, s.event.Now+s.hookTime()
	s.emit(Start{Slot: s.slot.Number, Generation: s.slot.Generation, Revision: s.config.Revision, Hook: AfterExit, Exit: s.slot.LastExit})
}

// hookOverdue gives it no more.
func (s *step) hookOverdue() {
	s.slot.HookLate = true
	s.killRest()
}

// hookEnded comes when nothing of the hook is left.
func (s *step) hookEnded(x Exit) {
	s.cancel()
	h := s.slot.Hook
	s.slot.Hook, s.slot.Killing = NoHook, false
	wrong := s.hookError(h, x)
	switch {
	case h == AfterExit:
		s.afterHookAfterExit(x, wrong)
	case s.slot.State == Stopping: // somebody did not want to wait for it
		s.settle()
	case wrong == "":
		s.slot.Process = Asked
		s.emit(Start{Slot: s.slot.Number, Generation: s.slot.Generation, Revision: s.config.Revision})
	default:
		s.hookRefuses(x, wrong)
	}
}

// hookRefuses is a start that fails because of the hook before it.
func (s *step) hookRefuses(x Exit, wrong string) {
	s.slot.LastExit, s.slot.HasExited = Exit{Code: x.Status(), Reason: ReasonStartFailed, Error: wrong}, true
	s.tellExit("worker.start-failed")
	if x.Code == neverAgain && s.slot.Role == Current {
		s.fail()
		return
	}
	s.settle()
}

func (s *step) afterHookAfterExit(x Exit, wrong string) {
	if wrong != "" {
		s.emit(Emit{Type: "hook.failed", Slot: s.slot.Number, Generation: s.slot.Generation, Hook: AfterExit, Detail: wrong})
	}
	if x.Code == neverAgain && s.slot.Next == ByPolicy && s.slot.Role == Current {
		s.cease()
		return
	}
	s.settle()
}

// hookError says what is wrong with a hook's end, if anything is.
func (s *step) hookError(h Hook, x Exit) string {
	switch {
	case s.slot.HookLate:
		return fmt.Sprintf("the hook %s did not end within %v", h, s.config.HookTimeout)
	case x.Error != "":
		return fmt.Sprintf("the hook %s: %s", h, x.Error)
	case x.Code == neverAgain:
		return fmt.Sprintf("the hook %s ended with status %d, which says: do not start it again", h, x.Code)
	case x.Status() != 0:
		return fmt.Sprintf("the hook %s ended with status %d", h, x.Status())
	}
	return ""
}
