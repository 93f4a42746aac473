package launch

import (
	"goinit/supervise"
)

// procUsage measures a worker's tree where there are no cgroups: through /proc.
func (p *process) procUsage() (supervise.Usage, error) {
	u, err := p.tree.Usage()
	if err != nil {
		return supervise.Usage{}, err
	}
	return supervise.Usage{Source: supervise.FromProc, CPU: u.User + u.System, User: u.User, System: u.System,
		Memory: u.Resident, Pids: uint64(u.Tasks)}, nil
}
