package supervise

import (
	"slices"
	"time"

	"goinit/supervise/app"
	"goinit/supervise/tree"
)

// Run is a run of a job, as it is remembered.
type Run struct {
	Worker     string     `json:"worker"`
	Generation int        `json:"generation"`
	StartedAt  time.Time  `json:"started_at"`
	EndedAt    *time.Time `json:"ended_at"` // null: it is not over
	Exit       *LastExit  `json:"exit"`     // null: it is not over
}

// Runs are the last runs of a job, as many as schedule.history says, the newest last. They are shared: not to be changed.
func (s *Supervisor) Runs(app string) []Run {
	if o := s.owner(app); o != nil {
		if runs := o.history.Load(); runs != nil {
			return *runs
		}
	}
	return nil
}

// remember keeps what the machine tells of a job's runs. Whoever has the list that was before keeps it.
func (o *owner) remember(e app.Emit, at time.Time) {
	job := o.spec.Load().Schedule
	if job == nil || job.History == 0 || e.Slot == app.AllSlots {
		return
	}
	worker := tree.Worker(o.name, e.Slot)
	var runs []Run
	if old := o.history.Load(); old != nil {
		runs = slices.Clone(*old)
	}
	i := slices.IndexFunc(runs, func(r Run) bool { return r.Worker == worker && r.Generation == e.Generation })
	switch e.Type {
	case "worker.started", "worker.start-failed":
		if i < 0 {
			runs = append(runs, Run{Worker: worker, Generation: e.Generation, StartedAt: at})
			i = len(runs) - 1
		}
	case "worker.exited":
	default:
		return
	}
	if i >= 0 && e.Exit != nil {
		runs[i].EndedAt, runs[i].Exit = &at, lastExit(*e.Exit, at)
	}
	runs = slices.Clone(runs[max(0, len(runs)-job.History):])
	o.history.Store(&runs)
}
