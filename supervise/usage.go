package supervise

import (
	"errors"
	"time"

	"goinit/spec"
)

// Usage is what a worker, or all workers of an app, use now and have used. What a source does not know is zero; Source
// says which source it was.
type Usage struct {
	Source string // FromCgroup, FromProc
	Cgroup string // the group's path as /proc/PID/cgroup has it; empty without one

	CPU, User, System time.Duration // since its start; of FromProc: of what lives, and of the children it has waited for
	Throttled         time.Duration // kept from running by its limit of CPU
	ThrottledPeriods  uint64

	Memory, MemoryPeak, MemoryLimit uint64 // bytes; no limit: 0. FromProc: resident, what is shared counted in each process
	Anon, File, Swap, Kernel        uint64 // bytes; of Memory, but for Swap
	Pids, PidsLimit                 uint64 // tasks, as the kernel counts them: threads too; no limit: 0
	IORead, IOWritten               uint64 // bytes, of block devices

	CPUPressure, MemoryPressure, IOPressure Pressure

	OOMKills    uint64 // processes that the kernel has killed for want of memory
	PidsRefused uint64 // forks that the limit of pids has refused
}

// Where a Usage comes from.
const (
	FromCgroup = "cgroup"
	FromProc   = "proc"
)

// Pressure is the share of the last ten seconds in which some (or all: Full) tasks waited, in percent (the kernel's
// Documentation/accounting/psi.rst). Known is false where the kernel does not count it.
type Pressure struct {
	Known      bool
	Some, Full float64
	Total      time.Duration // of Some, ever
}

// Groups is what a Starter also is that can limit and count all workers of an app together. Each says why where there are
// no groups. None may be called by an app's owner but Forget: they write and read files.
type Groups interface {
	// Update sets the limits of a running app and its workers to those of its spec, also back to none. Workers that start
	// later have those of the spec that they are started with.
	Update(app *spec.App) error
	// AppUsage is what all workers of the app use, those included that have gone if their group counts them.
	AppUsage(app string) (Usage, error)
	// Forget says that the app is removed, and its group is not needed any more. It must not block.
	Forget(app string)
}

// ErrNoGroups is why a Groups does nothing: there are no cgroups that goinit may use. Errors that wrap it say why, and
// what would help.
var ErrNoGroups = errors.New("there are no cgroups")

// ErrNoProcess is why there is nothing to read.
var ErrNoProcess = errors.New("there is no process")

// Usage is what a slot's worker uses. It reads files, in the caller's goroutine.
func (s *Supervisor) Usage(app string, slot int) (Usage, error) {
	return s.use(app, slot, Process.Usage)
}

// Brief is of Usage what costs least.
func (s *Supervisor) Brief(app string, slot int) (Usage, error) {
	return s.use(app, slot, Process.Brief)
}

func (s *Supervisor) use(app string, slot int, read func(Process) (Usage, error)) (Usage, error) {
	if o := s.owner(app); o != nil {
		if w := workerIn(*o.snapshot.Load(), slot); w != nil && w.process != nil {
			return read(w.process)
		}
	}
	return Usage{}, ErrNoProcess
}

// workerIn finds a slot. They are in order, so most often it is at its own number: whoever asks for all of them does not look
// through all of them each time.
func workerIn(workers []*Worker, slot int) *Worker {
	if slot >= 0 && slot < len(workers) && workers[slot].Slot != nil && *workers[slot].Slot == slot {
		return workers[slot]
	}
	for _, w := range workers {
		if w.Slot != nil && *w.Slot == slot {
			return w
		}
	}
	return nil
}

// AppUsage is what all workers of an app use: by its group, or, where there is none, those that run now added up.
func (s *Supervisor) AppUsage(app string) (Usage, error) {
	if groups, ok := s.config.Starter.(Groups); ok {
		if u, err := groups.AppUsage(app); !errors.Is(err, ErrNoGroups) {
			return u, err
		}
	}
	o := s.owner(app)
	if o == nil {
		return Usage{}, ErrNoProcess
	}
	var all Usage
	for _, w := range *o.snapshot.Load() {
		if w.process == nil {
			continue
		}
		if u, err := w.process.Usage(); err == nil {
			all.Source = u.Source
			all.CPU, all.User, all.System = all.CPU+u.CPU, all.User+u.User, all.System+u.System
			all.Memory, all.Pids = all.Memory+u.Memory, all.Pids+u.Pids
		}
	}
	if all.Source == "" {
		return all, ErrNoProcess
	}
	return all, nil
}
