package pid1

import (
	"errors"
	"os"
	"slices"
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
// as well, for it is about to end too, but is not waited for: it is not ours to reap. As a subreaper we leave alone what
// was there before the child (a shell that has replaced itself by goinit leaves us its tee).
func (c *command) endLeftovers(grace time.Duration) {
	pid1 := c.reaper.Role() == reaper.PID1
	if !pid1 && !c.anyLeft() {
		return
	}
	if grace > 0 {
		if c.left {
			c.messages.at(levelInfo, "processes are left: they have "+grace.String()+" to end")
		}
		c.signalLeftovers(unix.SIGTERM)
		c.signalLeftovers(unix.SIGCONT) // a stopped one would not even see it
		c.awaitLeftovers(time.Now().Add(grace), true, func() {})
	}
	if pid1 || !c.anyLeft() {
		return
	}
	kill := func() { c.signalLeftovers(unix.SIGKILL) }
	kill()
	c.awaitLeftovers(time.Now().Add(killPatience), false, kill)
}

// anyLeft says of a subreaper whether the child has left something that we can find.
func (c *command) anyLeft() bool {
	if !c.left || c.reaper.Role() == reaper.Neither {
		return false
	}
	left, err := c.leftovers()
	if err != nil {
		c.messages.at(levelWarn, "processes may be left, and stay: they cannot be found without /proc: "+err.Error())
	}
	return len(left) > 0
}

// awaitLeftovers reaps until nothing is left, the deadline comes or, if they may, somebody hurries us. again is called
// after each death: the orphans of the dead are ours now.
func (c *command) awaitLeftovers(deadline time.Time, mayHurry bool, again func()) {
	for c.reapLeftovers(); c.left; {
		a, ok := c.signals.next(deadline)
		if !ok {
			return
		}
		switch a.sig {
		case unix.SIGCHLD:
			if c.reapLeftovers(); c.left {
				again()
			}
		case unix.SIGTERM, unix.SIGINT, unix.SIGQUIT:
			if mayHurry {
				return
			}
		}
	}
}

func (c *command) reapLeftovers() {
	if c.left = c.reaper.Reap(); c.left && len(c.inherited) > 0 {
		left, err := c.leftovers()
		c.left = err == nil && len(left) > 0
	}
}

func (c *command) signalLeftovers(sig unix.Signal) {
	if c.reaper.Role() == reaper.PID1 {
		_ = unix.Kill(-1, sig)
		return
	}
	left, _ := c.leftovers()
	for _, pid := range left {
		_ = unix.Kill(pid, sig)
	}
}

// findInherited notes the children that we have had since before our exec: they are of the thread that we began as.
func (c *command) findInherited() {
	if c.reaper.Role() != reaper.Subreaper {
		return
	}
	pid := strconv.Itoa(unix.Getpid())
	b, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return // no /proc: then nobody will be found either
	}
	for _, word := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(word); err == nil {
			c.inherited = append(c.inherited, pid)
		}
	}
}

// leftovers are the descendants of this process but for those that it has inherited.
func (c *command) leftovers() ([]int, error) { return descendants(unix.Getpid(), c.inherited) }

// descendants are the processes whose line of parents leads to root, which is not among them, and to none of but. A pid can only be reused
// after it was reaped: of our children by us, who are here; of theirs by themselves, so that a very young stranger may
// be hit if a grandchild dies and its parent reaps it within these microseconds. The kernel offers nothing better
// without a cgroup.
func descendants(root int, but []int) ([]int, error) {
	children := map[int][]int{}
	dir, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	if _, ok := parentOf(root); !ok {
		return nil, errors.New("this process is not in it")
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
		if next = next[1:]; slices.Contains(but, pid) {
			continue
		}
		all = append(all, pid)
		next = append(next, children[pid]...)
	}
	return all, nil
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
