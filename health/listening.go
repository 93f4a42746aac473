package health

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Listening is a probe that looks whether a process of a tree listens on a TCP port. It connects to nobody: a program that
// counts its connections, or takes one only, does not notice.
type Listening struct {
	port int
	tree func() []int
}

// NewListening is given a function that says which processes there are to be looked at, the main one first.
func NewListening(port int, tree func() []int) *Listening { return &Listening{port, tree} }

// looks is held by whoever reads /proc: reading holds a thread, and PID 1, whose probes these are, makes none after its boot.
var looks sync.Mutex

func (p *Listening) check(context.Context, time.Time) *Failure {
	looks.Lock()
	defer looks.Unlock()
	pids := p.tree()
	if len(pids) == 0 {
		return &Failure{Why: "its processes cannot be seen"}
	}
	inodes, err := listeners(pids[0], p.port)
	switch {
	case err != nil:
		return &Failure{Why: fmt.Sprintf("cannot see who listens on port %d: %s", p.port, reason(err))}
	case len(inodes) == 0:
		return &Failure{Why: fmt.Sprintf("nobody listens on port %d", p.port)}
	}
	hidden := false
	for _, pid := range pids {
		has, err := holds(pid, inodes)
		if has {
			return nil
		}
		hidden = hidden || err == unix.EACCES || err == unix.EPERM
	}
	if hidden {
		return &Failure{Why: fmt.Sprintf("somebody listens on port %d, but goinit may not see whether it is this worker: write tcp: \":%d\" instead", p.port, p.port)}
	}
	return &Failure{Why: fmt.Sprintf("port %d belongs to another process", p.port)}
}

// listeners are the sockets that listen on a port, in the network namespace of a process. Numbers of sockets are
// those of the whole machine.
func listeners(pid, port int) (inodes map[uint64]bool, err error) {
	inodes = map[uint64]bool{}
	for _, file := range []string{"/net/tcp", "/net/tcp6"} {
		e := eachLine("/proc/"+strconv.Itoa(pid)+file, func(line []byte) {
			if inode, ok := listener(line, port); ok {
				inodes[inode] = true
			}
		})
		if e != nil && e != unix.ENOENT { // a kernel without IPv6
			err = e
		}
	}
	if len(inodes) > 0 {
		return inodes, nil
	}
	return nil, err
}

// listener reads a line of /proc/net/tcp (proc_pid_net(5)): number, local address:port in hexadecimal, remote, state;
// the inode is the tenth field. 0A is TCP_LISTEN.
func listener(line []byte, port int) (inode uint64, ok bool) {
	fields := bytes.Fields(line)
	if len(fields) < 10 || string(fields[3]) != "0A" {
		return 0, false
	}
	i := bytes.LastIndexByte(fields[1], ':')
	n, err := strconv.ParseUint(string(fields[1][i+1:]), 16, 16)
	if err != nil || int(n) != port {
		return 0, false
	}
	inode, err = strconv.ParseUint(string(fields[9]), 10, 64)
	return inode, err == nil
}

// eachLine reads a file in pieces: on a busy machine /proc/net/tcp has many lines.
func eachLine(path string, f func([]byte)) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	buffer := make([]byte, 16<<10)
	kept := 0
	for {
		n, err := unix.Read(fd, buffer[kept:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return err
		}
		text := buffer[:kept+n]
		for {
			line, rest, whole := bytes.Cut(text, []byte{'\n'})
			if !whole {
				break
			}
			f(line)
			text = rest
		}
		if kept = copy(buffer, text); kept == len(buffer) {
			kept = 0 // no line is that long
		}
	}
}

// holds says whether a process has one of the sockets.
func holds(pid int, inodes map[uint64]bool) (bool, error) {
	path := "/proc/" + strconv.Itoa(pid)
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return false, err
	}
	dir, err := unix.Open(path+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.EACCES {
		dir, err = openAs(path+"/fd", st.Uid, st.Gid)
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(dir)
	buffer := make([]byte, 8<<10)
	var names []string
	for {
		n, err := unix.ReadDirent(dir, buffer)
		if err != nil || n == 0 {
			return false, err
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			target, err := readLink(dir, name, st.Uid, st.Gid)
			if err == unix.EACCES || err == unix.EPERM {
				return false, err
			}
			rest, ok := strings.CutPrefix(target, "socket:[")
			inode, err := strconv.ParseUint(strings.TrimSuffix(rest, "]"), 10, 64)
			if ok && err == nil && inodes[inode] {
				return true, nil
			}
		}
	}
}

// readLink reads a link of /proc/PID/fd. The kernel lets those do that who could ptrace: CAP_SYS_PTRACE, which Docker's
// root has not, or the same filesystem uid and gid, which root can take on (ptrace(2), PTRACE_MODE_READ_FSCREDS).
func readLink(dir int, name string, uid, gid uint32) (string, error) {
	target := make([]byte, 64)
	n, err := unix.Readlinkat(dir, name, target)
	if err != unix.EACCES && err != unix.EPERM {
		return string(target[:max(n, 0)]), err
	}
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return "", err
	}
	got, errno := as(uid, gid, unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&target[0])), uintptr(len(target)))
	if errno != 0 {
		return "", errno
	}
	return string(target[:got]), nil
}

func openAs(path string, uid, gid uint32) (int, error) {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	cwd := unix.AT_FDCWD
	fd, errno := as(uid, gid, unix.SYS_OPENAT, uintptr(cwd), uintptr(unsafe.Pointer(p)), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// as makes one system call with another filesystem identity. That belongs to the thread, so nothing else may run on it
// until it is ours again: raw system calls in one stretch, which the scheduler does not see.
//
//go:noinline
//go:uintptrescapes
func as(uid, gid uint32, call, a, b, c, d uintptr) (uintptr, unix.Errno) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ownUID, ownGID := uintptr(unix.Getuid()), uintptr(unix.Getgid())
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(gid), 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0)
	n, _, errno := unix.RawSyscall6(call, a, b, c, d, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, ownUID, 0, 0)
	unix.RawSyscall(unix.SYS_SETFSGID, ownGID, 0, 0)
	return n, errno
}
