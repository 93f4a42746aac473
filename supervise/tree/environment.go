package tree

import (
	"bytes"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openEnvironment opens /proc/PID/environ. The kernel lets those read it who could ptrace: the same uids and gids, or
// CAP_SYS_PTRACE, which Docker's root has not. Root can take on any filesystem uid and gid, and it is those that count
// (ptrace(2), PTRACE_MODE_READ_FSCREDS). The look counts once, at the open.
func openEnvironment(pid int) int {
	path := "/proc/" + strconv.Itoa(pid) + "/environ"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		return fd
	}
	if err != unix.EACCES && err != unix.EPERM {
		return -1
	}
	uid, gid, ok := owner(pid)
	if !ok {
		return -1
	}
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return -1
	}
	return openAs(name, uid, gid, uintptr(unix.Getuid()), uintptr(unix.Getgid()))
}

// openAs opens a file with another filesystem identity. It belongs to the thread, so nothing else may run on it until it
// is ours again: raw system calls in one stretch, which the scheduler does not see.
//
//go:noinline
func openAs(path *byte, uid, gid, ownUID, ownGID uintptr) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cwd := unix.AT_FDCWD
	unix.RawSyscall(unix.SYS_SETFSGID, gid, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, uid, 0, 0)
	fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(cwd), uintptr(unsafe.Pointer(path)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, ownUID, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSGID, ownGID, 0, 0)
	if e != 0 {
		return -1
	}
	return int(fd)
}

// owner is the real uid and gid of a process.
func owner(pid int) (uid, gid uintptr, ok bool) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/status", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0, false
	}
	defer unix.Close(fd)
	var text [4096]byte
	n, err := unix.Read(fd, text[:])
	if err != nil || n <= 0 {
		return 0, 0, false
	}
	u, okUID := statusID(text[:n], "\nUid:")
	g, okGID := statusID(text[:n], "\nGid:")
	return u, g, okUID && okGID
}

// statusID is the first number of a line of /proc/PID/status.
func statusID(text []byte, line string) (uintptr, bool) {
	i := bytes.Index(text, []byte(line))
	if i < 0 {
		return 0, false
	}
	fields := bytes.Fields(text[i+len(line):])
	if len(fields) == 0 {
		return 0, false
	}
	id, err := strconv.ParseUint(string(fields[0]), 10, 32)
	return uintptr(id), err == nil
}
