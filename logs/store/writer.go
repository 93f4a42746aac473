package store

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// flushDelay is how long a record may be behind its data: who follows a log waits for it.
	flushDelay = 250 * time.Millisecond
	// flushBytes of records are written without waiting.
	flushBytes = 4 << 10
)

// run is the writer. What it does first is to look for a place. It ends with the pen: nobody writes any more.
func (s *Store) run() {
	defer close(s.ended)
	defer s.queue.end()
	s.settle() // the pen is ours since New
	for {
		s.guard(s.turn)
		if s.ending.Load() && (s.broken != nil || s.queue.length() == 0) {
			s.alarm.Stop()
			s.guard(s.leave)
			return
		}
		s.setAlarm()
		s.pen.Unlock()
		var job func()
		rang := false
		select {
		case <-s.queue.wake:
		case job = <-s.jobs:
		case <-s.alarm.C:
			rang = true
		}
		s.pen.Lock()
		if rang {
			s.alarmed = time.Time{}
		}
		if job != nil {
			s.guard(job)
		}
	}
}

// writeNow is the writer's turn, by the taker himself: most of what a byte costs is not to write it but to have another
// thread do so. Where somebody else has the pen, or nothing can be written now, the writer is left to it. It reports
// whether the taker was relieved.
func (s *Store) writeNow(come func()) bool {
	if s.queue.stalled() || !s.pen.TryLock() {
		s.queue.poke()
		return false
	}
	s.relief.begin(come)
	s.guard(s.shortTurn)
	s.setAlarm()
	gone := s.relief.end()
	s.pen.Unlock()
	if gone { // there may be more by now
		s.queue.poke()
	}
	return gone
}

// shortTurn writes what there is, and the records if it is time for them.
func (s *Store) shortTurn() {
	for !s.relief.came() && s.step() {
	}
	if s.broken == nil && len(s.dirty) > 0 && !time.Now().Before(s.due) {
		s.flushAll()
	}
}

// guard keeps a panic from leaving a goroutine of PID 1. The batch at hand is given up: it might panic again.
func (s *Store) guard(f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.options.Tell(Warning, fmt.Sprintf("a defect of goinit's log store, some lines are lost: %v", p))
			if b := s.queue.next(); b != nil {
				s.queue.done()
			}
		}
	}()
	f()
}

// turn does all that can be done now.
func (s *Store) turn() {
	for s.step() {
		select {
		case f := <-s.jobs:
			f()
		default:
		}
	}
	now := time.Now()
	if s.broken == nil {
		if len(s.dirty) > 0 && !now.Before(s.due) {
			s.flushAll()
		}
		s.noteLosses(now)
	}
	if !s.aged.IsZero() && !now.Before(s.aged) {
		s.expire(now)
	}
}

// step writes the oldest batch; false: there is none, or it cannot be written now.
func (s *Store) step() bool {
	if !s.tryAgain() {
		return false
	}
	b := s.queue.next()
	if b == nil {
		return false
	}
	if err := s.write(b); err != nil {
		s.fail(err)
		return false
	}
	s.mended()
	if s.queue.done() {
		s.options.Wake()
	}
	s.shrink()
	return true
}

// tryAgain reports whether the store is not broken, or may be mended: what could not be written is tried again, by and by.
func (s *Store) tryAgain() bool {
	if s.broken == nil {
		return true
	}
	if time.Since(s.failed) < s.options.retry {
		return false
	}
	if err := s.flushDirty(); err != nil {
		s.fail(err)
		return false
	}
	if s.queue.length() == 0 {
		s.mended()
	}
	return true
}

// catchUp writes what was submitted before, records and all, as far as that can be done now.
func (s *Store) catchUp() {
	for range s.queue.length() {
		if !s.step() {
			break
		}
	}
	s.flushAll()
}

// setAlarm has the writer woken when there is something to do.
func (s *Store) setAlarm() {
	switch next := s.nextAlarm(); {
	case next.Equal(s.alarmed):
	case next.IsZero():
		s.alarm.Stop()
		s.alarmed = next
	default:
		s.alarm.Reset(max(0, time.Until(next)))
		s.alarmed = next
	}
}

// nextAlarm is when something has to be done; zero: when somebody asks for it.
func (s *Store) nextAlarm() time.Time {
	next := time.Time{}
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if s.broken != nil {
		if s.queue.length() > 0 || len(s.dirty) > 0 {
			sooner(s.failed.Add(s.options.retry))
		}
	} else {
		if len(s.dirty) > 0 {
			sooner(s.due)
		}
		if s.owing() {
			sooner(time.Now().Add(flushDelay))
		}
	}
	if !s.aged.IsZero() {
		sooner(s.aged)
	}
	return next
}

// write writes what is left of a batch. Called again after an error it goes on where it was.
func (s *Store) write(b *Batch) error {
	for ; b.at < len(b.chains); b.at++ {
		c := &b.chains[b.at]
		a := s.log(c.app)
		for c.first >= 0 {
			e := &b.entries[c.first]
			if text := c.app.lossNote(e.dropped, e.limited); text != "" {
				e.dropped, e.limited = 0, 0
				if err := a.note(text); err != nil { // what is not written of it comes first the next time
					return err
				}
			}
			next, err := a.append(b, c.first)
			c.first = next
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// fail says that the store is broken, once, and has everybody go on without it.
func (s *Store) fail(err error) {
	s.failed = time.Now()
	if s.broken == nil {
		s.options.Tell(Warning, fmt.Sprintf("cannot write logs to %s: %v; lines are kept in memory, the last %d MiB of them, until it can be written again%s",
			s.place, err, s.options.memory>>20, remedy(err)))
	}
	s.broken = err
	s.queue.fail(true)
}

// remedy is what a user can do, on a line of its own.
func remedy(err error) string {
	var other *impostor
	switch {
	case errors.As(err, &other):
		return "\n  remove what is there, or choose another log_store.directory (memory needs none)"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return "\n  make room there, or set a smaller log_store.max_total: what is kept then fits"
	case errors.Is(err, unix.EROFS):
		return "\n  mount it writable, or choose another log_store.directory (memory needs none)"
	}
	return "\n  repair it, or choose another log_store.directory (memory needs none)"
}

func (s *Store) mended() {
	if s.broken == nil {
		return
	}
	s.broken = nil
	s.queue.fail(false)
	lost := ""
	if n := s.stats.lost.Load(); n > 0 {
		lost = fmt.Sprintf("; %s were lost since the start, each gap is marked in its log", lines(n))
	}
	s.options.Tell(Info, fmt.Sprintf("logs are written to %s again%s", s.place, lost))
}

// owing reports whether there are losses that no note tells yet.
func (s *Store) owing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = s.notes[:0]
	for _, a := range s.named {
		if a.owing.Load() {
			s.notes = append(s.notes, a)
		}
	}
	return len(s.notes) > 0
}

// noteLosses tells what nothing that came later has told: an app that has gone silent.
func (s *Store) noteLosses(now time.Time) {
	if !s.owing() || s.queue.length() > 0 {
		return
	}
	for _, a := range s.notes {
		if now.UnixNano()-a.lastCut.Load() < int64(time.Second) && !s.ending.Load() || !a.owing.Swap(false) {
			continue
		}
		text := a.lossNote(a.dropped.Swap(0), a.limited.Swap(0))
		if text == "" {
			continue
		}
		if err := s.log(a).note(text); err != nil {
			s.fail(err)
			return
		}
	}
}

// lossNote is goinit's line in an app's log, where others are missing.
func (a *App) lossNote(dropped, limited uint64) string {
	switch {
	case dropped == 0 && limited == 0:
		return ""
	case dropped == 0:
		return fmt.Sprintf("goinit: %s lost here: the app's rate_limit is %d a second", lines(limited), a.limits.Load().Rate)
	case limited == 0:
		return fmt.Sprintf("goinit: %s lost here: the log store could not keep up", lines(dropped))
	}
	return fmt.Sprintf("goinit: %s lost here: the log store could not keep up, and the app's rate_limit is %d a second", lines(dropped+limited), a.limits.Load().Rate)
}

// flushAll writes all records that are in memory.
func (s *Store) flushAll() {
	if s.broken != nil {
		return
	}
	if err := s.flushDirty(); err != nil {
		s.fail(err)
	}
}

func (s *Store) flushDirty() error {
	for a := range s.dirty {
		if err := a.flush(); err != nil {
			return err
		}
		delete(s.dirty, a)
	}
	return nil
}

// leave is the end.
func (s *Store) leave() {
	if s.broken == nil {
		s.noteLosses(time.Now())
		s.flushAll()
	}
	for _, a := range s.logs {
		a.close()
	}
	if s.place != nil {
		s.place.leave()
	}
}

// lines is "1 line" or "1,234 lines".
func lines(n uint64) string {
	if n == 1 {
		return "1 line"
	}
	return thousands(n) + " lines"
}
