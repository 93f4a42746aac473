// Package fsuid makes a system call as somebody else. The kernel lets those look into /proc/PID who could ptrace(2) the process:
// CAP_SYS_PTRACE, which Docker's root has not, or the same filesystem uid and gid, which root can take on (setfsuid(2);
// PTRACE_MODE_READ_FSCREDS). For openings the look counts once: most of what was opened can be read as oneself.
// And a file that is made or removed at somebody's wish is so as that one, who can do no more by it than without us.
package fsuid

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Open is openat(2) as uid and gid; O_CLOEXEC is added to the flags.
func Open(dir int, path string, flags int, uid, gid uint32) (fd int, err error) {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	n, errno := call(uid, gid, unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(flags|unix.O_CLOEXEC), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// Readlink is readlinkat(2) as uid and gid: how many bytes of the target stand in buffer.
func Readlink(dir int, path string, buffer []byte, uid, gid uint32) (int, error) {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	n, errno := call(uid, gid, unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(p)), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// Read is read(2) as uid and gid: some files of /proc, syscall among them, look at who reads, too.
func Read(fd int, buffer []byte, uid, gid uint32) (int, error) {
	if len(buffer) == 0 {
		return 0, nil
	}
	n, errno := call(uid, gid, unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// Bind is bind(2) of a unix socket to a path as uid and gid, whose the file is then.
func Bind(socket int, path string, uid, gid uint32) error {
	var a unix.RawSockaddrUnix
	if len(path) == 0 || len(path) >= len(a.Path) {
		return unix.EINVAL
	}
	a.Family = unix.AF_UNIX
	for i := range len(path) {
		a.Path[i] = int8(path[i])
	}
	length := unsafe.Offsetof(a.Path) + uintptr(len(path)) + 1
	return failed(call(uid, gid, unix.SYS_BIND, uintptr(socket), uintptr(unsafe.Pointer(&a)), length, 0))
}

// Chmod is chmod(2) as uid and gid.
func Chmod(path string, mode, uid, gid uint32) error {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return failed(call(uid, gid, unix.SYS_FCHMODAT, cwd, uintptr(unsafe.Pointer(p)), uintptr(mode), 0))
}

// Unlink is unlink(2) as uid and gid.
func Unlink(path string, uid, gid uint32) error {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return failed(call(uid, gid, unix.SYS_UNLINKAT, cwd, uintptr(unsafe.Pointer(p)), 0, 0))
}

const cwd = ^uintptr(-unix.AT_FDCWD - 1) // AT_FDCWD as a register has it

func failed(_ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// call makes one system call with another filesystem identity. That belongs to the thread, so nothing else may run on it
// until it is ours again: raw system calls in one stretch, which the scheduler does not see.
//
//go:noinline
//go:uintptrescapes
func call(uid, gid uint32, number, a, b, c, d uintptr) (uintptr, unix.Errno) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ownUID, ownGID := uintptr(unix.Getuid()), uintptr(unix.Getgid())
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(gid), 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0)
	n, _, errno := unix.RawSyscall6(number, a, b, c, d, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, ownUID, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSGID, ownGID, 0, 0)
	return n, errno
}
