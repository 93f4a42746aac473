package cluster

import (
	"fmt"

	"goinit/fsuid"
	"goinit/ipaddr"

	"golang.org/x/sys/unix"
)

// OpenError says what could not be done for a socket. It unwraps to the errno.
type OpenError struct {
	Address Address
	Step    string // the system call
	Err     unix.Errno
	// Other is what is at a unix socket's path and is no socket; empty: nothing.
	Other string
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("cannot listen on %v: %s: %v", e.Address, e.Step, e.Err)
}

// Unwrap is the errno.
func (e *OpenError) Unwrap() error { return e.Err }

// step makes an OpenError of a failed system call.
func step(a Address, name string, err error) error {
	errno, ok := err.(unix.Errno)
	if !ok {
		errno = unix.EIO
	}
	return &OpenError{Address: a, Step: name, Err: errno}
}

// open makes a socket that listens, or is bound. Further says that there is a socket of this address already, whose group
// this one joins.
func open(a Address, o Options, further bool) (fd int, bound Address, file identity, err error) {
	if a.Network == Unix {
		fd, file, err = openUnix(a, o)
		bound = a
	} else if fd, bound, err = openIP(a, o, further); a.Host == "" && err != nil && noIPv6(err) {
		a.Host = "0.0.0.0"
		fd, bound, err = openIP(a, o, further)
	}
	if err == nil && o.blocking() {
		_ = unix.SetNonblock(fd, false)
	}
	return fd, bound, file, err
}

func (o Options) blocking() bool { return o.Blocking && o.Mode != RoundRobin }

// noIPv6 reports whether a kernel without IPv6, or one where it is switched off, says so.
func noIPv6(err error) bool {
	e := err.(*OpenError)
	return e.Err == unix.EAFNOSUPPORT || e.Err == unix.EADDRNOTAVAIL || e.Err == unix.EPROTONOSUPPORT
}

func openIP(a Address, o Options, further bool) (fd int, bound Address, err error) {
	reuse := o.Mode == ReusePort && a.Network == TCP
	if reuse && !further && a.Port != 0 { // SO_REUSEPORT would let us in beside a stranger of the same user
		fd, err := bindIP(a, o, false)
		if err != nil {
			return -1, a, err
		}
		unix.Close(fd)
	}
	if fd, err = bindIP(a, o, reuse); err != nil {
		return -1, a, err
	}
	if a.Network == TCP {
		if err := unix.Listen(fd, backlog(o)); err != nil {
			unix.Close(fd)
			return -1, a, step(a, "listen", err)
		}
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		unix.Close(fd)
		return -1, a, step(a, "getsockname", err)
	}
	bound = a
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		bound.Port = name.Port
	case *unix.SockaddrInet6:
		bound.Port = name.Port
		if a.Host == "" {
			bound.Host = "::"
		}
	}
	return fd, bound, nil
}

func bindIP(a Address, o Options, reuse bool) (int, error) {
	family, to := sockaddr(a)
	if to == nil {
		return -1, step(a, "bind", unix.EINVAL)
	}
	kind := unix.SOCK_STREAM
	if a.Network == UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, step(a, "socket", err)
	}
	set := func(level, option int, wanted bool) {
		if err == nil && wanted {
			err = unix.SetsockoptInt(fd, level, option, 1)
		}
	}
	if family == unix.AF_INET6 {
		only := 0
		if a.V6Only || a.Host != "" && a.Host != "::" {
			only = 1
		}
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only) // the machine's default may be either
	}
	// Connections of a server before us that are in TIME_WAIT are no reason to refuse.
	set(unix.SOL_SOCKET, unix.SO_REUSEADDR, a.Network == TCP || o.ReuseAddr)
	set(unix.SOL_SOCKET, unix.SO_REUSEPORT, reuse)
	name := "setsockopt"
	if err == nil {
		name, err = "bind", unix.Bind(fd, to)
	}
	if err != nil {
		unix.Close(fd)
		return -1, step(a, name, err)
	}
	return fd, nil
}

func sockaddr(a Address) (family int, to unix.Sockaddr) {
	if a.Host == "" {
		return unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port}
	}
	if four, ok := ipaddr.ParseIPv4(a.Host); ok {
		return unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: four}
	}
	if six, ok := ipaddr.ParseIPv6(a.Host); ok {
		return unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: six}
	}
	return 0, nil
}

func backlog(o Options) int {
	if o.Backlog > 0 {
		return o.Backlog
	}
	return DefaultBacklog
}

// openUnix binds a path. A file that a goinit before us has left there, or any socket that nobody listens on, is replaced.
func openUnix(a Address, o Options) (int, identity, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, identity{}, step(a, "socket", err)
	}
	fail := func(name string, err error) (int, identity, error) {
		unix.Close(fd)
		if _, ours := err.(*OpenError); ours {
			return -1, identity{}, err
		}
		return -1, identity{}, step(a, name, err)
	}
	name := a.Path
	abstract := name[0] == 0
	if abstract {
		name = "@" + name[1:] // as package unix spells it
	}
	to := &unix.SockaddrUnix{Name: name}
	bind := func() error {
		if o.ByOwner && !abstract {
			return fsuid.Bind(fd, a.Path, uint32(o.UID), uint32(o.GID))
		}
		return unix.Bind(fd, to)
	}
	err = bind()
	if err == unix.EADDRINUSE && !abstract {
		if err := clearStale(a, to, o); err != nil {
			return fail("bind", err)
		}
		err = bind()
	}
	if err != nil {
		return fail("bind", err)
	}
	var file identity
	if !abstract {
		// Nobody can connect before it listens, so nobody sees it with other permissions than these.
		if file, err = dress(a, o); err != nil {
			_ = o.unlink(a.Path)
			return fail("chmod", err)
		}
	}
	if err := unix.Listen(fd, backlog(o)); err != nil {
		_ = o.unlink(a.Path)
		return fail("listen", err)
	}
	return fd, file, nil
}

// dress gives a unix socket's file its owner and permissions.
func dress(a Address, o Options) (identity, error) {
	perm := o.Perm
	if perm == 0 {
		perm = 0o660
	}
	if o.ByOwner { // it is theirs by now
		if err := fsuid.Chmod(a.Path, uint32(perm.Perm()), uint32(o.UID), uint32(o.GID)); err != nil {
			return identity{}, step(a, "chmod", err)
		}
		return identify(a.Path), nil
	}
	if o.UID != 0 || o.GID != 0 {
		if err := unix.Lchown(a.Path, o.UID, o.GID); err != nil {
			return identity{}, step(a, "chown", err)
		}
	}
	if err := unix.Chmod(a.Path, uint32(perm.Perm())); err != nil {
		return identity{}, step(a, "chmod", err)
	}
	return identify(a.Path), nil
}

// clearStale removes a socket that nobody listens on. Who listens is asked by connecting: the kernel refuses for one whose
// owner is gone, and says that it would have to wait for one whose queue is full.
func clearStale(a Address, to unix.Sockaddr, o Options) error {
	var st unix.Stat_t
	if err := unix.Lstat(a.Path, &st); err != nil {
		return step(a, "bind", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return &OpenError{Address: a, Step: "bind", Err: unix.EADDRINUSE, Other: kindOf(st.Mode)}
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return step(a, "socket", err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, to); err != unix.ECONNREFUSED {
		return step(a, "bind", unix.EADDRINUSE)
	}
	if err := o.unlink(a.Path); err != nil && err != unix.ENOENT {
		return step(a, "unlink", err)
	}
	return nil
}

func (o Options) unlink(path string) error {
	if o.ByOwner {
		return fsuid.Unlink(path, uint32(o.UID), uint32(o.GID))
	}
	return unix.Unlink(path)
}

func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "a file"
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	}
	return "something that is not a socket"
}

// identity is a file, whatever its name becomes. The zero one is none.
type identity struct{ dev, ino uint64 }

func identify(path string) identity {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return identity{}
	}
	return identity{uint64(st.Dev), st.Ino} //nolint:unconvert // uint32 on some architectures
}

// remove unlinks the file, if the path is still its own: another goinit may have taken it over.
func (i identity) remove(path string, o Options) {
	if i != (identity{}) && identify(path) == i {
		_ = o.unlink(path)
	}
}
