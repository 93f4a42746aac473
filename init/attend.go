package pid1

import (
	"context"
	"fmt"

	"goinit/control"
	"goinit/signame"
	"goinit/supervise"
	"goinit/supervise/set"

	"golang.org/x/sys/unix"
)

// What a signal to goinit means in run mode. The signals are those that images inherit as STOPSIGNAL: SIGQUIT of nginx,
// SIGRTMIN+3 and SIGPWR of systemd and lxc, SIGWINCH of httpd.
type meaning int

const (
	meansMain  meaning = iota // it is for the main app
	meansStop                 // an ordered stop; a second one hurries
	meansApply                // read the spec again
	meansState                // tell the state
)

func meaningOf(sig unix.Signal, terminal bool) meaning {
	switch sig {
	case unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGPWR, signame.RTMin + 3:
		return meansStop
	case unix.SIGWINCH:
		if !terminal {
			return meansStop
		}
	case unix.SIGHUP:
		if terminal {
			return meansStop
		}
		return meansApply
	case unix.SIGUSR1:
		return meansState
	}
	return meansMain
}

// mainSignals is how many signals may be on their way to the main app: a start that hangs delays them.
const mainSignals = 64

// attend does what signals ask for, until everything has ended. Nothing that it does may wait: who reads signals also
// reaps.
func (r *runner) attend(arrivals *mailbox, ended <-chan supervise.Outcome) supervise.Outcome {
	terminal := hasTerminal()
	again, toMain := make(chan struct{}, 1), make(chan unix.Signal, mainSignals)
	defer close(again)
	defer close(toMain)
	go func() {
		for range again {
			r.reapply()
		}
	}()
	go func() {
		for sig := range toMain { // in their order
			r.signalMain(sig)
		}
	}()
	for {
		select {
		case o := <-ended:
			return o
		case <-arrivals.wake:
			for _, sig := range arrivals.take() {
				r.heed(sig, terminal, again, toMain)
			}
		}
	}
}

// heed does what a signal asks for, or has it done.
func (r *runner) heed(sig unix.Signal, terminal bool, again chan<- struct{}, toMain chan<- unix.Signal) {
	switch meaningOf(sig, terminal) {
	case meansStop:
		go r.shutdown(sig)
	case meansApply:
		select {
		case again <- struct{}{}:
		default: // one is under way and another is asked for: that will see what there is by then
		}
	case meansState:
		r.tellState()
	case meansMain:
		select {
		case toMain <- sig:
		default:
			r.messages.Warn(signame.Of(sig)+" was dropped: too many signals wait for the main app", nil)
		}
	}
}

// hasTerminal reports whether there is a controlling terminal.
func hasTerminal() bool {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

func (r *runner) shutdown(sig unix.Signal) {
	_, err := r.supervisor.Do(context.Background(), supervise.Shutdown{Reason: signame.Of(sig), Signal: true})
	if err != nil && r.supervisor.Phase() != set.Ended {
		r.messages.Error("cannot stop: "+err.Error(), nil)
	}
}

// reapply is what SIGHUP asks for.
func (r *runner) reapply() {
	if p := r.supervisor.Phase(); p != set.Running {
		r.messages.Warn("SIGHUP is ignored while goinit is "+p.String(), nil)
		return
	}
	result, err := r.desk.Do(context.Background(), control.Apply{})
	if err != nil {
		r.messages.Error("SIGHUP: "+err.Error(), nil)
		return
	}
	counts := map[string]int{}
	for _, c := range result.Changes {
		counts[c.Action]++
	}
	r.messages.Info(fmt.Sprintf("%s applied: %d added, %d removed, %d restarted, %d unchanged", r.specPath,
		counts["add"], counts["remove"], counts["restart"], counts["none"]), nil)
}

// signalMain passes a signal on to the main apps.
func (r *runner) signalMain(sig unix.Signal) {
	for _, a := range r.supervisor.Apps() {
		if a.Main {
			_, _ = r.supervisor.Do(context.Background(), supervise.Signal{Targets: []string{a.Name}, Signal: sig})
		}
	}
}

// tellState is what SIGUSR1 asks for: one line a worker.
func (r *runner) tellState() {
	for _, w := range r.supervisor.Snapshot() {
		name, pid := w.App, ""
		if w.Worker != nil {
			name = *w.Worker
		}
		if w.PID != nil {
			pid = fmt.Sprintf(", pid %d", *w.PID)
		}
		r.messages.Info(fmt.Sprintf("%s is %s%s, %d restarts", name, w.State, pid, w.Restarts), nil)
	}
}

// colour is for terminals, and never with NO_COLOR (no-color.org).
func (r *runner) colour() bool {
	if no, ok := r.getenv("NO_COLOR"); ok && no != "" {
		return false
	}
	term, _ := r.getenv("TERM")
	_, err := unix.IoctlGetTermios(1, unix.TCGETS)
	return err == nil && term != "dumb"
}
