package launch

import (
	"fmt"

	"goinit/spec"
	"goinit/supervise"
)

// What a worker's tree is suspended by and measured with where there are no cgroups: signals, and /proc.

func (p *process) Freeze() error { return p.tree.Freeze() }

func (p *process) Thaw() error {
	p.tree.Thaw()
	return nil
}

func (p *process) Usage() (supervise.Usage, error) {
	u, err := p.tree.Usage()
	if err != nil {
		return supervise.Usage{}, err
	}
	return supervise.Usage{Source: supervise.FromProc, CPU: u.User + u.System, User: u.User, System: u.System,
		Memory: u.Resident, Pids: uint64(u.Tasks)}, nil
}

// Update makes the Starter a supervise.Groups: one that has none.
func (s *Starter) Update(*spec.App) error {
	return fmt.Errorf("%w: limits cannot be changed", supervise.ErrNoGroups)
}

// AppUsage has nothing to read: see Process.Usage, worker by worker.
func (s *Starter) AppUsage(string) (supervise.Usage, error) {
	return supervise.Usage{}, supervise.ErrNoGroups
}

// Forget has nothing to forget.
func (s *Starter) Forget(string) {}
