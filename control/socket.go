package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Listening says where to listen.
type Listening struct {
	Path      string // the socket; empty: NAME.sock in the first directory that can be had
	Name      string // this goinit's; CleanName
	Exact     bool   // Name was asked for: without it NAME-2, NAME-3, ... will do where NAME is taken
	ReadGroup int    // who may look; -1: nobody
	Getenv    func(string) string
}

// Socket is a listening socket, its registration and the lock that says they are alive:
//
//	NAME.lock   held (flock(2)) as long as this goinit runs; who gets it may remove the other two
//	NAME.json   the Instance
//	NAME.sock   the socket, unless another path was asked for
type Socket struct {
	Path string
	Name string

	listener  *conn
	lock      *os.File
	dir       string // of the registration; empty: none could be made
	readGroup int
}

// Listen opens the socket. Its error names every place that was tried.
func Listen(l Listening) (*Socket, error) {
	var tried []string
	for _, dir := range directories(l.Getenv, os.Geteuid()) {
		s, err := l.in(dir)
		switch {
		case err == nil:
			return s, nil
		case errors.As(err, new(*takenError)):
			return nil, err
		}
		tried = append(tried, err.Error())
	}
	if l.Path == "" {
		return nil, fmt.Errorf("no place for a control socket: %s", strings.Join(tried, "; "))
	}
	s := &Socket{Path: l.Path, Name: l.Name, readGroup: l.ReadGroup} // there, but in no list
	if err := s.listen(); err != nil {
		return nil, err
	}
	return s, nil
}

// Taken reports whether an error of Listen says that another goinit has the name or the socket.
func Taken(err error) bool { return errors.As(err, new(*takenError)) }

type takenError struct {
	name string
	by   Instance
}

func (e *takenError) Error() string {
	return fmt.Sprintf("a goinit named %q runs already (pid %d, in %s): give this one another name: -N NAME", e.name, e.by.PID, e.by.WorkingDir)
}

// in registers and listens in one directory.
func (l Listening) in(dir string) (*Socket, error) {
	if err := makeDirectory(dir, os.Geteuid()); err != nil {
		return nil, err
	}
	const most = 1000 // names that begin alike
	for n := 1; n <= most; n++ {
		name := l.Name
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		lock, err := takeLock(filepath.Join(dir, name+".lock"))
		if errors.Is(err, unix.EWOULDBLOCK) {
			if l.Exact {
				by, _ := readRegistration(dir, name)
				return nil, &takenError{name, by}
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		s := &Socket{Path: l.Path, Name: name, lock: lock, dir: dir, readGroup: l.ReadGroup}
		if s.Path == "" {
			s.Path = filepath.Join(dir, name+".sock")
		}
		if err := s.listen(); err != nil {
			s.Close()
			return nil, err
		}
		if err := s.register(); err != nil {
			s.Close()
			return nil, err
		}
		return s, nil
	}
	return nil, fmt.Errorf("all names from %s to %s-%d are taken in %s", l.Name, l.Name, most, dir)
}

// takeLock returns the locked file. Between open and flock its owner may have removed it: then it is tried again.
func takeLock(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, err
		}
		if err := again(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
			f.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		ours, err1 := f.Stat()
		there, err2 := os.Lstat(path)
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			return f, nil
		}
		f.Close()
	}
}

// listen opens the socket itself. fchmod(2) before bind(2) is what gives it its mode from its first moment on: the
// umask is the whole process's, and a fork may be under way.
func (s *Socket) listen() error {
	fail := func(what string, err error) error { return fmt.Errorf("cannot %s %s: %w", what, s.Path, err) }
	if err := s.removeStale(); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fail("open a socket for", err)
	}
	addr, release, err := address(s.Path)
	if err != nil {
		unix.Close(fd)
		return fail("reach", err)
	}
	defer release()
	err = unix.Fchmod(fd, 0o600)
	if err == nil {
		err = unix.Bind(fd, addr)
	}
	if err == nil && s.readGroup >= 0 {
		// Connecting needs write permission. What a member may do is decided by its credentials.
		if err = unix.Lchown(s.Path, -1, s.readGroup); err == nil {
			err = unix.Chmod(s.Path, 0o660)
		}
	}
	if err == nil {
		err = unix.Listen(fd, 128)
	}
	if err != nil {
		unix.Close(fd)
		return fail("listen on", err)
	}
	s.listener, err = newConn(fd)
	return err
}

// removeStale removes a dead socket. With the lock of its name nobody else can be listening on it; at a path that was
// asked for, only an answer tells.
func (s *Socket) removeStale() error {
	st, err := os.Lstat(s.Path)
	if err != nil {
		return nil // bind tells
	}
	if st.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("cannot listen on %s: there is a file that is no socket", s.Path)
	}
	c, err := connect(s.Path, time.Second)
	if err == nil {
		c.close()
		return fmt.Errorf("cannot listen on %s: somebody answers there already", s.Path)
	}
	return os.Remove(s.Path)
}

func (s *Socket) register() error {
	dir, _ := os.Getwd()
	b, err := json.Marshal(Instance{Name: s.Name, Socket: s.Path, PID: os.Getpid(), WorkingDir: dir})
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, s.Name+".json")
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	if s.readGroup >= 0 {
		_ = os.Chown(path+".new", -1, s.readGroup)
		_ = os.Chmod(path+".new", 0o640)
	}
	return os.Rename(path+".new", path)
}

// Close removes what Listen made.
func (s *Socket) Close() {
	if s.listener != nil {
		s.listener.close()
		os.Remove(s.Path)
	}
	if s.lock != nil {
		os.Remove(filepath.Join(s.dir, s.Name+".json"))
		os.Remove(filepath.Join(s.dir, s.Name+".lock"))
		s.lock.Close()
	}
}

// accept takes one client. It waits in the poller.
func (s *Socket) accept() (fd int, err error) {
	if e := s.listener.raw.Read(func(l uintptr) bool {
		err = again(func() (err error) {
			fd, _, err = unix.Accept4(int(l), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			return err
		})
		// The kernel looks for a free descriptor before it looks for a client: EMFILE says nothing of the latter.
		if err != nil && !pending(l) {
			err = unix.EAGAIN
		}
		return err != unix.EAGAIN
	}); e != nil {
		return -1, os.ErrClosed
	}
	return fd, err
}

// pending says whether a client waits to be accepted.
func pending(listener uintptr) bool {
	p := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err != nil || n > 0
}

// address makes an address of a path. Beyond the 107 bytes that a sockaddr_un has it goes through a descriptor of the
// directory.
func address(path string) (addr *unix.SockaddrUnix, release func(), err error) {
	const most = 107
	if len(path) <= most {
		return &unix.SockaddrUnix{Name: path}, func() {}, nil
	}
	dir, base := filepath.Split(path)
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", fd, base)}, func() { unix.Close(fd) }, nil
}
