package pid1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"goinit/cluster"

	"golang.org/x/sys/unix"
)

// explainListen says why an address cannot be had, and what the user can do about it.
func explainListen(app string, a cluster.Address, err error) error {
	var failed *cluster.OpenError
	if !errors.As(err, &failed) {
		return err
	}
	return &listenError{failed, fmt.Sprintf("cannot listen on %v for %s: %s", a, app, listenReason(a, failed))}
}

// listenError is an OpenError in a person's words.
type listenError struct {
	*cluster.OpenError
	text string
}

func (e *listenError) Error() string { return e.text }

func listenReason(a cluster.Address, failed *cluster.OpenError) string {
	switch {
	case failed.Err == unix.EADDRINUSE:
		return inUse(a, failed)
	case failed.Err == unix.EADDRNOTAVAIL:
		return "no network interface here has this address\n  write \":" + strconv.Itoa(a.Port) + "\" for all that there are"
	case failed.Err == unix.EAFNOSUPPORT:
		return "there is no IPv6 here\n  write an IPv4 address, or \":" + strconv.Itoa(a.Port) + "\" for whatever there is"
	case failed.Err == unix.EMFILE || failed.Err == unix.ENFILE:
		return "too many open files\n  raise goinit's limit: docker run --ulimit nofile=N, ulimit -n; or have fewer workers"
	case failed.Err == unix.EACCES && a.Network != cluster.Unix:
		return "ports below " + firstFreePort() + " are for root\n" +
			"  start goinit as root (user: is the worker's), or docker run --sysctl net.ipv4.ip_unprivileged_port_start=0; or write a higher port"
	case a.Network == cluster.Unix && failed.Step == "bind" && (failed.Err == unix.ENOENT || failed.Err == unix.ENOTDIR):
		return filepath.Dir(a.Path) + " is not a directory\n  make it in the image, or mount a tmpfs there"
	case a.Network == cluster.Unix && (failed.Err == unix.EACCES || failed.Err == unix.EPERM || failed.Err == unix.EROFS):
		return failed.Step + ": " + failed.Err.Error() + "\n  it has to be in a directory that goinit's user may write to"
	}
	return failed.Step + ": " + failed.Err.Error()
}

func inUse(a cluster.Address, failed *cluster.OpenError) string {
	if failed.Other != "" {
		return failed.Other + " is there\n  remove it, or write another path"
	}
	const remedy = "\n  end that, or write another address"
	switch h, ok := cluster.WhoHolds(a); {
	case ok && h.PID == os.Getpid():
		return "goinit itself listens there already, for another app or another address of the spec\n  write each address once; \":80\" is all of them"
	case ok:
		return fmt.Sprintf("it is in use, by %s (pid %d)", h.Name, h.PID) + remedy
	}
	return "it is in use" + remedy
}

// relayShort says why those who wait for a worker that has gone go on waiting.
func relayShort(err error) string {
	text := "connections that wait for a worker that has gone cannot be given to another for now: " + err.Error()
	if err == unix.EMFILE || err == unix.ENFILE {
		text += "\n  raise goinit's limit: docker run --ulimit nofile=N, ulimit -n"
	}
	return text
}

// firstFreePort is the first that needs no privilege.
func firstFreePort() string {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return "1024"
	}
	return strings.TrimSpace(string(text))
}
