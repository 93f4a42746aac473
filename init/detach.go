package pid1

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"goinit/control"
	"goinit/init/entry"
	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// goinit run --detach is three processes of the same executable, for a Go program cannot fork without exec:
//
//	caller   what was typed: opens the log, starts the session, waits for the daemon's word, and ends with it
//	session  a session leader (setsid(2)), so without a terminal; starts the daemon and ends at once
//	daemon   goinit as it always is. As no session leader it never gets a terminal again, whatever it opens
//
// A variable says which one a process is, and a pipe takes the daemon's word to the caller. Neither reaches a worker.

const (
	detachVariable = "GOINIT_DETACH" // session:LOG or daemon:LOG
	callerFile     = 3               // the pipe to the caller
	// What a daemon's files may be: of its caller's it would be an accident. The customary 0 would let everybody write to
	// what a worker makes, pids and sockets above all.
	daemonUmask = 0o022
)

// detachStage takes the variable out of an environment.
func detachStage(env []string) (stage, log string, rest []string) {
	rest = make([]string, 0, len(env))
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, detachVariable+"="); ok {
			stage, log, _ = strings.Cut(value, ":")
			continue
		}
		rest = append(rest, kv)
	}
	var st unix.Stat_t
	if stage != "" && (unix.Fstat(callerFile, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO) {
		return "", "", rest // not from us
	}
	return stage, log, rest
}

// again is this executable with the same arguments, as another stage.
func again(args, env []string, stage, log string) *reaper.Command {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil || strings.HasSuffix(self, " (deleted)") {
		self = "/proc/self/exe"
	}
	return &reaper.Command{
		Argv: append([]string{self}, args[1:]...), Env: append(env[:len(env):len(env)], detachVariable+"="+stage+":"+log), SignalMask: entry.Mask(), Limits: givenLimits(),
	}
}

// runSession is the second of the three.
func runSession(args, env []string, log string) int {
	c := again(args, env, "daemon", log)
	c.Files, c.Group = []int{0, 1, 2, callerFile}, true
	if _, err := reaper.New(nil).Start(c); err != nil {
		caller{callerFile}.send(word{Text: "goinit: cannot detach: " + err.Error(), Status: new(exitNotExecutable)})
		return exitNotExecutable
	}
	return 0
}

// word is what the daemon says to its caller, a line of JSON each.
type word struct {
	PID    int    `json:"pid,omitempty"`    // the first of all: the daemon's
	Text   string `json:"text,omitempty"`   // for the terminal
	Status *int   `json:"status,omitempty"` // it ends with this
	// Started says that its control socket answers and that its apps are started; Trouble, that some are not, and that it
	// goes on trying.
	Started  bool   `json:"started,omitempty"`
	Trouble  bool   `json:"trouble,omitempty"`
	Instance string `json:"instance,omitempty"` // with both; empty: there is no control socket
	Apps     string `json:"apps,omitempty"`
}

// caller is the way to the process that detached us; -1: there is none, or it has heard enough.
type caller struct{ fd int }

// send never waits: a caller that does not read misses a word, and is no reason to stand still.
func (c caller) send(w word) {
	if c.fd < 0 {
		return
	}
	b, err := json.Marshal(w)
	for ; err == nil && len(b) >= pipeBuf; b, err = json.Marshal(w) {
		w.Text = strings.ToValidUTF8(w.Text[:len(w.Text)/2], "") + "…"
	}
	ready := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(ready, 0); err == nil && n == 1 && ready[0].Revents&unix.POLLERR == 0 { // else nobody reads, and there would be a SIGPIPE
		_, _ = unix.Write(c.fd, append(b, '\n'))
	}
}

// detach is the first of the three. Its status is 0 when all apps have started, 1 if some have not, or the daemon's own.
func detach(o *runOptions, args, env []string) int {
	if unix.Getpid() == 1 {
		say("goinit: run --detach: this is PID 1, and the container ends with it\n  in the foreground: goinit run")
		return exitUsage
	}
	signals, err := openSignalStream()
	if err != nil {
		say("goinit: cannot receive signals: " + err.Error())
		return exitNotExecutable
	}
	d := &detacher{reaper: reaper.New(nil), signals: signals}
	log, err := openOwnLog(lookup(env), nameOf(o))
	if err != nil {
		say("goinit: " + err.Error() + "; what it says will be lost\n  a place for it: GOINIT_LOG_DIRECTORY=DIR")
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		say("goinit: cannot detach: pipe: " + err.Error())
		return exitNotExecutable
	}
	_ = unix.SetNonblock(pipe[0], true)
	d.words = os.NewFile(uintptr(pipe[0]), "daemon")
	c := again(args, env, "session", log.path)
	null, _ := openNull(unix.O_RDWR) // the daemon says it
	own := log.fd
	if own < 0 {
		own = null
	}
	c.Files, c.Session = []int{null, own, own, pipe[1]}, true
	_, err = d.reaper.Start(c)
	unix.Close(pipe[1])
	if err != nil {
		say("goinit: cannot detach: " + err.Error())
		return exitNotExecutable
	}
	go d.heed()
	return d.listen(log)
}

// nameOf is what this goinit is called as long as its spec has not been read.
func nameOf(o *runOptions) string {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		dir = o.dir
	}
	return cmp.Or(o.name, control.CleanName(filepath.Base(dir)))
}

// detacher is the caller's goinit.
type detacher struct {
	reaper  *reaper.Reaper
	signals *signalStream
	words   *os.File
	daemon  laterPID
	asked   atomic.Int32 // the signal that asked for the end, or 0
}

// heed hands on what asks for the end, until the daemon stands by itself.
func (d *detacher) heed() {
	terminal := hasTerminal()
	for {
		all, err := d.signals.next()
		if err != nil {
			return
		}
		for _, sig := range all {
			switch {
			case sig == unix.SIGCHLD:
				d.reaper.Reap()
			case meaningOf(sig, terminal) == meansStop:
				d.asked.Store(int32(sig))
				d.daemon.signal(unix.SIGTERM)
			}
		}
	}
}

// listen returns when the daemon stands by itself, or has ended.
func (d *detacher) listen(log *ownLog) int {
	var last word
	pid := 0
	for in := json.NewDecoder(d.words); ; {
		var w word
		if err := in.Decode(&w); err != nil {
			if !errors.Is(err, io.EOF) {
				say("goinit: cannot hear the daemon: " + err.Error())
			}
			break
		}
		if w.Text != "" {
			say(w.Text)
		}
		switch {
		case w.PID != 0:
			pid = w.PID
			d.daemon.set(pid)
		case w.Started:
			return print1(farewell("goinit runs as pid", pid, w, log.path))
		case w.Trouble:
			say(farewell("goinit: not every app has come up; it goes on trying as pid", pid, w, log.path))
			return exitNothing
		case w.Status != nil:
			last = w
		}
	}
	if sig := d.asked.Load(); sig != 0 && (last.Status == nil || *last.Status == 0) {
		return 128 + int(sig)
	}
	if last.Status != nil {
		return *last.Status
	}
	say("goinit: the daemon has ended before it was started, without a word" + log.tail())
	return exitNothing
}

// farewell says where it is from now on, and how it ends.
func farewell(what string, pid int, w word, log string) string {
	ctl, stop := "goinit ctl -N "+w.Instance, ""
	if stop = ctl + " shutdown"; w.Instance == "" {
		stop = "kill " + strconv.Itoa(pid)
	}
	text := fmt.Sprintf("%s %d, %s\n  to stop it: %s", what, pid, w.Apps, stop)
	if w.Instance != "" {
		text += "      to look: " + ctl + " ps"
	}
	if log != "" {
		text += "\n  what it says: " + log
	}
	return text
}
