package pid1

import (
	"errors"
	"strconv"
	"time"

	"goinit/init/entry"
	"goinit/reaper"
	"goinit/signame"

	"golang.org/x/sys/unix"
)

// command is command mode: one child, with nothing between it and its terminal, descriptors, environment and status
// but an init that forwards signals and reaps.
//
// It is one loop on one goroutine, as a C init is: wait for a signal, act. That way it needs no thread but the one it
// was born with and the runtime's monitor, and while the child sleeps nothing wakes.
type command struct {
	options  *options
	messages speaker
	signals  source
	forward  forwarder
	reaper   *reaper.Reaper
	terminal *terminal
	child    *reaper.Process

	stopped unix.Signal // the child has been stopped by it, and we have not looked yet
	exited  bool
	left    bool // children are left, our own or adopted

	inherited []int // children that were there before our child
}

// runCommand runs the command to its end and returns the exit status of goinit.
func runCommand(signals source, o *options, env []string) int {
	letRuntimeSettle()
	c := &command{options: o, messages: speaker{o.verbosity}, signals: signals}
	c.forward = forwarder{rewrite: o.rewrite, hold: o.hold}
	parent := unix.Getppid()
	if sig := o.parentDeath; sig != 0 {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0); err != nil {
			c.messages.error("cannot ask for " + signame.Of(sig) + " at the parent's death: " + err.Error())
			return exitNotExecutable
		}
	}
	c.reaper = reaper.New(c.orphan)
	if c.reaper.Role() == reaper.Neither {
		c.messages.at(levelWarn, "neither PID 1 nor a child subreaper (the kernel refused that): orphans go elsewhere")
	} else {
		c.messages.at(levelInfo, "running as "+c.reaper.Role().String())
	}
	c.terminal = openTerminal()
	c.findInherited()
	if status, ok := c.start(env); !ok {
		return status
	}
	c.messages.at(levelInfo, "started "+strconv.Quote(o.argv[0])+", pid "+strconv.Itoa(c.child.PID()))
	if o.parentDeath != 0 && unix.Getppid() != parent { // before the kernel was asked to tell
		c.send(arrival{sig: o.parentDeath})
	}
	c.supervise()
	return c.end()
}

// start starts the child with exactly what goinit was given: environment, descriptors, limits, mask.
func (c *command) start(env []string) (status int, ok bool) {
	cmd := &reaper.Command{Argv: c.options.argv, Group: true, SignalMask: entry.Mask(), Notify: c.event}
	self := "LISTEN_PID=" + strconv.Itoa(unix.Getpid())
	for _, kv := range env {
		if !isSetting(kv) {
			cmd.Env = append(cmd.Env, kv)
		}
		if kv == self { // sockets that were passed to us are meant for it (sd_listen_fds(3))
			cmd.ListenPID = true
		}
	}
	for fd := range 3 {
		if entry.ClosedStdio().Closed(fd) {
			cmd.CloseFiles = append(cmd.CloseFiles, fd)
		}
	}
	var now unix.Rlimit
	if n := entry.NoFile(); n.Hard != 0 && unix.Getrlimit(unix.RLIMIT_NOFILE, &now) == nil && now.Cur != n.Soft {
		cmd.Limits = []reaper.Limit{{Resource: unix.RLIMIT_NOFILE, Soft: n.Soft, Hard: n.Hard}}
	}
	if c.terminal.stdin && c.terminal.ours() {
		cmd.Terminal = &reaper.Terminal{FD: c.terminal.fd, Foreground: true}
	}
	var err error
	if c.child, err = c.reaper.Start(cmd); err == nil {
		return 0, true
	}
	c.messages.error(explainStart(err, cmd))
	var failed *reaper.StartError
	if errors.As(err, &failed) && failed.NotFound() {
		return exitNotFound, false
	}
	return exitNotExecutable, false
}

// supervise passes signals on and reaps until the child is gone.
func (c *command) supervise() {
	letRuntimeSettle()
	if c.options.verbosity > levelWarn || c.options.warnReaped {
		warmThreads(1) // messages are garbage, and its collection wants a thread while this one waits
	}
	c.left = c.reaper.Reap() // who exited while the child was being started
	for !c.exited {
		c.jobControl()
		a, ok := c.signals.next(c.forward.deadline())
		now := time.Time{}
		if !ok || len(c.forward.hold) > 0 {
			now = time.Now()
		}
		if !ok {
			for a, due := c.forward.due(now); due; a, due = c.forward.due(now) {
				c.send(a)
			}
			continue
		}
		if a.sig == unix.SIGCHLD {
			c.left = c.reaper.Reap()
			continue
		}
		if a.sig == unix.SIGCONT && c.terminal.stdin {
			c.terminal.give(c.child.PID()) // somebody's fg
		}
		if a, ok := c.forward.arrive(a, now); ok {
			c.send(a)
		}
	}
}

func (c *command) send(a arrival) {
	if c.options.verbosity >= levelDebug {
		c.messages.at(levelDebug, "forwarding "+signame.Of(a.sig))
	}
	var err error
	switch {
	case c.options.group:
		if err = c.child.SignalGroup(a.sig); errors.Is(err, unix.ESRCH) {
			err = c.child.Signal(a.sig) // it has left the group that it was given
		}
	case a.queued:
		err = c.child.Queue(a.sig, a.value)
	default:
		err = c.child.Signal(a.sig)
	}
	if err != nil && !errors.Is(err, unix.ESRCH) { // gone: its SIGCHLD is on the way
		c.messages.at(levelWarn, "cannot forward "+signame.Of(a.sig)+": "+err.Error())
	}
}

// event is told by Reap of what happens to the child.
func (c *command) event(e reaper.Event) {
	switch e.Kind {
	case reaper.Exited:
		c.exited = true
	case reaper.Stopped:
		c.stopped = e.Signal
	case reaper.Continued:
		c.stopped = 0
	}
}

func (c *command) orphan(pid int, s reaper.Status) {
	if c.options.warnReaped {
		c.messages.error("reaped orphan " + strconv.Itoa(pid) + ", " + describe(s))
	} else if c.options.verbosity >= levelDebug {
		c.messages.at(levelDebug, "reaped orphan "+strconv.Itoa(pid)+", "+describe(s))
	}
}

func describe(s reaper.Status) string {
	if sig := s.Signal(); sig != 0 {
		return "killed by " + signame.Of(sig)
	}
	return "exit status " + strconv.Itoa(s.Code())
}

// end ends what is left and returns the exit status.
func (c *command) end() int {
	c.terminal.take(c.child.PID())
	status := c.child.Status()
	c.messages.at(levelInfo, "child "+strconv.Itoa(c.child.PID())+": "+describe(status))
	c.endLeftovers(c.options.stopGrace)
	code := status.Code()
	if to, ok := c.options.remap[code]; ok {
		return to
	}
	return code
}
