package pid1

import (
	"os"
	"strconv"
	"strings"
	"time"

	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// killPatience is how long a subreaper waits for what it has killed: a process in an uninterruptible sleep dies later.
const killPatience = time.Second

// endLeftovers ends every process that the child left behind, in its own session or not: TERM, and when the grace is
// over (or a second stop signal comes) KILL. It waits no longer than there is somebody to wait for.
//
// As PID 1 the KILL is the kernel's, when we exit (pid_namespaces(7)). What docker exec has put beside us gets its TERM
// as well, for it is about to end too, but is not waited for: it is not ours to reap.
func (c *command) endLeftovers(grace time.Duration) {
	if !c.left || c.reaper.Role() == reaper.Neither {
		return
	}
	if grace > 0 {
		c.messages.at(levelInfo, "processes are left: they have "+grace.String()+" to end")
		c.signalLeftovers(unix.SIGTERM)
		c.signalLeftovers(unix.SIGCONT) // a stopped one would not even see it
		c.awaitLeftovers(time.Now().Add(grace), true, func() {})
	}
	if !c.left || c.reaper.Role() == reaper.PID1 {
		return
	}
	kill := func() { c.signalLeftovers(unix.SIGKILL) }
	kill()
	c.awaitLeftovers(time.Now().Add(killPatience), false, kill)
}

// awaitLeftovers reaps until nothing is left, the deadline comes or, if they may, somebody hurries us. again is called
// after each death: the orphans of the dead are ours now.
func (c *command) awaitLeftovers(deadline time.Time, mayHurry bool, again func()) {
	for c.left = c.reaper.Reap(); c.left; {
		a, ok := c.signals.next(deadline)
		if !ok {
			return
		}
		switch a.sig {
		case unix.SIGCHLD:
			if c.left = c.reaper.Reap(); c.left {
				again()
			}
		case unix.SIGTERM, unix.SIGINT, unix.SIGQUIT:
			if mayHurry {
				return
			}
		}
	}
}

func (c *command) signalLeftovers(sig unix.Signal) {
	if c.reaper.Role() == reaper.PID1 {
		_ = unix.Kill(-1, sig)
		return
	}
	for _, pid := range descendants(unix.Getpid()) {
		_ = unix.Kill(pid, sig)
	}
}

// descendants are the processes whose line of parents leads to root, which is not among them. A pid can only be reused
// after it was reaped: of our children by us, who are here; of theirs by themselves, so that a very young stranger may
// be hit if a grandchild dies and its parent reaps it within these microseconds. The kernel offers nothing better
// without a cgroup.
func descendants(root int) []int {
	children := map[int][]int{}
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range dir {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, ok := parentOf(pid); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	for next := children[root]; len(next) > 0; {
		pid := next[0]
		all = append(all, pid)
		next = append(next[1:], children[pid]...)
	}
	return all
}

// parentOf reads the fourth field of /proc/PID/stat (proc_pid_stat(5)); the second may hold anything, in parentheses.
func parentOf(pid int) (parent int, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	s := string(b)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return parent, err == nil
}
