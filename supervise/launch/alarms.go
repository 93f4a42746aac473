package launch

import (
	"fmt"
	"sync"
	"time"

	"goinit/cgroup"
	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise"

	"golang.org/x/sys/unix"
)

// alarmPause bounds the alarms of one kind: a few a second.
const alarmPause = 300 * time.Millisecond

// watch asks to be told of what happens to a worker's group.
func (s *Starter) watch(w supervise.Work, p *process, told supervise.Told) error {
	want := cgroup.Watch{Memory: uint64(w.App.Recycle.Memory.Of(w.App.Resources.Memory))}
	if pressure := w.App.Recycle.Pressure; pressure.Window > 0 {
		want.Pressure = &cgroup.Trigger{Full: pressure.Full, Stall: time.Duration(pressure.Stall), Window: time.Duration(pressure.Window)}
	}
	last := map[cgroup.EventKind]time.Time{} // of the goroutine of all events
	want.Events = func(e cgroup.Event) {
		switch {
		case e.Kind == cgroup.Emptied:
			s.Trees.Reaped()
			return
		case e.Kind == cgroup.OOMKilled:
			p.kills.happened(e.Count, p.group, told.Alarm)
			return
		case time.Since(last[e.Kind]) < alarmPause || told.Alarm == nil:
			return
		}
		last[e.Kind] = time.Now()
		told.Alarm(alarm(e, w.App))
	}
	if err := p.group.Watch(want); err != nil {
		return s.cannot(w.App, "watch the memory of "+w.App.Name, err)
	}
	return nil
}

func alarm(e cgroup.Event, a *spec.App) supervise.Alarm {
	switch e.Kind {
	case cgroup.MemoryReached:
		return supervise.Alarm{Kind: supervise.AlarmMemory, Detail: fmt.Sprintf("%v are in use, and recycle.memory is %v", spec.Size(e.Bytes&^(1<<20-1)), a.Recycle.Memory)}
	case cgroup.PressureReached:
		return supervise.Alarm{Kind: supervise.AlarmPressure, Detail: "it waits for memory, " + a.Recycle.Pressure.String()}
	}
	detail := "1 fork was refused"
	if e.Count != 1 {
		detail = fmt.Sprintf("%d forks were refused", e.Count)
	}
	if a.Resources.Pids > 0 {
		detail += fmt.Sprintf(": the limit is %d processes and threads", a.Resources.Pids)
	}
	return supervise.Alarm{Kind: supervise.AlarmPidsRefused, Detail: detail}
}

// kills keeps apart who was killed for want of memory: the main process, which is an exit's to tell, or another.
type kills struct {
	mu     sync.Mutex
	seen   uint64 // those that the main process has survived
	asked9 bool   // we have sent SIGKILL ourselves
	main   bool   // the main process was
	over   bool
}

// outlived is how long a process that was killed for want of memory may take to be gone.
const outlived = 2 * time.Second

// asked notes that a SIGKILL is ours.
func (k *kills) asked(sig unix.Signal) {
	if sig == unix.SIGKILL {
		k.mu.Lock()
		k.asked9 = true
		k.mu.Unlock()
	}
}

// happened is an event: some processes of the group were killed. The main process's exit, if it is one of them, comes about
// now; so whether it was is known a moment later.
func (k *kills) happened(count uint64, g *cgroup.Group, tell func(supervise.Alarm)) {
	total := g.OOMKills()
	time.AfterFunc(alarmPause, func() {
		k.mu.Lock()
		others := count
		if k.main {
			others--
		}
		k.mu.Unlock()
		if others > 0 && tell != nil {
			tell(supervise.Alarm{Kind: supervise.AlarmOOMKilled, Detail: fmt.Sprintf("processes of it that were killed for want of memory: %d", others)})
		}
	})
	time.AfterFunc(outlived, func() {
		k.mu.Lock()
		if !k.over {
			k.seen = max(k.seen, total)
		}
		k.mu.Unlock()
	})
}

// oomKilled reports whether the main process's end was the kernel's doing, for want of memory.
func (p *process) oomKilled(s reaper.Status) bool {
	if p.group == nil {
		return false
	}
	k := &p.kills
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.main = s.Signal() == unix.SIGKILL && !k.asked9 && p.group.OOMKills() > k.seen
	return k.main
}
