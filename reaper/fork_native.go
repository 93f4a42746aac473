//go:build !forkexec && linux && (amd64 || arm64)

package reaper

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NativeFork reports whether this build forks by itself, and so sets everything that a Command can ask for. A build
// with the tag forkexec does it by syscall.ForkExec, and refuses what that cannot set.
const NativeFork = true

// waitLock has nothing to lock: a pid is published before it can be waited for.
type waitLock struct{}

func (waitLock) Lock()   {}
func (waitLock) Unlock() {}

// The runtime's own hooks around a fork: it blocks signals and keeps its scheduler away. They are pushed by the runtime
// for other programs' forks (gVisor's among them).

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

//go:noescape
func rawVfork(flags uintptr, pidfd *int32, tid *int32) uintptr

// The kernel writes the child's pid into tid (CLONE_CHILD_SETTID) as the child's first act, in memory that is ours too:
// a child that is killed before its first instruction has been published all the same. CLONE_PIDFD wants Linux 5.2;
// older kernels ignore it.
const vforkFlags = unix.CLONE_VFORK | unix.CLONE_VM | unix.CLONE_CHILD_SETTID | uintptr(unix.SIGCHLD)

func (r *Reaper) fork(f *fork) (pid, pidfd int, err error) {
	fd := int32(-1)
	v := forkChild(f, vforkFlags|unix.CLONE_PIDFD, &fd)
	if v == negative(unix.EINVAL) || v == negative(unix.EMFILE) || v == negative(unix.ENFILE) {
		// A kernel of another make, that knows no CLONE_PIDFD, or no descriptor to be had: it goes without.
		v = forkChild(f, vforkFlags, &fd)
	}
	runtime.KeepAlive(f)
	if int(v) < 0 {
		return 0, -1, &StartError{Step: stepFork.String(), Errno: unix.Errno(-int(v))}
	}
	return int(v), int(fd), f.err()
}

func negative(e unix.Errno) uintptr { return -uintptr(e) }

// forkChild returns in the parent only.
//
//go:noinline
//go:norace
func forkChild(f *fork, flags uintptr, pidfd *int32) uintptr {
	tid := (*int32)(unsafe.Pointer(&f.pid))
	beforeFork()
	v := vforkAndExec(f, flags, pidfd, tid)
	afterFork()
	return v
}

// vforkAndExec: the parent leaves this frame at once, the child never does, for they share it.
//
//go:noinline
//go:norace
//go:nocheckptr
//go:nosplit
func vforkAndExec(f *fork, flags uintptr, pidfd, tid *int32) uintptr {
	v := rawVfork(flags, pidfd, tid)
	if v != 0 {
		return v
	}
	inChild(f)
	return 0
}
