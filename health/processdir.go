package health

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"goinit/fsuid"
)

// What a process has open, as /proc tells those who could ptrace(2) it, or its owner (fsuid).

// errEnough ends a walk early.
var errEnough = errors.New("enough")

// refused is an answer that says nothing of what is there.
func refused(err error) bool { return err == unix.EACCES || err == unix.EPERM }

// eachEntry walks a directory of a process's, opened as its owner where need be. An error of f ends it.
func eachEntry(path string, uid, gid uint32, f func(dir int, name string) error) error {
	dir, err := openAs(path, unix.O_DIRECTORY, uid, gid)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	buffer := make([]byte, 8<<10)
	var names []string
	for {
		n, err := unix.ReadDirent(dir, buffer)
		if err != nil || n == 0 {
			return err
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			if err := f(dir, name); err != nil {
				return err
			}
		}
	}
}

// openAs opens to read, as somebody else where we may not.
func openAs(path string, flags int, uid, gid uint32) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if refused(err) {
		fd, err = fsuid.Open(unix.AT_FDCWD, path, unix.O_RDONLY|flags, uid, gid)
	}
	return fd, err
}

// readLink reads a link of /proc/PID/fd, where need be as the process's owner.
func readLink(dir int, name string, uid, gid uint32) (string, error) {
	target := make([]byte, 64)
	n, err := unix.Readlinkat(dir, name, target)
	if refused(err) {
		n, err = fsuid.Readlink(dir, name, target, uid, gid)
	}
	return string(target[:max(n, 0)]), err
}

// socketOf is the inode of a link that leads to a socket.
func socketOf(target string) (inode uint64, ok bool) {
	number, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
	return inode, err == nil
}
