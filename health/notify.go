package health

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// notifySocket is the receiving end of sd_notify(3). Each process that is watched has one of its own: a queue is bounded,
// and with one for all, a worker that floods it would silence the others, and have them restarted for want of a
// heartbeat. Whose a datagram is, is told not by the socket but by the kernel (SCM_CREDENTIALS of unix(7)): everybody
// may learn its name.
//
// It is a file of mode 0600 that belongs to the worker's user, where there is a directory for it: nobody else can even
// send. A read-only root without /run, or a user that cannot reach the directory, gets an abstract name: that needs no
// file, but belongs to the network namespace, and everybody there may send. They are not heard, but may fill the queue.
type notifySocket struct {
	file *os.File
	raw  syscall.RawConn
	path string // to remove; empty: abstract
	name string // for NOTIFY_SOCKET
}

func listenNotify(dir string, uid int) (*notifySocket, error) {
	if dir != "" && reachable(dir, uid) {
		if s, err := bindNotify(dir, uid); err == nil {
			return s, nil
		}
	}
	return bindNotify("", uid)
}

// bindNotify binds to a file in the directory, or, without one, to an abstract name.
func bindNotify(dir string, uid int) (*notifySocket, error) {
	var random [16]byte
	if _, err := unix.Getrandom(random[:], 0); err != nil {
		return nil, os.NewSyscallError("getrandom", err)
	}
	s := &notifySocket{name: "@goinit-notify-" + hex.EncodeToString(random[:])}
	if dir != "" {
		s.path = filepath.Join(dir, hex.EncodeToString(random[:8]))
		s.name = s.path
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err == nil && s.path != "" {
		err = unix.Fchmod(fd, 0o600) // the mode that bind(2) gives the file, from its first moment on
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: s.name})
	}
	if err == nil && s.path != "" && uid != unix.Geteuid() {
		err = unix.Lchown(s.path, uid, -1)
	}
	if err == nil {
		s.file = os.NewFile(uintptr(fd), "notify")
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		if s.file == nil {
			unix.Close(fd)
		} else {
			s.file.Close()
		}
		s.unlink()
		return nil, os.NewSyscallError("bind", err)
	}
	return s, nil
}

// reachable says whether a user can get to a directory's files. Groups are left out: when in doubt it cannot.
func reachable(dir string, uid int) bool {
	for uid != 0 && dir != "/" && dir != "." {
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil || st.Mode&0o001 == 0 && (int(st.Uid) != uid || st.Mode&0o100 == 0) {
			return false
		}
		dir = filepath.Dir(dir)
	}
	return true
}

func (s *notifySocket) unlink() {
	if s.path != "" {
		_ = unix.Unlink(s.path)
	}
}

func (s *notifySocket) close() {
	s.file.Close()
	s.unlink()
}

// datagram is one message. Descriptors that came with it have been closed.
type datagram struct {
	text []byte // valid until the next
	pid  int    // the sender's; 0: of another PID namespace
}

// maxNotifyFiles is how many descriptors of one message goinit lets in, to close them: a barrier is one (sd_notify(3)).
const maxNotifyFiles = 16

// receive calls f for each datagram, until the socket is closed. The descriptors of a datagram are closed after f: to
// systemd-notify(1), which waits for that, it says that the message was acted upon, and until then the sender is there to
// be looked at.
func (s *notifySocket) receive(f func(datagram)) {
	text := make([]byte, maxNotification+1)
	control := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4*maxNotifyFiles))
	limit := newLimit(notifyBurst, notifyWindow)
	for {
		var n, controls, flags int
		var err error
		if e := s.raw.Read(func(fd uintptr) bool {
			n, controls, flags, _, err = unix.Recvmsg(int(fd), text, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			for err == unix.EINTR {
				n, controls, flags, _, err = unix.Recvmsg(int(fd), text, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			}
			return err != unix.EAGAIN
		}); e != nil || err != nil {
			return
		}
		pid, files := controlsOf(control[:controls])
		if flags&unix.MSG_TRUNC == 0 && n <= maxNotification {
			f(datagram{text[:n], pid})
		}
		for _, fd := range files {
			unix.Close(fd)
		}
		if wait := limit.over(time.Now()); wait > 0 && !s.sleep(wait) {
			return
		}
	}
}

// Who sends more than that does so for itself: the queue is full, and its sender waits.
const (
	notifyBurst  = 100
	notifyWindow = 100 * time.Millisecond
)

// sleep ends early, with false, when the socket is closed.
func (s *notifySocket) sleep(d time.Duration) bool {
	if s.file.SetReadDeadline(time.Now().Add(d)) != nil {
		return false
	}
	err := s.raw.Read(func(uintptr) bool { return false })
	_ = s.file.SetReadDeadline(time.Time{})
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func controlsOf(b []byte) (pid int, files []int) {
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return 0, nil
	}
	for i := range messages {
		if c, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
			pid = int(c.Pid)
		}
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			files = append(files, fds...)
		}
	}
	return pid, files
}

// limit is so many in a window.
type limit struct {
	most   int
	window time.Duration
	since  time.Time
	count  int
}

func newLimit(most int, window time.Duration) *limit { return &limit{most: most, window: window} }

// over counts one, and says how long to wait before the next.
func (l *limit) over(now time.Time) time.Duration {
	if now.Sub(l.since) >= l.window {
		l.since, l.count = now, 0
	}
	if l.count++; l.count < l.most {
		return 0
	}
	return l.window - now.Sub(l.since)
}
