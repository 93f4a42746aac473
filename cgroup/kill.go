package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kill sends SIGKILL to everybody in the group and beneath it, so that nobody can fork away from it. It does not wait for
// their end: Empty says when that has come. On v1, and on a v2 older than Linux 5.14, it may have to be called again until then:
// whoever was born while it looked has not been hit.
func (g *Group) Kill() error {
	g.mu.Lock()
	g.frozen = false
	g.endWait()
	g.mu.Unlock()
	if g.v2 != "" {
		err := write(filepath.Join(g.v2, "cgroup.kill"), "1")
		if err == nil || !isNotExist(err) || !exists(g.v2) {
			return ignoreGone(err)
		}
	}
	frozen := g.hold() == nil
	err := g.killAll()
	if frozen {
		_ = g.Thaw() // who is frozen on v1 does not die
	}
	return err
}

// ignoreGone: there is nobody in a group that is not there.
func ignoreGone(err error) error {
	if isGone(err) {
		return nil
	}
	return err
}

func isGone(err error) bool { return isNotExist(err) || errors.Is(err, unix.ENODEV) }

// hold asks for the group to be frozen, and does not wait for it.
func (g *Group) hold() error {
	if g.v2 != "" {
		return write(filepath.Join(g.v2, "cgroup.freeze"), "1")
	}
	if g.freezer == "" {
		return errNoFreezer
	}
	return write(g.freezer, "FROZEN")
}

// killAll kills one by one, on v1 also in groups that the processes have made beneath. A number that was read may be
// another's by the time it is used; so a process is held by a descriptor, and hit if it is in the group while that is open.
func (g *Group) killAll() error {
	return eachBeneath(g.home, func(dir string) error {
		procs := filepath.Join(dir, "cgroup.procs")
		pids, err := readPids(procs)
		if err != nil {
			return ignoreGone(err)
		}
		const batch = 64 // descriptors at a time
		for some := range slices.Chunk(pids, batch) {
			killHeld(procs, some)
		}
		return nil
	})
}

func killHeld(procs string, pids []int) {
	fds := make([]int, len(pids))
	for i, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			fd = -1 // it is gone, or the kernel is older than 5.3
		}
		fds[i] = fd
	}
	still, err := readPids(procs)
	for i, pid := range pids {
		if err == nil && slices.Contains(still, pid) {
			if fds[i] < 0 || unix.PidfdSendSignal(fds[i], unix.SIGKILL, nil, 0) != nil {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if fds[i] >= 0 {
			unix.Close(fds[i])
		}
	}
}

// eachBeneath calls f for a group and those beneath it.
func eachBeneath(dir string, f func(string) error) error {
	if err := f(dir); err != nil {
		return err
	}
	names, err := directories(dir)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if err := eachBeneath(filepath.Join(dir, name), f); err != nil {
			return err
		}
	}
	return nil
}

// Stuck names the processes of a group that a signal does not reach: those in an uninterruptible sleep (state D of
// proc_pid_stat(5)), with what they wait in as far as the kernel tells. Empty: there are none.
func (g *Group) Stuck() string {
	pids, err := g.Pids()
	if err != nil {
		return ""
	}
	var all []string
	for _, pid := range pids {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		s := string(text)
		end := strings.LastIndexByte(s, ')')
		begin := strings.IndexByte(s, '(')
		if end < 0 || begin < 0 || end+2 >= len(s) || s[end+2] != 'D' {
			continue
		}
		where := ""
		if w, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/wchan"); err == nil && len(w) > 1 {
			where = " in " + string(w)
		}
		all = append(all, fmt.Sprintf("%d (%s)%s", pid, s[begin+1:end], where))
	}
	return strings.Join(all, ", ")
}
