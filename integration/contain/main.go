// Command contain does for package bed what a container runtime does around a program: as PID 1 of new PID and mount
// namespaces it enters control groups, makes a cgroup namespace that begins there, mounts /proc and the groups, and becomes
// the program, in place.
//
//	contain '{"Groups": ["/sys/fs/cgroup/memory/x"], "Mounts": [{"Target": "/sys/fs/cgroup", "Type": "cgroup2"}]}' PROGRAM ARGUMENT…
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// plan is a bed.plan.
type plan struct {
	Groups []string
	Mounts []struct {
		Target, Type, Options string
	}
}

func main() {
	fmt.Fprintln(os.Stderr, "contain:", contain())
	os.Exit(125)
}

// contain returns only an error.
func contain() error {
	if len(os.Args) < 3 {
		return errors.New("usage: contain PLAN PROGRAM ARGUMENT…")
	}
	var p plan
	if err := json.Unmarshal([]byte(os.Args[1]), &p); err != nil {
		return err
	}
	for _, group := range p.Groups {
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil {
			return err
		}
	}
	runtime.LockOSThread() // the namespace is this thread's, which the program gets
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("a new cgroup namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	if err := forget(); err != nil {
		return err
	}
	for _, m := range p.Mounts {
		if err := os.MkdirAll(m.Target, 0o755); err != nil {
			return err
		}
		const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
		if err := unix.Mount(m.Type, m.Target, m.Type, flags, m.Options); err != nil {
			return fmt.Errorf("mounting %s at %s: %w", m.Type, m.Target, err)
		}
	}
	return syscall.Exec(os.Args[2], os.Args[2:], os.Environ())
}

// forget unmounts the machine's groups: in a container they are not there, not even below something else.
func forget() error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Reverse(lines) // the last mounted lies on top
	for _, line := range lines {
		target := strings.Fields(line)[4]
		if target == "/sys/fs/cgroup" || strings.HasPrefix(target, "/sys/fs/cgroup/") {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				return fmt.Errorf("unmounting %s: %w", target, err)
			}
		}
	}
	return nil
}
