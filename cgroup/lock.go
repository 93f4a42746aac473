package cgroup

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Two goinits may find themselves in one place: each PID 1 of a PID namespace, both in the namespace of cgroups that they
// were started from (unshare --pid, docker run --cgroupns=host). Their workers have the same names, so that either would kill the
// other's with its own: the place is the first one's.

// lock takes a directory for as long as we live (flock(2)); false: another has it.
func (r *Root) lock(dir string) bool {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return !errors.Is(err, unix.EWOULDBLOCK)
	}
	r.locked = append(r.locked, fd)
	return true
}

// unlock gives the place back.
func (r *Root) unlock() {
	for _, fd := range r.locked {
		unix.Close(fd)
	}
	r.locked = nil
}
