package pid1

import (
	"sync"

	"golang.org/x/sys/unix"
)

// laterPID is a process that can be signalled once it is known who it is: what came before is sent then.
type laterPID struct {
	mu   sync.Mutex
	pid  int
	owed []unix.Signal
}

func (p *laterPID) set(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
	for _, sig := range p.owed {
		_ = unix.Kill(pid, sig)
	}
	p.owed = nil
}

func (p *laterPID) signal(sig unix.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		p.owed = append(p.owed, sig)
		return
	}
	_ = unix.Kill(p.pid, sig)
}
