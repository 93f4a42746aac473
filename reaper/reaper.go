// Package reaper is the one place of goinit that forks and the one place that waits.
//
// Two waiters in one process steal statuses from one another, and a Go program has waiters that it does not see:
// os/exec waits for its own children, and even syscall.ForkExec waits for a child whose exec failed. A process that
// also waits for orphans (PID 1, a subreaper) therefore loses every tenth status of its own children. So this package
// has a fork of its own, and one loop around wait4(-1).
//
// The invariant: every process that Start returned has its exit delivered exactly once, to its own Command.Notify and
// to its own Process, however early it dies; a status that belongs to nobody is an orphan's, and is counted.
//
// A Reaper owns all children of the process: there is one, and nothing beside it may call wait. It starts no goroutine
// and handles no signal: whoever reads SIGCHLD calls Reap. It is safe for concurrent use.
//
// Nothing here knows what an app is, or that it runs as PID 1; it works as PID 1, as a child subreaper
// (PR_SET_CHILD_SUBREAPER) and as neither, and says which.
package reaper

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Role is what makes orphans ours.
type Role int

const (
	// PID1 is the init of its PID namespace: every orphan in it is re-parented to us, and the kernel kills what is
	// left when we exit (pid_namespaces(7)).
	PID1 Role = iota
	// Subreaper gets the orphans among its own descendants.
	Subreaper
	// Neither gets no orphans: prctl(PR_SET_CHILD_SUBREAPER) was refused.
	Neither
)

func (r Role) String() string {
	return [...]string{"PID 1", "child subreaper", "neither PID 1 nor a child subreaper"}[r]
}

// Reaper starts children and waits for them. The zero value is not usable: see New.
type Reaper struct {
	role    Role
	orphan  func(pid int, s Status)
	orphans atomic.Uint64

	waiting  waitLock // see fork_native.go and fork_forkexec.go
	mu       sync.Mutex
	children map[int]*Process
	starting []*Process // between fork and the parent's return from it: the pid is published, but not yet in children
}

// New makes the process a child subreaper unless it is PID 1. orphan, if not nil, is called by Reap for every reaped
// process that Start did not start; it must not block.
func New(orphan func(pid int, s Status)) *Reaper {
	r := &Reaper{orphan: orphan, children: make(map[int]*Process)}
	switch {
	case os.Getpid() == 1:
		r.role = PID1
	case unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil:
		r.role = Subreaper
	default:
		r.role = Neither
	}
	return r
}

// Role says how orphans come to us, if they do.
func (r *Reaper) Role() Role { return r.role }

// Orphans is how many processes were reaped that Start did not start.
func (r *Reaper) Orphans() uint64 { return r.orphans.Load() }

// Start starts a child. When it returns, the child has executed its program, with everything that the Command asks for
// set before: there is no moment at which it runs as somebody or somewhere else. A failure is a *StartError; the child
// of a failed start is reaped as any other but told to nobody.
//
// The calling thread is suspended from the fork to the exec (vfork(2)), as it is by syscall.ForkExec.
func (r *Reaper) Start(c *Command) (*Process, error) {
	p := &Process{reaper: r, notify: c.Notify, pidfd: -1, done: make(chan struct{})}
	f, err := newFork(c)
	if err != nil {
		return nil, err
	}
	p.published = &f.pid
	r.mu.Lock()
	r.starting = append(r.starting, p)
	r.mu.Unlock()

	pid, pidfd, startErr := r.fork(f)

	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.starting, p)
	r.starting = slices.Delete(r.starting, i, i+1)
	p.published = nil
	if pid > 0 && startErr != nil {
		p.notify, p.failed = nil, true
	}
	if pid > 0 && !p.exited {
		p.pid = pid
		r.children[pid] = p
		p.pidfd = pidfd
	} else if pidfd >= 0 {
		unix.Close(pidfd)
	}
	if startErr != nil {
		return nil, startErr
	}
	p.pid = pid
	if p.early != nil { // it died, or stopped, before we knew: now its owner can be told
		early := p.early
		p.early = nil
		for _, e := range early {
			p.tell(e)
		}
	}
	return p, nil
}

// Reap waits for everything that has changed state and delivers it; it never blocks. To be called after every SIGCHLD,
// which the kernel merges: one may stand for many children. It reports whether a child, our own or adopted, is left.
func (r *Reaper) Reap() (childrenLeft bool) {
	for {
		var status int32
		var usage unix.Rusage
		r.waiting.Lock()
		n := wait4(&status, &usage)
		r.waiting.Unlock()
		switch {
		case n == -int(unix.EINTR):
		case n < 0: // ECHILD
			return false
		case n == 0:
			return true
		default:
			r.deliver(n, newEvent(unix.WaitStatus(status), &usage))
		}
	}
}

// wait4 is wait4(2) for whatever has changed state, now. It returns a pid, 0 or the negative errno. The call never
// sleeps, so the scheduler is not told of it: that costs a third more, and under load a change of threads.
func wait4(status *int32, usage *unix.Rusage) int {
	const flags = unix.WNOHANG | unix.WUNTRACED | unix.WCONTINUED | unix.WALL
	pid, _, e := unix.RawSyscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(status)), flags, uintptr(unsafe.Pointer(usage)), 0, 0)
	if e != 0 {
		return -int(e)
	}
	return int(pid)
}

// deliver finds whose status it is. The zombie is gone by now, so its pid may be another's at any moment: but only a
// fork of ours makes a child of ours, and Start publishes a new pid before the child can run.
func (r *Reaper) deliver(pid int, e Event) {
	r.mu.Lock()
	p := r.children[pid]
	if p == nil {
		for _, s := range r.starting {
			if s.published != nil && int(s.published.Load()) == pid && !s.exited {
				p = s
			}
		}
	}
	if p == nil {
		r.mu.Unlock()
		if e.Kind == Exited {
			r.orphans.Add(1)
			if r.orphan != nil {
				r.orphan(pid, e.Status)
			}
		}
		return
	}
	defer r.mu.Unlock()
	if e.Kind == Exited {
		delete(r.children, pid)
		p.exited = true
		if p.pidfd >= 0 {
			unix.Close(p.pidfd)
			p.pidfd = -1
		}
	}
	if p.published != nil {
		p.early = append(p.early, e)
		return
	}
	p.tell(e)
}
