package reaper

import (
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Process is a child that Start started.
type Process struct {
	pid    int
	reaper *Reaper
	notify func(Event)
	done   chan struct{}
	status Status // written before done is closed

	// Guarded by reaper.mu:
	pidfd     int           // -1: the kernel gave none, or the process is gone
	exited    bool          // reaped: the pid is no longer ours
	failed    bool          // its start failed: nobody is told of its end
	published *atomic.Int32 // the pid as the kernel writes it at the fork; nil once Start knows it
	early     []Event       // what happened while published was not nil
}

// Kind is what happened to a process.
type Kind int

const (
	// Exited comes once, last.
	Exited Kind = iota
	// Stopped is no death: by job control or SIGSTOP.
	Stopped
	// Continued follows a Stopped.
	Continued
)

// Event is a change of state as wait4(2) reports it.
type Event struct {
	Kind   Kind
	Status Status      // of an Exited
	Signal unix.Signal // what stopped it
}

// Status is how a process ended and what it used.
type Status struct {
	wait     unix.WaitStatus
	User     time.Duration // CPU time, with its reaped children
	System   time.Duration
	MaxRSSKB int64 // the largest resident set among it and its reaped children, in KiB
}

// Code is the status as a shell gives it: the exit code, or 128+N for death by signal N.
func (s Status) Code() int {
	if sig := s.Signal(); sig != 0 {
		return 128 + int(sig)
	}
	return s.wait.ExitStatus()
}

// Signal is what killed it, 0 if it exited.
func (s Status) Signal() unix.Signal {
	if !s.wait.Signaled() {
		return 0
	}
	return unix.Signal(s.wait & 0x7f)
}

// CoreDumped reports whether the kernel wrote a core of it.
func (s Status) CoreDumped() bool { return s.wait.CoreDump() }

func newEvent(ws unix.WaitStatus, u *unix.Rusage) Event {
	switch {
	case ws.Stopped():
		return Event{Kind: Stopped, Signal: ws.StopSignal()}
	case ws.Continued():
		return Event{Kind: Continued}
	}
	return Event{Kind: Exited, Status: Status{
		wait: ws, User: time.Duration(u.Utime.Nano()), System: time.Duration(u.Stime.Nano()), MaxRSSKB: u.Maxrss,
	}}
}

// tell runs under reaper.mu, so that no event overtakes another.
func (p *Process) tell(e Event) {
	if p.failed {
		return
	}
	if e.Kind == Exited {
		p.status = e.Status
		close(p.done)
	}
	if p.notify != nil {
		p.notify(e)
	}
}

// PID is the process id in our namespace; after the exit it may be another's.
func (p *Process) PID() int { return p.pid }

// Done is closed when the process has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status is how it ended; valid once Done is closed.
func (p *Process) Status() Status { return p.status }

// Signal sends sig to the process. Once it has been reaped the answer is ESRCH, and nothing is sent: the pid may be
// another's by then.
func (p *Process) Signal(sig unix.Signal) error { return p.send(sig, nil) }

// Queue sends sig with a value, as sigqueue(3) does.
func (p *Process) Queue(sig unix.Signal, value uint64) error {
	return p.send(sig, &siginfo{signo: int32(sig), code: siQueue, pid: int32(unix.Getpid()), uid: uint32(unix.Getuid()), value: value})
}

// SignalGroup sends sig to the process group that the process leads (Command.Group or Session); ESRCH once it has been
// reaped.
func (p *Process) SignalGroup(sig unix.Signal) error {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	if p.exited {
		return unix.ESRCH
	}
	return unix.Kill(-p.pid, sig)
}

// siginfo is siginfo_t as sigqueue fills it (asm-generic/siginfo.h, 64 bit): 128 bytes.
type siginfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	value                 uint64
	_                     [96]byte
}

const siQueue = -1 // SI_QUEUE

func (p *Process) send(sig unix.Signal, info *siginfo) error {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	if p.exited {
		return unix.ESRCH
	}
	// Until Reap has taken it, which needs the lock, the pid is a zombie's at worst: kill is as exact as the pidfd.
	if p.pidfd >= 0 {
		_, _, e := unix.RawSyscall6(unix.SYS_PIDFD_SEND_SIGNAL, uintptr(p.pidfd), uintptr(sig), uintptr(unsafe.Pointer(info)), 0, 0, 0)
		if e == 0 {
			return nil
		}
		if e != unix.ENOSYS && e != unix.EPERM { // an older seccomp profile answers either
			return e
		}
	}
	if info == nil {
		return unix.Kill(p.pid, sig)
	}
	if _, _, e := unix.RawSyscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(p.pid), uintptr(sig), uintptr(unsafe.Pointer(info))); e != 0 {
		return e
	}
	return nil
}
