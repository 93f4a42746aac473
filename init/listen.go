package pid1

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"goinit/cluster"
	"goinit/cluster/address"
	"goinit/spec"
)

// listened is one of listen:, with all that opening it takes.
type listened struct {
	address cluster.Address
	options cluster.Options
	name    string // in LISTEN_FDNAMES
}

func (l listened) same(o listened) bool { return l.address == o.address }

// sockets is what an app's listen: means.
func (c *clusters) sockets(a *spec.App) ([]listened, error) {
	var all []listened
	for _, l := range a.Listen {
		where, err := cluster.ParseAddress(l.Address)
		if err != nil {
			return nil, fmt.Errorf("%s: listen: %w", a.Name, err)
		}
		one := listened{address: where, options: cluster.Options{Mode: balanceOf(a), Backlog: l.Backlog, Blocking: true}, name: cmp.Or(l.Name, a.Name)}
		if where.Network == cluster.Unix {
			if err := c.file(a, l, &one); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// file is what there is to say of a unix socket's file: it is the worker's user's.
func (c *clusters) file(a *spec.App, l spec.Listen, one *listened) error {
	one.address.Path = c.pathOf(a, one.address.Path)
	if len(one.address.Path) > address.MaxPath {
		return fmt.Errorf("%s: listen: %s is a path of %d bytes, and a socket's has %d at most\n  write a shorter one, or a shorter working_dir",
			a.Name, one.address.Path, len(one.address.Path), address.MaxPath)
	}
	mode, err := strconv.ParseUint(cmp.Or(l.Mode, "0660"), 8, 32)
	if err != nil {
		return fmt.Errorf("%s: listen: mode: %w", a.Name, err)
	}
	one.options.Perm = os.FileMode(mode)
	if a.User != "" {
		account, err := c.accounts.Resolve(a.User)
		if err != nil {
			return fmt.Errorf("%s: user %q: %w", a.Name, a.User, err)
		}
		one.options.UID, one.options.GID = int(account.UID), int(account.GID)
	}
	return nil
}

// queueLimit says so where the kernel lets fewer connections wait than a socket asks for (listen(2)); once.
func (c *clusters) queueLimit(l listened) {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	most, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || err2 != nil || l.options.Backlog <= most || l.address.Network == cluster.UDP {
		return
	}
	c.short.Do(func() {
		c.inform(fmt.Sprintf("%v: %d connections may wait here, not %d: net.core.somaxconn is less\n  raise it: docker run --sysctl net.core.somaxconn=%d",
			l.address, most, l.options.Backlog, l.options.Backlog))
	})
}

// balanceOf is how an app's connections come to its workers. auto is package cluster's word for each socket: of unix and of
// UDP there is one for all.
func balanceOf(a *spec.App) cluster.Mode {
	switch a.Balance {
	case "shared":
		return cluster.Shared
	case "round-robin":
		return cluster.RoundRobin
	}
	return cluster.ReusePort
}
