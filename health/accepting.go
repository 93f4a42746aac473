package health

import (
	"bytes"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"goinit/fsuid"
)

// Whether a process accepts from a socket that it was given cannot be asked. But most servers wait for connections where it
// shows: in an epoll set (proc_pid_fdinfo(5)) or in accept(2) (proc_pid_syscall(5)). Who waits in select(2), poll(2) or an
// io_uring does not show it. So this tells what is seen, and never that somebody does not accept.

// Wait is how a tree of processes is seen to wait on a socket.
type Wait uint8

// The ways.
const (
	Unseen  Wait = iota
	Blocked      // a thread is in accept(2): it may be busy the next moment
	Polled       // it is in an epoll set
)

// Socket is a socket's identity, whoever has descriptors of it.
type Socket struct{ device, inode uint64 }

// SocketOf is that of one of our descriptors.
func SocketOf(fd int) (Socket, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Socket{}, err
	}
	// fdinfo has the number as the kernel has it, not as stat(2): MKDEV of its include/linux/kdev_t.h
	return Socket{uint64(unix.Major(st.Dev))<<20 | uint64(unix.Minor(st.Dev)), st.Ino}, nil
}

// Bounds of one look: what belongs to a worker may be as much as it likes.
const (
	maxSteps = 4096    // descriptors and threads
	maxBytes = 1 << 20 // of epoll sets: twice what they take where each descriptor is in one
)

// inside has whoever looks. A process can hold the kernel's lock of its epoll set for as long as it likes (it waits into a page
// that userfaultfd(2) does not provide), and who looks hangs then, with a thread: one look at a time, nobody waits for it for
// ever, and no probe at all (looks).
var inside = make(chan struct{}, 1)

const longestLook = 5 * time.Second // far more than the bounds let one take

// Waits looks how the processes of a tree wait on each of the sockets. all is false where descriptors were refused or beyond the
// bounds, or another look hangs: then what is Unseen may only not be visible. Of a tree that is gone all is Unseen. It reads /proc and so may block.
func Waits(tree func() []int, sockets []Socket) (waits []Wait, all bool) {
	l := &accepting{sockets: sockets, waits: make([]Wait, len(sockets)), missing: len(sockets), steps: maxSteps, bytes: maxBytes}
	select {
	case inside <- struct{}{}:
		defer func() { <-inside }()
	case <-time.After(longestLook):
		return l.waits, false
	}
	pids := tree()
	for _, look := range []func(process){l.polled, l.blocked} {
		seen := map[int]bool{}
		for _, pid := range pids {
			if l.missing == 0 {
				return l.waits, true
			}
			if l.steps < 0 {
				return l.waits, false
			}
			if seen[pid] {
				continue
			}
			seen[pid] = true
			p := process{path: "/proc/" + strconv.Itoa(pid)}
			var st unix.Stat_t
			if err := unix.Stat(p.path, &st); err != nil {
				l.failed(err)
				continue
			}
			p.uid, p.gid = st.Uid, st.Gid
			look(p)
		}
	}
	return l.waits, !l.hidden
}

// accepting is one look.
type accepting struct {
	sockets      []Socket
	waits        []Wait
	missing      int
	steps, bytes int  // what is left
	hidden       bool // something could not be seen
}

type process struct {
	path     string
	uid, gid uint32 // whose it is
}

// found notes a way that a socket is waited on.
func (l *accepting) found(w Wait, is func(Socket) bool) {
	for i, s := range l.sockets {
		if l.waits[i] == Unseen && is(s) {
			l.waits[i] = w
			l.missing--
		}
	}
}

// another is to be called ahead of each thing that is looked at.
func (l *accepting) another() error {
	if l.missing == 0 {
		return errEnough
	}
	if l.steps--; l.steps < 0 {
		l.hidden = true
		return errEnough
	}
	return nil
}

// failed notes that something could not be seen, unless it is gone by now.
func (l *accepting) failed(err error) {
	if err != nil && err != errEnough && err != unix.ENOENT && err != unix.ESRCH {
		l.hidden = true
	}
}

// polled looks into the epoll sets of a process. Where it has more descriptors than are looked at none is read: the kernel makes
// the text of all that is in a set before it gives the first line of it.
func (l *accepting) polled(p process) {
	var sets []string
	l.failed(eachEntry(p.path+"/fd", p.uid, p.gid, func(dir int, name string) error {
		if err := l.another(); err != nil {
			return err
		}
		target, err := readLink(dir, name, p.uid, p.gid)
		if target == "anon_inode:[eventpoll]" {
			sets = append(sets, name)
		}
		l.failed(err)
		return nil
	}))
	if l.steps < 0 {
		return
	}
	for _, name := range sets {
		l.failed(l.epollSet(p, name))
	}
}

// epollSet reads what is in an epoll set: "tfd: 8 events: 19 data: 8 pos:0 ino:6f44 sdev:8", the last two in hexadecimal.
// Kernels before 4.13 do not say which files these are.
func (l *accepting) epollSet(p process, name string) error {
	fd, err := openAs(p.path+"/fdinfo/"+name, 0, p.uid, p.gid)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	buffer, kept := make([]byte, 16<<10), 0
	for l.missing > 0 {
		if l.bytes <= 0 {
			l.hidden = true
			return nil
		}
		n, err := unix.Read(fd, buffer[kept:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return err
		}
		l.bytes -= n
		text := buffer[:kept+n]
		for {
			line, rest, whole := bytes.Cut(text, []byte{'\n'})
			if !whole {
				break
			}
			if in, ok := polledSocket(line); ok {
				l.found(Polled, func(s Socket) bool { return s == in })
			}
			text = rest
		}
		if kept = copy(buffer, text); kept == len(buffer) {
			kept = 0 // no line is that long
		}
	}
	return nil
}

func polledSocket(line []byte) (s Socket, ok bool) {
	if !bytes.HasPrefix(line, []byte("tfd:")) {
		return s, false
	}
	for _, field := range bytes.Fields(line) {
		if text, is := bytes.CutPrefix(field, []byte("ino:")); is {
			s.inode, _ = strconv.ParseUint(string(text), 16, 64)
		} else if text, is := bytes.CutPrefix(field, []byte("sdev:")); is {
			var err error
			s.device, err = strconv.ParseUint(string(text), 16, 64)
			ok = err == nil && s.inode != 0
		}
	}
	return s, ok
}

// blocked looks what the threads of a process are doing. Where that may not be seen, or the kernel does not tell, the epoll sets
// are all there is to go by.
func (l *accepting) blocked(p process) {
	_ = eachEntry(p.path+"/task", p.uid, p.gid, func(_ int, thread string) error {
		if err := l.another(); err != nil {
			return err
		}
		fd, ok := acceptsOn(p, thread)
		if !ok {
			return nil
		}
		dir, err := openAs(p.path+"/fd", unix.O_DIRECTORY, p.uid, p.gid)
		if err != nil {
			return nil
		}
		defer unix.Close(dir)
		target, _ := readLink(dir, strconv.FormatUint(fd, 10), p.uid, p.gid)
		if inode, ok := socketOf(target); ok {
			l.found(Blocked, func(s Socket) bool { return s.inode == inode })
		}
		return nil
	})
}

// acceptsOn is the descriptor from which a thread waits to accept: "43 0x3 0x0 …", the number of the system call and its
// arguments; of one that does not wait it is "running".
func acceptsOn(p process, thread string) (fd uint64, ok bool) {
	file, err := openAs(p.path+"/task/"+thread+"/syscall", 0, p.uid, p.gid)
	if err != nil {
		return 0, false
	}
	defer unix.Close(file)
	line := make([]byte, 256)
	n, err := unix.Read(file, line)
	if refused(err) {
		n, err = fsuid.Read(file, line, p.uid, p.gid)
	}
	if err != nil || n <= 0 {
		return 0, false
	}
	fields := bytes.Fields(line[:n])
	if len(fields) < 2 {
		return 0, false
	}
	call, err := strconv.ParseUint(string(fields[0]), 10, 32)
	if err != nil || call != unix.SYS_ACCEPT && call != unix.SYS_ACCEPT4 {
		return 0, false
	}
	fd, err = strconv.ParseUint(string(bytes.TrimPrefix(fields[1], []byte("0x"))), 16, 64)
	return fd & 0xffffffff, err == nil
}
