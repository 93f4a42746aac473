package tree

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"goinit/fsuid"
)

// openEnvironment opens /proc/PID/environ, where need be as the process's owner; -1: it may not be read, or is not there.
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
	if fd, err = fsuid.Open(unix.AT_FDCWD, path, unix.O_RDONLY, uid, gid); err != nil {
		return -1
	}
	return fd
}

// owner is the real uid and gid of a process.
func owner(pid int) (uid, gid uint32, ok bool) {
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
func statusID(text []byte, line string) (uint32, bool) {
	i := bytes.Index(text, []byte(line))
	if i < 0 {
		return 0, false
	}
	fields := bytes.Fields(text[i+len(line):])
	if len(fields) == 0 {
		return 0, false
	}
	id, err := strconv.ParseUint(string(fields[0]), 10, 32)
	return uint32(id), err == nil
}
