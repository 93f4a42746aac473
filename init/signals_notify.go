//go:build !goinit_entry || !linux || !(amd64 || arm64)

package pid1

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"goinit/signame"

	"golang.org/x/sys/unix"
)

// notify is the way of an ordinary Go program, for a build without the entry stub: real-time signals merge, PROF and
// URG are not forwarded (the runtime keeps the one and sends itself the other), and a TERM that comes before openSignals
// ends goinit.
type notify struct {
	children chan os.Signal
	others   chan os.Signal
}

func openSignals() (source, error) {
	_ = setDefault(cLibrarySignal) // SIGCHLD has the runtime's handler already
	n := &notify{make(chan os.Signal, 1), make(chan os.Signal, 256)}
	for s := syscall.Signal(1); s <= signame.RTMax; s++ {
		switch s {
		case syscall.SIGCHLD:
			signal.Notify(n.children, s)
		case syscall.SIGURG, syscall.SIGKILL, syscall.SIGSTOP:
		default:
			signal.Notify(n.others, s)
		}
	}
	return n, nil
}

func (n *notify) next(deadline time.Time) (arrival, bool) {
	var late <-chan time.Time
	if !deadline.IsZero() {
		late = time.After(time.Until(deadline))
	}
	select {
	case <-n.children:
		return arrival{sig: unix.SIGCHLD}, true
	case s := <-n.others:
		return arrival{sig: s.(syscall.Signal)}, true
	case <-late:
		return arrival{}, false
	}
}

// stopGroup stops goinit alone: the signals of job control are caught here.
func stopGroup(unix.Signal) (stopped bool) {
	return unix.Kill(unix.Getpid(), unix.SIGSTOP) == nil
}

// signalStream is the same for run mode.
type signalStream struct{ source source }

func openSignalStream() (*signalStream, error) {
	s, err := openSignals()
	return &signalStream{s}, err
}

func (s *signalStream) next() ([]unix.Signal, error) {
	a, _ := s.source.next(time.Time{})
	return []unix.Signal{a.sig}, nil
}
