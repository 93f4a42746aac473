package pid1

import (
	"io"
	"sync"

	"goinit/logs"
	"goinit/messages"

	"golang.org/x/sys/unix"
)

// daemon is what a detached goinit has beside any other: somebody who waits for it to be started, and a file in place of a
// terminal. The zero value, and nil, are a goinit in the foreground.
type daemon struct {
	log *ownLog

	mu     sync.Mutex
	caller caller
}

// becomeDaemon is the third of the three; see detach.
func becomeDaemon(path string) *daemon {
	unix.Umask(daemonUmask)
	unix.CloseOnExec(callerFile)
	d := &daemon{log: &ownLog{path: path, fd: -1}, caller: caller{callerFile}}
	var st unix.Stat_t
	if path != "" && unix.Fstat(2, &st) == nil {
		d.log.size.Store(st.Size)
	}
	d.say(word{PID: unix.Getpid()})
	return d
}

// say is for the caller, as long as it listens.
func (d *daemon) say(w word) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.caller.send(w)
}

// part is the last word to the caller.
func (d *daemon) part(w word) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.caller.send(w)
	if d.caller.fd >= 0 {
		unix.Close(d.caller.fd)
		d.caller.fd = -1
	}
}

// path is the file of goinit's own lines, empty in the foreground.
func (d *daemon) path() string {
	if d == nil {
		return ""
	}
	return d.log.path
}

// ownLines is where goinit's own lines go.
func (d *daemon) ownLines(console *logs.Console) io.Writer {
	if d == nil || d.log.path == "" {
		return console.Messages()
	}
	return d.log.bounded(console.Messages())
}

// overhear has the caller told of what goes wrong before it parts.
func (d *daemon) overhear(m *messages.Messages) {
	if d != nil {
		m.Copy(messages.Warn, func(text string) { d.say(word{Text: "goinit: " + text}) })
	}
}

// mode is how a worker's output is shown: by nobody, where there is nobody to look. It is kept all the same.
func (d *daemon) mode(m logs.Mode) logs.Mode {
	if d == nil {
		return m
	}
	return logs.Off
}

// tellCaller lets the caller go: every app has come up, or some fail.
func (r *runner) tellCaller() {
	if r.daemon == nil {
		return
	}
	w := word{Started: true, Apps: appsOf(r.spec.Load())}
	for _, worker := range r.supervisor.Snapshot() {
		if worker.State == "failed" || worker.Failures > 0 {
			w.Started, w.Trouble = false, true
		}
	}
	if r.socket != nil {
		w.Instance = r.socket.Name
	}
	r.daemon.part(w)
}
