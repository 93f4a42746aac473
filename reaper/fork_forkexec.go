//go:build forkexec || !linux || !(amd64 || arm64)

package reaper

import (
	"errors"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NativeFork reports whether this build forks by itself: this one does not (see ErrForkExec).
const NativeFork = false

// ErrForkExec is what a Start is refused with that asks for what syscall.ForkExec cannot set.
var ErrForkExec = errors.New("this goinit was built with the tag forkexec: it cannot set cgroups, capabilities, priorities, " +
	"umask, no_new_privs, LISTEN_PID, a signal mask or closed descriptors between fork and exec")

// waitLock keeps Reap from waiting while a ForkExec is under way: that waits for a child whose exec failed, and what it
// forked has no published pid.
type waitLock = sync.Mutex

func (r *Reaper) fork(f *fork) (pid, pidfd int, err error) {
	c := f.command
	if c.Cgroups != nil || c.Capabilities != nil || c.Nice != nil || c.IOPriority != nil || c.OOMScoreAdj != nil ||
		c.Umask != nil || c.NoNewPrivileges || f.listenPID != nil || len(c.CloseFiles) > 0 || c.SignalMask != 0 {
		return 0, -1, ErrForkExec
	}
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{
		Setsid: c.Session, Setpgid: c.Group && !c.Session,
	}}
	if c.Files != nil {
		attr.Files = nil
		for _, fd := range c.Files {
			attr.Files = append(attr.Files, uintptr(fd))
		}
	}
	if t := c.Terminal; t != nil {
		attr.Sys.Setctty, attr.Sys.Foreground, attr.Sys.Ctty = t.Control, t.Foreground, t.FD
	}
	if cred := c.Credential; cred != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: cred.UID, Gid: cred.GID, Groups: cred.Groups, NoSetGroups: cred.Groups == nil}
	}
	r.waiting.Lock()
	defer r.waiting.Unlock()
	for i, b := range f.candidates {
		path := string(b[:len(b)-1])
		pid, err = syscall.ForkExec(path, c.Argv, attr)
		if errors.Is(err, unix.ENOEXEC) {
			pid, err = syscall.ForkExec("/bin/sh", slices.Concat([]string{"/bin/sh", path}, c.Argv[1:]), attr)
		}
		var e unix.Errno
		if err != nil && !errors.As(err, &e) {
			return 0, -1, err
		}
		if e == unix.EAGAIN || e == unix.ENOMEM { // whether of the fork or of the exec, ForkExec does not say
			return 0, -1, &StartError{Step: stepFork.String(), Errno: e}
		}
		if f.errno != unix.EACCES || !notFound(e) { // what was denied outweighs what is not there
			f.step, f.failed, f.errno = stepExec, i, e
		}
		if err == nil || !notFound(e) && e != unix.EACCES {
			break
		}
	}
	if pid <= 0 || err != nil {
		return 0, -1, f.err()
	}
	for i := range c.Limits { // late: the program may have looked already
		l := &c.Limits[i]
		if _, _, e := unix.RawSyscall6(unix.SYS_PRLIMIT64, uintptr(pid), uintptr(l.Resource), uintptr(unsafe.Pointer(&l.Soft)), 0, 0, 0); e != 0 && e != unix.ESRCH {
			unix.Kill(pid, unix.SIGKILL)
			f.pid.Store(int32(pid))
			return pid, -1, &StartError{Step: stepLimit.String(), Limit: l, Errno: e}
		}
	}
	f.pid.Store(int32(pid))
	return pid, -1, nil
}
