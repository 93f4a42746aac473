//go:build !forkexec && linux && (amd64 || arm64)

package reaper

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is in this file runs in the child, in the parent's memory, while the parent's thread is suspended. It may not
// allocate, not grow the stack, not take a lock, and not write to anything but the child's own fork: raw system calls
// and nothing else. The rest of the parent is running: the reaper may already have waited for us.

var (
	childZero    = []byte{'0'}
	childScore   = []byte("/proc/self/oom_score_adj\x00")
	childAllMask = ^uint64(0)
)

const (
	ioprioWhoProcess = 1          // IOPRIO_WHO_PROCESS
	capVersion3      = 0x20080522 // _LINUX_CAPABILITY_VERSION_3
)

//go:nosplit
//go:norace
//go:nocheckptr
func inChild(f *fork) {
	afterForkInChild() // default dispositions, the thread's mask
	// Nothing may stop or kill us halfway: a tcsetpgrp from the background asks for SIGTTOU.
	raw(unix.SYS_RT_SIGPROCMASK, 2, addr(&childAllMask), 0, 8)
	if enterCgroups(f) && enterGroup(f) && takeTerminal(f) && setPriorities(f) && setLimits(f) && setIdentity(f) &&
		setContext(f) && setFiles(f) {
		execute(f)
	}
	status := uintptr(126) // in case our memory is not the parent's after all, as under an emulator
	if f.step == stepExec && notFound(f.errno) {
		status = 127
	}
	for {
		raw(unix.SYS_EXIT_GROUP, status, 0, 0, 0)
	}
}

//go:nosplit
//go:norace
func raw(nr, a, b, c, d uintptr) (uintptr, unix.Errno) {
	v, _, e := unix.RawSyscall6(nr, a, b, c, d, 0, 0)
	return v, e
}

//go:nosplit
//go:norace
func addr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// ok notes the failure of a step.
//
//go:nosplit
//go:norace
func (f *fork) ok(s step, i int, e unix.Errno) bool {
	if e == 0 {
		return true
	}
	f.step, f.failed, f.errno = s, i, e
	return false
}

//go:nosplit
//go:norace
func enterCgroups(f *fork) bool {
	for i := 0; i < len(f.command.Cgroups); i++ {
		_, e := raw(unix.SYS_WRITE, uintptr(f.command.Cgroups[i]), addr(&childZero[0]), 1, 0)
		if !f.ok(stepCgroup, i, e) {
			return false
		}
	}
	return true
}

//go:nosplit
//go:norace
func enterGroup(f *fork) bool {
	var e unix.Errno
	if f.command.Session {
		_, e = raw(unix.SYS_SETSID, 0, 0, 0, 0)
		return f.ok(stepSession, 0, e)
	}
	if f.command.Group {
		_, e = raw(unix.SYS_SETPGID, 0, 0, 0, 0)
	}
	return f.ok(stepGroup, 0, e)
}

//go:nosplit
//go:norace
func takeTerminal(f *fork) bool {
	t := f.command.Terminal
	if t == nil {
		return true
	}
	if t.Control {
		if _, e := raw(unix.SYS_IOCTL, uintptr(t.FD), unix.TIOCSCTTY, 0, 0); !f.ok(stepControllingTerminal, 0, e) {
			return false
		}
	}
	if t.Foreground {
		pgrp, _ := raw(unix.SYS_GETPID, 0, 0, 0, 0)
		p := int32(pgrp)
		if _, e := raw(unix.SYS_IOCTL, uintptr(t.FD), unix.TIOCSPGRP, addr(&p), 0); !f.ok(stepForeground, 0, e) {
			return false
		}
	}
	return true
}

//go:nosplit
//go:norace
func setPriorities(f *fork) bool {
	c := f.command
	var e unix.Errno
	if c.Nice != nil {
		if _, e = raw(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(*c.Nice), 0); !f.ok(stepNice, 0, e) {
			return false
		}
	}
	if c.IOPriority != nil {
		if _, e = raw(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, uintptr(*c.IOPriority), 0); !f.ok(stepIOPriority, 0, e) {
			return false
		}
	}
	if c.OOMScoreAdj != nil {
		return setOOMScore(f, *c.OOMScoreAdj)
	}
	return true
}

//go:nosplit
//go:norace
func setOOMScore(f *fork, score int) bool {
	var text [8]byte
	i := len(text)
	n := score
	if n < 0 {
		n = -n
	}
	for ; n > 0 || i == len(text); n /= 10 {
		i--
		text[i] = byte('0' + n%10)
	}
	if score < 0 {
		i--
		text[i] = '-'
	}
	at := unix.AT_FDCWD
	fd, e := raw(unix.SYS_OPENAT, uintptr(at), addr(&childScore[0]), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if e == 0 {
		_, e = raw(unix.SYS_WRITE, fd, addr(&text[i]), uintptr(len(text)-i), 0)
		raw(unix.SYS_CLOSE, fd, 0, 0, 0)
	}
	return f.ok(stepOOMScoreAdj, 0, e)
}

//go:nosplit
//go:norace
func setLimits(f *fork) bool {
	for i := 0; i < len(f.command.Limits); i++ {
		l := &f.command.Limits[i]
		_, e := raw(unix.SYS_PRLIMIT64, 0, uintptr(l.Resource), addr(&l.Soft), 0)
		if !f.ok(stepLimit, i, e) {
			return false
		}
	}
	return true
}

//go:nosplit
//go:norace
func setIdentity(f *fork) bool {
	c := f.command
	for i := 0; i < len(f.bounding); i++ {
		if _, e := raw(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, f.bounding[i], 0, 0); !f.ok(stepBounding, i, e) {
			return false
		}
	}
	var e unix.Errno
	if c.Credential != nil {
		if c.Capabilities != nil {
			if _, e = raw(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0); !f.ok(stepKeepCapabilities, 0, e) {
				return false
			}
		}
		if f.groups != nil {
			if _, e = raw(unix.SYS_SETGROUPS, uintptr(len(f.groups)-1), addr(&f.groups[0]), 0, 0); !f.ok(stepGroups, 0, e) {
				return false
			}
		}
		if _, e = raw(unix.SYS_SETGID, uintptr(c.Credential.GID), 0, 0, 0); !f.ok(stepGID, 0, e) {
			return false
		}
		if _, e = raw(unix.SYS_SETUID, uintptr(c.Credential.UID), 0, 0, 0); !f.ok(stepUID, 0, e) {
			return false
		}
	}
	return c.Capabilities == nil || setCapabilities(f, c.Capabilities)
}

//go:nosplit
//go:norace
func setCapabilities(f *fork, caps *Capabilities) bool {
	header := [2]uint32{capVersion3, 0}
	data := [6]uint32{ // effective, permitted, inheritable: the lower half, then the upper
		uint32(caps.Permitted), uint32(caps.Permitted), uint32(caps.Inheritable),
		uint32(caps.Permitted >> 32), uint32(caps.Permitted >> 32), uint32(caps.Inheritable >> 32),
	}
	_, e := raw(unix.SYS_CAPSET, addr(&header), addr(&data), 0, 0)
	if !f.ok(stepCapabilities, 0, e) {
		return false
	}
	raw(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0)
	for n := 0; n < 64; n++ {
		if caps.Ambient>>n&1 != 0 {
			if _, e = raw(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(n), 0); !f.ok(stepAmbient, n, e) {
				return false
			}
		}
	}
	return true
}

//go:nosplit
//go:norace
func setContext(f *fork) bool {
	c := f.command
	if c.Umask != nil {
		raw(unix.SYS_UMASK, uintptr(*c.Umask), 0, 0, 0)
	}
	if f.dir != nil {
		if _, e := raw(unix.SYS_CHDIR, addr(f.dir), 0, 0, 0); !f.ok(stepDir, 0, e) {
			return false
		}
	}
	if c.NoNewPrivileges {
		if _, e := raw(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0); !f.ok(stepNoNewPrivileges, 0, e) {
			return false
		}
	}
	return true
}

// setFiles puts files[i] at i. What stands in the way of another is first moved out of it.
//
//go:nosplit
//go:norace
func setFiles(f *fork) bool {
	for i := 0; i < len(f.command.CloseFiles); i++ {
		raw(unix.SYS_CLOSE, uintptr(f.command.CloseFiles[i]), 0, 0, 0)
	}
	if f.files == nil {
		return true
	}
	for i := 0; i < len(f.files); i++ {
		if fd := f.files[i]; fd >= 0 && int(fd) < len(f.files) && int(fd) != i {
			moved, e := raw(unix.SYS_FCNTL, uintptr(fd), unix.F_DUPFD_CLOEXEC, uintptr(f.lowest), 0)
			if !f.ok(stepFiles, i, e) {
				return false
			}
			f.files[i] = int32(moved)
		}
	}
	for i := 0; i < len(f.files); i++ {
		var e unix.Errno
		switch fd := f.files[i]; {
		case fd < 0:
			raw(unix.SYS_CLOSE, uintptr(i), 0, 0, 0)
		case int(fd) == i:
			_, e = raw(unix.SYS_FCNTL, uintptr(i), unix.F_SETFD, 0, 0)
		default:
			_, e = raw(unix.SYS_DUP3, uintptr(fd), uintptr(i), 0, 0)
		}
		if !f.ok(stepFiles, i, e) {
			return false
		}
	}
	if _, e := raw(unix.SYS_CLOSE_RANGE, uintptr(len(f.files)), 1<<32-1, 0, 0); e != 0 { // Linux 5.9
		for fd := uintptr(len(f.files)); fd < 1<<16; fd++ {
			raw(unix.SYS_CLOSE, fd, 0, 0, 0)
		}
	}
	return true
}

// execute follows execvp(3), which says which failures end the search.
//
//go:nosplit
//go:norace
func execute(f *fork) {
	if f.listenPID != nil {
		writePID(f.listenPID[len("LISTEN_PID="):])
	}
	raw(unix.SYS_RT_SIGPROCMASK, 2, addr(&f.command.SignalMask), 0, 8)
	denied := -1
	last, e := 0, unix.ENOENT
	for i := 0; i < len(f.candidates); i++ {
		path := addr(&f.candidates[i][0])
		last = i
		_, e = raw(unix.SYS_EXECVE, path, addr(&f.argv[0]), addr(&f.envp[0]), 0)
		if e == unix.ENOEXEC {
			if isBinary(f, path) {
				break
			}
			f.shell[1] = path
			_, e = raw(unix.SYS_EXECVE, addr(shellPath), addr(&f.shell[0]), addr(&f.envp[0]), 0)
			if e == unix.ENOENT {
				e = unix.ENOEXEC // the text is there, the shell is not
			}
			break
		}
		if e == unix.EACCES {
			if denied < 0 {
				denied = i
			}
		} else if !notFound(e) && e != unix.ESTALE && e != unix.ENODEV && e != unix.ETIMEDOUT {
			break
		}
	}
	if denied >= 0 && notFound(e) {
		last, e = denied, unix.EACCES
	}
	f.ok(stepExec, last, e)
}

// isBinary reports whether a file that the kernel does not know is no text for a shell: it has a NUL byte in what would
// be its first line. A program for another machine is one, and deserves a better end than "ELF: not found".
//
//go:nosplit
//go:norace
func isBinary(f *fork, path uintptr) bool {
	at := unix.AT_FDCWD
	fd, e := raw(unix.SYS_OPENAT, uintptr(at), path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if e != 0 {
		return false
	}
	n, e := raw(unix.SYS_READ, fd, addr(&f.head[0]), uintptr(len(f.head)), 0)
	raw(unix.SYS_CLOSE, fd, 0, 0, 0)
	if e != 0 {
		return false
	}
	for i := uintptr(0); i < n; i++ {
		switch f.head[i] {
		case 0:
			return true
		case '\n':
			return false
		}
	}
	return false
}

//go:nosplit
//go:norace
func writePID(text []byte) {
	pid, _ := raw(unix.SYS_GETPID, 0, 0, 0, 0)
	digits := 1
	for n := pid; n >= 10; n /= 10 {
		digits++
	}
	text[digits] = 0
	for i := digits - 1; i >= 0; i-- {
		text[i] = byte('0' + pid%10)
		pid /= 10
	}
}
