package supervise

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"syscall"
	"time"

	"goinit/signame"
	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// seen is what others want to know of a process and the machine does not: when.
type seen struct {
	state      app.State
	since      time.Time
	startedAt  *time.Time
	nextAt     *time.Time
	unpausable string // why the last pause has failed

	lap  int     // the last look that has found it
	row  *Worker // as it was published last, and is never written to; nil: it was not
	face face    // what that was made of
}

// face is all of a process that a Worker shows: while it stays the same, so does the Worker.
type face struct {
	state      app.State
	role       app.Role
	generation int
	pid        int
	ready      bool
	said       string
	notReady   string
	restarts   int
	failures   int
	oomKills   int
	hasExited  bool
	lastExit   app.Exit
	exitAt     time.Time
	since      time.Time
	startedAt  *time.Time
	nextAt     *time.Time
	nextRun    time.Time
}

// look notes what the last step has changed.
func (o *owner) look() {
	now := time.Now()
	o.laps++
	found := 0
	for s := range o.all() {
		at := placeOf(s)
		v := o.seen[at]
		if v == nil {
			v = &seen{state: s.State, since: now}
			o.seen[at] = v
		}
		v.lap = o.laps
		found++
		if v.state != s.State {
			if s.State == app.Paused {
				v.unpausable = ""
			}
			v.state, v.since, v.nextAt = s.State, now, nil
		}
		if s.Process == app.Alive && s.Hook == app.NoHook && v.startedAt == nil {
			v.startedAt = &now
		}
	}
	if len(o.seen) > found {
		o.overlook()
	}
}

// overlook forgets what is not there any more.
func (o *owner) overlook() {
	for at, v := range o.seen {
		if v.lap != o.laps {
			o.cancel(at)
			delete(o.seen, at)
			delete(o.processes, at)
		}
	}
	for n := range o.exits {
		if o.slot(n) == nil {
			delete(o.exits, n)
		}
	}
}

func placeOf(s *app.Slot) place { return place{s.Number, s.Generation} }

// all are the processes of all slots: those that the slots have, and those that come and go beside them.
func (o *owner) all() iter.Seq[*app.Slot] {
	return func(yield func(*app.Slot) bool) {
		for _, slots := range [...][]app.Slot{o.state.Slots, o.state.Incoming, o.state.Outgoing} {
			for i := range slots {
				if !yield(&slots[i]) {
					return
				}
			}
		}
	}
}

// at is the process of a place, or nil.
func (o *owner) at(p place) *app.Slot {
	if s := o.slot(p.slot); s != nil && s.Generation == p.generation {
		return s
	}
	for _, slots := range [...][]app.Slot{o.state.Incoming, o.state.Outgoing} {
		for i := range slots {
			if placeOf(&slots[i]) == p {
				return &slots[i]
			}
		}
	}
	return nil
}

func (o *owner) nextAt(p place, at time.Time) {
	if v := o.seen[p]; v != nil {
		v.nextAt = &at
	}
}

// slot is that of a number, or nil.
func (o *owner) slot(n int) *app.Slot {
	slots := o.state.Slots // in order
	i := sort.Search(len(slots), func(i int) bool { return slots[i].Number >= n })
	if i == len(slots) || slots[i].Number != n {
		return nil
	}
	return &slots[i]
}

// publish swaps the snapshot. Of an app with a thousand workers it copies a thousand pointers, and makes what has changed.
func (o *owner) publish() {
	list := make([]*Worker, 0, len(o.state.Slots)+len(o.state.Incoming)+len(o.state.Outgoing))
	for s := range o.all() {
		list = append(list, o.row(s))
	}
	if len(o.state.Incoming)+len(o.state.Outgoing) > 0 {
		slices.SortStableFunc(list, func(a, b *Worker) int { return *a.Slot - *b.Slot })
	}
	if len(list) == 0 {
		list = append(list, &Worker{App: o.name, State: app.Stopped.String(), StateSince: o.supervisor.beganAt})
	}
	o.snapshot.Store(&list)
	o.size.Store(int32(o.state.Workers))
	if changed := o.supervisor.config.Changed; changed != nil {
		changed()
	}
}

// row is a process as others see it.
func (o *owner) row(s *app.Slot) *Worker {
	v := o.seen[placeOf(s)]
	if f := o.faceOf(s, v); v.row == nil || f != v.face {
		w := o.worker(s, v)
		v.row, v.face = &w, f
	}
	return v.row
}

func (o *owner) faceOf(s *app.Slot, v *seen) face {
	f := face{
		state: s.State, role: s.Role, generation: s.Generation, pid: s.PID, ready: s.Ready, said: s.Said, notReady: s.NotReady,
		restarts: s.Restarts, failures: s.Failures, oomKills: s.OOMKills, hasExited: s.HasExited, lastExit: s.LastExit,
		since: v.since, startedAt: v.startedAt, nextAt: v.nextAt,
	}
	if s.HasExited {
		f.exitAt = o.exits[s.Number]
	}
	if s.Number == 0 && o.runs != nil {
		if next := o.nextRun(); next != nil {
			f.nextRun = *next
		}
	}
	return f
}

func (o *owner) worker(s *app.Slot, v *seen) Worker {
	number, name := s.Number, tree.Worker(o.name, s.Number)
	w := Worker{
		App: o.name, Slot: &number, Worker: &name, State: s.State.String(), Ready: s.IsReady(), Said: s.Said,
		Generation: s.Generation, Restarts: s.Restarts, OOMKills: s.OOMKills, StateSince: v.since, NextAt: v.nextAt,
		Beside: s.Role != app.Current,
	}
	if s.PID != 0 {
		pid := s.PID
		w.PID = &pid
		w.StartedAt = v.startedAt
		w.process = o.processes[placeOf(s)].process
	}
	if s.Number == 0 && o.runs != nil {
		w.NextAt = o.nextRun()
	}
	if s.State != app.Running { // then it may be well by now
		w.Failures = s.Failures
	}
	if s.State == app.Starting || s.State == app.Running {
		w.NotReady = s.NotReady
	}
	if s.HasExited {
		w.LastExit = lastExit(s.LastExit, o.exits[s.Number])
	}
	return w
}

func lastExit(x app.Exit, at time.Time) *LastExit {
	e := &LastExit{Status: x.Status(), Reason: string(x.Reason), Error: x.Error, At: at}
	if x.Signal != 0 {
		name := signame.Of(x.Signal)
		e.Signal = &name
	} else {
		code := x.Code
		e.Code = &code
	}
	return e
}

// emit makes an event of what the machine tells.
func (o *owner) emit(e app.Emit) {
	data := map[string]any{}
	event := Event{Type: e.Type, App: o.name, Generation: e.Generation, Data: data}
	if e.Slot != app.AllSlots {
		slot := e.Slot
		event.Slot, event.Worker = &slot, tree.Worker(o.name, slot)
		if s := o.at(place{slot, e.Generation}); s != nil && e.Type == "worker.started" {
			data["pid"] = s.PID
		} else if s != nil && s.Restarts > 0 {
			data["restarts"] = s.Restarts
		}
	}
	if e.Failure != nil {
		data["detail"], data["old"] = o.reloadError(e.Failure).Error(), e.Failure.Old
	}
	if e.Exit != nil {
		at := time.Now()
		if v := o.seen[place{e.Slot, e.Generation}]; v != nil {
			if e.Type == "worker.exited" || e.Type == "worker.start-failed" {
				o.exits[e.Slot] = at
			}
			at = cmp.Or(o.exits[e.Slot], at)
			if (e.Type == "worker.exited" || e.Type == "worker.crash-loop" && e.Exit.Error == "") && v.startedAt != nil {
				data["uptime_seconds"] = at.Sub(*v.startedAt).Seconds()
			}
		}
		data["last_exit"] = lastExit(*e.Exit, at)
	}
	if e.Hook != app.NoHook {
		data["hook"] = e.Hook.String()
	}
	if e.Asked {
		data["asked"] = true
	}
	if e.Again {
		data["again"] = true
	}
	if e.Action != "" {
		data["action"] = e.Action
	}
	if e.Failures > 0 {
		data["failures"] = e.Failures
	}
	if e.Delay > 0 {
		data["delay"] = e.Delay.String()
	}
	if e.Detail != "" {
		data["detail"] = e.Detail
	}
	if e.Type == "worker.pause-failed" {
		if v := o.seen[place{e.Slot, e.Generation}]; v != nil {
			v.unpausable = e.Detail
		}
	}
	if e.Dependency != "" {
		data["dependency"] = e.Dependency
	}
	if e.Of > 0 {
		data["workers"] = e.Of
	}
	if e.Type == "reload.progress" || e.Type == "reload.finished" || e.Type == "reload.failed" {
		data["replaced"] = e.Done
	}
	o.remember(e, time.Now())
	o.tally.emitted(&e, time.Now())
	o.supervisor.publish(event)
}

// sendSignal: a process that has gone meanwhile does not matter, its exit is on the way.
func sendSignal(p Process, e app.Signal) {
	send := p.Signal
	if e.Tree {
		send = p.SignalGroup
	}
	_ = send(e.Signal)
	if e.Stop { // a suspended process would not even see it
		_ = send(syscall.SIGCONT)
	}
}
