package pid1

import (
	"fmt"
	"strings"

	"goinit/supervise"

	"golang.org/x/sys/unix"
)

// parent is who started goinit and wants to be notified of what becomes of it: systemd with Type=notify, podman with
// --sdnotify=container (sd_notify(3)). nil: nobody does.
type parent struct {
	fd   int
	addr *unix.SockaddrUnix
	// detached: goinit is not the process that was started, and says which it is.
	detached bool
}

// openParent looks for NOTIFY_SOCKET. What cannot be reached there is nobody: the parent itself tells the user that it was
// not notified.
func openParent(getenv func(string) (string, bool), detached bool) *parent {
	path, _ := getenv("NOTIFY_SOCKET")
	if len(path) < 2 || path[0] != '/' && path[0] != '@' { // @: abstract, as unix.SockaddrUnix has it too
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	return &parent{fd: fd, addr: &unix.SockaddrUnix{Name: path}, detached: detached}
}

// notify sends assignments. A parent that does not take them at once misses them.
func (p *parent) notify(assignments ...string) {
	if p == nil {
		return
	}
	for i, a := range assignments {
		assignments[i] = oneLine(a, maxNotice)
	}
	_ = unix.Sendto(p.fd, []byte(strings.Join(assignments, "\n")), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, p.addr)
}

// maxNotice bounds what is quoted in a STATUS, in bytes; a datagram takes far more.
const maxNotice = 512

// notifyParent tells of an event what concerns the parent. It does not block.
func (r *runner) notifyParent(e supervise.Event) {
	if r.parent == nil {
		return
	}
	switch e.Type {
	case "goinit.running":
		all := []string{"READY=1", "STATUS=" + appsOf(r.spec.Load()) + ", all started"}
		if r.parent.detached {
			all = append(all, fmt.Sprintf("MAINPID=%d", unix.Getpid()))
		}
		r.parent.notify(all...)
	case "worker.crash-loop":
		r.parent.notify("STATUS=" + e.Worker + " fails again and again")
	case "app.failed":
		r.parent.notify("STATUS=" + e.App + " has failed")
	case "shutdown.started":
		r.parent.notify("STOPPING=1", fmt.Sprint("STATUS=stopping: ", e.Data["reason"]))
	}
}
