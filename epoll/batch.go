package epoll

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is the scheduling policy of a thread that works for others: as SCHED_BATCH (sched(7)) it runs at once where a
// processor is free, has its share of those that are not, and takes none from who was running when it was woken. So what it
// is woken for gathers while all are busy, and is done at one go. The policy is the thread's, which new threads and processes
// inherit: so nothing else runs on that one meanwhile, and the runtime makes neither from a thread that is locked.
type batch struct{ on bool }

func (p *batch) begin() {
	if p.on {
		return
	}
	runtime.LockOSThread()
	if policy, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0); errno != 0 || policy != unix.SCHED_NORMAL ||
		schedule(unix.SCHED_BATCH) != 0 { // somebody has chosen another for us, or lets nobody choose
		runtime.UnlockOSThread()
		return
	}
	p.on = true
}

func (p *batch) end() {
	if !p.on {
		return
	}
	p.on = false
	if schedule(unix.SCHED_NORMAL) == 0 { // else nobody else is to have that thread
		runtime.UnlockOSThread()
	}
}

// schedule is sched_setscheduler(2) for this thread; the nice value stays.
func schedule(policy uintptr) unix.Errno {
	var priority int32 // which these policies have not
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, policy, uintptr(unsafe.Pointer(&priority)))
	return errno
}
