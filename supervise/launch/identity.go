package launch

import (
	"fmt"
	"slices"

	"goinit/reaper"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

// identity says whom a worker runs as: nil credential is goinit's own.
func identity(a *spec.App, accounts Accounts) (*reaper.Credential, *Account, error) {
	var extra []uint32
	for _, g := range a.GroupAdd {
		gid, err := accounts.GroupID(g)
		if err != nil {
			return nil, nil, fmt.Errorf("group_add: %w", err)
		}
		extra = append(extra, gid)
	}
	if a.User == "" {
		if extra == nil {
			return nil, nil, nil
		}
		own, err := unix.Getgroups()
		if err != nil {
			return nil, nil, fmt.Errorf("group_add: own groups: %w", err)
		}
		for _, g := range own {
			extra = append(extra, uint32(g))
		}
		return &reaper.Credential{UID: uint32(unix.Getuid()), GID: uint32(unix.Getgid()), Groups: unique(extra)}, nil, nil
	}
	account, err := accounts.Resolve(a.User)
	if err != nil {
		return nil, nil, fmt.Errorf("user %q: %w", a.User, err)
	}
	if uid := unix.Geteuid(); uid != 0 {
		if uint32(uid) == account.UID && uint32(unix.Getegid()) == account.GID && extra == nil {
			return nil, &account, nil
		}
		return nil, nil, fmt.Errorf("user %q: goinit runs as uid %d and only root can change users: start the container as root, or leave out user and group_add", a.User, uid)
	}
	groups := append(append([]uint32{}, account.Groups...), extra...)
	return &reaper.Credential{UID: account.UID, GID: account.GID, Groups: unique(groups)}, &account, nil
}

func unique(groups []uint32) []uint32 {
	slices.Sort(groups)
	return slices.Compact(groups)
}
