package health

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

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
		hidden = hidden || refused(err)
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
	found := false
	err := eachEntry(path+"/fd", st.Uid, st.Gid, func(dir int, name string) error {
		target, err := readLink(dir, name, st.Uid, st.Gid)
		if refused(err) {
			return err
		}
		if inode, ok := socketOf(target); ok && inodes[inode] {
			found = true
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return found, err
}
