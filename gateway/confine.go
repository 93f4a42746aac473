package gateway

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a gateway never does. It runs as goinit's own user where goinit is not root: then the kernel would let it connect to
// goinit's socket, send it signals, or write its files. So it gives these up for good (seccomp(2)): all that is left to it are
// its sockets, reading files, and to end.
var given = []uintptr{
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO,
	unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PIDFD_GETFD, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PRLIMIT64,
	unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_OPENAT2,
	unix.SYS_TRUNCATE, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_BPF, unix.SYS_KEYCTL, unix.SYS_IO_URING_SETUP,
}

// Confine gives up, for all threads and those to come, what a gateway has no use for: such a call fails with EPERM. It wants
// no_new_privs, and a kernel with filters.
func Confine() error {
	filter := program(append(slices.Clone(given), old...), uint32(os.Getpid()))
	p := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&p))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// Offsets in struct seccomp_data; of an argument its lower half, on a little-endian machine.
const (
	atNumber   = 0
	atArch     = 4
	atArgument = 16
	argument   = 8
)

const (
	allow  = unix.SECCOMP_RET_ALLOW
	denied = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
)

// program is the filter, in classic BPF. It is short, and runs for each system call: what is called most comes through all of
// it in some ten nanoseconds.
func program(given []uintptr, pid uint32) []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	answer := func(what uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what}
	}
	// jump goes on with the next if the test holds, and over so many if not.
	jump := func(test uint16, k uint32, over uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, K: k, Jf: over}
	}
	const writes = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
	ours := jump(unix.BPF_JEQ, arch, 0)
	ours.Jt = 1 // over the refusal
	p := []unix.SockFilter{load(atArch), ours, answer(denied), load(atNumber)}
	if foreign != 0 { // numbers of another table: x32
		p = append(p, jump(unix.BPF_JGE, foreign, 1), answer(denied))
	}
	for _, number := range given {
		p = append(p, jump(unix.BPF_JEQ, uint32(number), 1), answer(denied))
	}
	p = append(p,
		// openat for writing
		jump(unix.BPF_JEQ, unix.SYS_OPENAT, 4), load(atArgument+2*argument), jump(unix.BPF_JSET, writes, 1), answer(denied), answer(allow),
		// tgkill of others: Go's runtime interrupts its own threads by it
		jump(unix.BPF_JEQ, unix.SYS_TGKILL, 4), load(atArgument), jump(unix.BPF_JEQ, pid, 1), answer(allow), answer(denied),
		// clone of a process; of clone3 the arguments cannot be seen, and whoever is told that there is none takes clone
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 4), load(atArgument), jump(unix.BPF_JSET, unix.CLONE_THREAD, 1), answer(allow), answer(denied),
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 1), answer(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)),
		answer(allow),
	)
	return p
}
