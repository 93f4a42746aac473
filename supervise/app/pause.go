package app

// A pause freezes what runs. Whatever ends it thaws first.

func (s *step) pause() {
	s.slot.State, s.slot.Frozen = Paused, false
	s.slot.Freezes++
	s.emit(Freeze{Slot: s.slot.Number, Generation: s.slot.Generation, Epoch: s.slot.Freezes})
}

func (s *step) frozen() {
	if s.event.Epoch == s.slot.Freezes && !s.slot.Frozen {
		s.slot.Frozen = true
		s.tell("worker.paused")
	}
}

// freezeFailed: a part of it may be frozen all the same.
func (s *step) freezeFailed() {
	if s.event.Epoch != s.slot.Freezes || s.slot.Frozen {
		return
	}
	s.thaw()
	s.slot.State = Running
	s.emit(Emit{Type: "worker.pause-failed", Slot: s.slot.Number, Generation: s.slot.Generation, Detail: s.event.Detail})
}

func (s *step) resume() {
	s.thaw()
	s.slot.State = Running
	s.tell("worker.resumed")
}

// thaw is for a slot that is Paused; in any other state there is nothing to thaw.
func (s *step) thaw() {
	if s.slot.State == Paused {
		s.slot.Frozen = false
		s.emit(Thaw{Slot: s.slot.Number, Generation: s.slot.Generation})
	}
}
