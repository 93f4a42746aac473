package cgroup

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// initialNamespace is the inode of the machine's own cgroup namespace: PROC_CGROUP_INIT_INO of the kernel's
// include/uapi/linux/nsfs.h (include/linux/proc_ns.h before).
const initialNamespace = 0xEFFFFFFB

// Here is the Sight of this process.
func Here(getenv func(string) (string, bool)) (Sight, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Sight{}, err
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return Sight{}, err
	}
	s := Sight{Mountinfo: string(mountinfo), Cgroup: string(own), PID1: os.Getpid() == 1, Runtime: runtimeHere(getenv), InitialNamespace: true}
	s.Statfs = func(path string) (int64, error) {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		return int64(st.Type), err
	}
	s.Writable = func(dir string) bool {
		return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK, unix.AT_EACCESS) == nil && procsWritable(dir)
	}
	s.Delegated = delegated
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/cgroup", &st) == nil {
		s.InitialNamespace = st.Ino == initialNamespace
	}
	return s, nil
}

// procsWritable: processes can be moved where one may write to cgroup.procs of the place (cgroup-v2.rst, "Delegation
// Containment").
func procsWritable(dir string) bool {
	return unix.Faccessat(unix.AT_FDCWD, filepath.Join(dir, "cgroup.procs"), unix.W_OK, unix.AT_EACCESS) == nil
}

// delegated: systemd marks what it has delegated with an extended attribute (systemd.io/CGROUP_DELEGATION); a directory that
// belongs to an ordinary user was given to it by somebody.
func delegated(dir string) bool {
	var value [8]byte
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		if n, err := unix.Getxattr(dir, name, value[:]); err == nil && n == 1 && value[0] == '1' {
			return true
		}
	}
	var st unix.Stat_t
	uid := unix.Geteuid()
	return uid != 0 && unix.Stat(dir, &st) == nil && int(st.Uid) == uid
}

// mayRemount reports whether mounts can be changed here (CAP_SYS_ADMIN, bit 21 of capabilities(7)).
func mayRemount() bool {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(text), "\nCapEff:")
	if !ok {
		return false
	}
	line, _, _ := strings.Cut(rest, "\n")
	caps, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && caps&(1<<unix.CAP_SYS_ADMIN) != 0
}

// Remount makes read-only mounts writable that show nothing but our own groups, where we have CAP_SYS_ADMIN; it reports
// whether it did, and Look is to be asked again. What shows the machine's tree is left alone.
func (p *Place) Remount() bool {
	if p.State != ReadOnly || !mayRemount() {
		return false
	}
	done := false
	for _, h := range p.hierarchies() {
		if h.ReadOnly && h.only && unix.Mount("", h.Mount, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") == nil {
			done = true
		}
	}
	return done
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
