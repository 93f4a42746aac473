package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// passwdMax bounds what is read of /etc/passwd and /etc/group. A file of 16 MiB has 200,000 users.
const passwdMax = 16 << 20

// Accounts reads users and groups. The zero value reads /etc/passwd and /etc/group.
type Accounts struct {
	Passwd, Group string
}

// Account is a user as passwd(5) has it.
type Account struct {
	Name, Home string
	UID, GID   uint32
	Groups     []uint32 // supplementary ones
}

func (a Accounts) lines(path, fallback string, line func(fields []string) (stop bool)) error {
	if path == "" {
		path = fallback
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, passwdMax+1))
	if err != nil {
		return err
	}
	if len(text) > passwdMax {
		return fmt.Errorf("%s is larger than %d MiB", path, passwdMax>>20)
	}
	for l := range bytes.Lines(text) {
		if line(strings.Split(strings.TrimRight(string(l), "\r\n"), ":")) {
			return nil
		}
	}
	return nil
}

func id(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n != 1<<32-1 // -1 means "no change" to the kernel
}

// user finds a user by what match says of its name and uid.
func (a Accounts) user(match func(name string, uid uint32) bool) (found *Account, err error) {
	err = a.lines(a.Passwd, "/etc/passwd", func(f []string) bool {
		if len(f) < 6 {
			return false
		}
		uid, okUID := id(f[2])
		gid, okGID := id(f[3])
		if !okUID || !okGID || !match(f[0], uid) {
			return false
		}
		found = &Account{Name: f[0], UID: uid, GID: gid, Home: f[5]}
		return true
	})
	return found, err
}

// GroupID is a group's id, by name or by number.
func (a Accounts) GroupID(name string) (uint32, error) {
	if gid, ok := id(name); ok {
		return gid, nil
	}
	var gid uint32
	found := false
	err := a.lines(a.Group, "/etc/group", func(f []string) bool {
		if len(f) < 3 || f[0] != name {
			return false
		}
		gid, found = id(f[2])
		return found
	})
	if err == nil && !found {
		err = fmt.Errorf("there is no group %q in /etc/group: create it in the image, or write its number", name)
	}
	return gid, err
}

// memberOf are the groups that list a user.
func (a Accounts) memberOf(user string) ([]uint32, error) {
	var groups []uint32
	err := a.lines(a.Group, "/etc/group", func(f []string) bool {
		if len(f) >= 4 && slices.Contains(strings.Split(f[3], ","), user) {
			if gid, ok := id(f[2]); ok && len(groups) < 65536 { // NGROUPS_MAX
				groups = append(groups, gid)
			}
		}
		return false
	})
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return groups, err
}

// Resolve understands NAME, UID, NAME:GROUP and UID:GID as Docker does: a number needs no entry; without one the group
// is 0 and the home /. A user without an explicit group is given its supplementary ones.
func (a Accounts) Resolve(user string) (Account, error) {
	name, group, explicit := strings.Cut(user, ":")
	uid, numeric := id(name)
	found, err := a.user(func(n string, u uint32) bool { return n == name || numeric && u == uid })
	switch {
	case err != nil && !(numeric && errors.Is(err, os.ErrNotExist)):
		return Account{}, err
	case found != nil:
	case numeric:
		found = &Account{UID: uid, Home: "/"}
	default:
		return Account{}, fmt.Errorf("there is no user %q in /etc/passwd: create it in the image (RUN useradd %s), or write its number", name, name)
	}
	if explicit {
		found.GID, err = a.GroupID(group)
		return *found, err
	}
	if found.Name != "" {
		found.Groups, err = a.memberOf(found.Name)
	}
	return *found, err
}
