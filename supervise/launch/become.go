package launch

import (
	"bufio"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// CanBecome reports whether a process of ours may be made this user and group: as root with SETUID and SETGID, and in a user
// namespace that knows both (user_namespaces(7)). It says so ahead of the start, for what can do without.
func CanBecome(uid, gid uint32) bool {
	return unix.Geteuid() == 0 && holds("SETUID", "SETGID") && mapped("/proc/self/uid_map", uid) && mapped("/proc/self/gid_map", gid)
}

func holds(names ...string) bool {
	own, err := ownCapabilities()
	if err != nil {
		return false
	}
	for _, name := range names {
		if bit, _ := capability(name); own.permitted&bit == 0 {
			return false
		}
	}
	return true
}

// mapped looks an id up in a map of a user namespace. Where there is none to be read, nothing is mapped.
func mapped(path string, id uint32) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var inside, outside, length uint64
		if n, _ := fmt.Sscan(lines.Text(), &inside, &outside, &length); n == 3 && uint64(id) >= inside && uint64(id) < inside+length {
			return true
		}
	}
	return false
}
