package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	a := Address{Network: Unix, Path: path}
	p := NewPool(nil)
	first, err := p.Socket(0, a, Options{Mode: ReusePort, Perm: 0o640, UID: os.Getuid(), GID: os.Getgid()})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.Socket(1, a, Options{Mode: ReusePort}); err != nil || again.FD != first.FD {
		t.Errorf("another slot has %d, %v; a unix socket is shared: %d", again.FD, err, first.FD)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	dialUnix(t, path)

	var failed *OpenError
	if _, err := NewPool(nil).Socket(0, a, Options{}); !errors.As(err, &failed) || failed.Err != unix.EADDRINUSE || failed.Other != "" {
		t.Errorf("a path that somebody listens on: %v", err)
	}
	if h, ok := WhoHolds(a); !ok || h.PID != os.Getpid() {
		t.Errorf("it is held by %+v, %v", h, ok)
	}
	p.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// A file that a server has left is replaced; one that is no socket is nobody's to remove.
// A program that removes the file of its socket before it listens, as one does that was killed before, can be reached.
func TestRemovedUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	p := NewPool(nil)
	defer p.Close()
	for range 3 {
		s, err := p.Socket(0, Address{Network: Unix, Path: path}, Options{Mode: Shared})
		if err != nil || s.FD < 0 {
			t.Fatal(s, err)
		}
		dialUnix(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStaleUnixSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	p := NewPool(nil)
	defer p.Close()
	if _, err := p.Socket(0, Address{Network: Unix, Path: path}, Options{}); err != nil {
		t.Fatal(err)
	}
	dialUnix(t, path)

	plain := filepath.Join(dir, "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, other := range map[string]string{plain: "a file", dir: "a directory"} {
		_, err := p.Socket(0, Address{Network: Unix, Path: path}, Options{})
		var failed *OpenError
		if !errors.As(err, &failed) || failed.Err != unix.EADDRINUSE || failed.Other != other {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(plain); err != nil {
		t.Error(err)
	}
}

// A path that another has taken over meanwhile is not removed at the end.
func TestUnixSocketOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.sock")
	p := NewPool(nil)
	if _, err := p.Socket(0, Address{Network: Unix, Path: path}, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.Close()
	dialUnix(t, path)
}

func TestAbstractUnixSocket(t *testing.T) {
	a, err := ParseAddress("unix:@goinit-test-" + filepath.Base(t.TempDir()) + string(rune('a'+os.Getpid()%26)))
	if err != nil {
		t.Fatal(err)
	}
	p := NewPool(nil)
	defer p.Close()
	if _, err := p.Socket(0, a, Options{}); err != nil {
		t.Fatal(err)
	}
	dialUnix(t, "@"+a.Path[1:])
	if _, err := NewPool(nil).Socket(0, a, Options{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a name that somebody has: %v", err)
	}
}

func dialUnix(t *testing.T, path string) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// No host is every address of both families.
func TestDualStack(t *testing.T) {
	p := NewPool(nil)
	defer p.Close()
	s, err := p.Socket(0, Address{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{"127.0.0.1"}
	if s.Bound.Host == "::" {
		hosts = append(hosts, "[::1]")
	}
	for _, host := range hosts {
		dial(t, host+":"+strconv.Itoa(s.Bound.Port))
	}
}

// An address in use is an error in each mode, also where a stranger lets others in beside him, and leaves nothing.
func TestAddressInUse(t *testing.T) {
	// Nobody else's connections come from here, so a port that was closed is free.
	ours := Address{Host: fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()>>16&63, os.Getpid()>>8&255, 1+os.Getpid()&127)}
	for name, strangers := range map[string]Mode{"alone": Shared, "with SO_REUSEPORT": ReusePort} {
		other := NewPool(nil)
		s, err := other.Socket(0, ours, Options{Mode: strangers})
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Mode{ReusePort, Shared, RoundRobin} {
			p := NewPool(nil)
			_, err := p.Socket(0, s.Bound, Options{Mode: mode})
			if !errors.Is(err, syscall.EADDRINUSE) || len(p.groups) != 0 {
				t.Errorf("%s, mode %d: %v, %d groups", name, mode, err, len(p.groups))
			}
		}
		if h, ok := WhoHolds(s.Bound); !ok || h.PID != os.Getpid() {
			t.Errorf("it is held by %+v, %v", h, ok)
		}
		other.Close()
		p := NewPool(nil)
		if _, err := p.Socket(0, s.Bound, Options{Mode: ReusePort}); err != nil {
			t.Errorf("%s: free again: %v", name, err)
		}
		p.Close()
	}
}

// Errors unwrap to the errno that Node's workers are answered with.
func TestErrno(t *testing.T) {
	for host, want := range map[string]error{"192.0.2.1": syscall.EADDRNOTAVAIL, "nonsense": syscall.EINVAL} {
		if _, err := NewPool(nil).Socket(0, Address{Host: host}, Options{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", host, err, want)
		}
	}
}

// Datagrams go to one socket in every mode.
func TestUDP(t *testing.T) {
	p := NewPool(nil)
	defer p.Close()
	a := Address{Network: UDP, Host: "127.0.0.1"}
	first, err := p.Socket(0, a, Options{Mode: ReusePort})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := p.Socket(1, a, Options{Mode: ReusePort}); err != nil || second != first {
		t.Errorf("%+v, %v, want %+v", second, err, first)
	}
	c, err := net.Dial("udp", "127.0.0.1:"+strconv.Itoa(first.Bound.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(first.FD), Events: unix.POLLIN}}, -1); err != nil && err != unix.EINTR {
		t.Fatal(err)
	}
}

// listen(0) is one port for all slots; the second listen(0) is another.
func TestAnyPort(t *testing.T) {
	p := NewPool(nil)
	defer p.Close()
	_, to := slots(t, p, 3, loopback)
	_, other := slots(t, p, 3, Address{Host: "127.0.0.1", Index: 1})
	if to == other {
		t.Errorf("both are %s", to)
	}
}

// The holder of a port is looked for on the same address, or on all.
func TestHolderIsOfTheAddress(t *testing.T) {
	p := NewPool(nil)
	defer p.Close()
	for held, others := range map[Address][]string{
		{Host: "127.0.0.2"}: {"127.0.0.2", "0.0.0.0", "::", ""},
		{Host: "::1"}:       {"::1", "::", ""},
		{}:                  {"127.0.0.2", "192.0.2.1", "::1", ""},
	} {
		s, err := p.Socket(0, held, Options{})
		if err != nil && noIPv6(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range others {
			if h, ok := WhoHolds(Address{Host: host, Port: s.Bound.Port}); !ok || h.PID != os.Getpid() {
				t.Errorf("%v, asked for %q: %+v, %v", s.Bound, host, h, ok)
			}
		}
		if held.Host != "" {
			if h, ok := WhoHolds(Address{Host: "127.0.0.3", Port: s.Bound.Port}); ok && h.PID == os.Getpid() {
				t.Errorf("%v is not 127.0.0.3's", s.Bound)
			}
		}
	}
}

// What a worker wants made, it gets as its own, where it may.
func TestUnixSocketByOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	const nobody = 65534
	top, err := os.MkdirTemp("/tmp", "goinit-test-owner-") // which anybody may go through
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	own, sticky, closed := filepath.Join(top, "own"), filepath.Join(top, "sticky"), filepath.Join(top, "closed")
	for _, dir := range []string{own, sticky, closed} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	stale := filepath.Join(sticky, "stale.sock") // root's
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, err := range []error{os.Chmod(top, 0o755), os.Chown(own, nobody, nobody), os.Chmod(sticky, 0o777|os.ModeSticky)} {
		if err != nil {
			t.Fatal(err)
		}
	}

	p := NewPool(nil)
	o := Options{UID: nobody, GID: nobody, ByOwner: true}
	path := filepath.Join(own, "web.sock")
	if _, err := p.Socket(0, Address{Network: Unix, Path: path}, o); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Uid != nobody || st.Gid != nobody || st.Mode&0o777 != 0o660 {
		t.Errorf("%v, of %d:%d, mode %o", err, st.Uid, st.Gid, st.Mode)
	}
	if _, err := p.Socket(0, Address{Network: Unix, Path: filepath.Join(closed, "web.sock")}, o); !errors.Is(err, unix.EACCES) {
		t.Errorf("in root's directory: %v", err)
	}
	if _, err := p.Socket(0, Address{Network: Unix, Path: stale}, o); !errors.Is(err, unix.EPERM) {
		t.Errorf("in the place of root's: %v", err)
	}
	dialUnix(t, path)
	p.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if f, err := os.Create(filepath.Join(closed, "file")); err != nil {
		t.Errorf("root is not root any more: %v", err)
	} else {
		f.Close()
	}
}
