package pid1

import (
	"time"

	"goinit/supervise/set"

	"golang.org/x/sys/unix"
)

// forwarder decides what becomes of a signal that was sent to goinit: passed on as it is, as another, later, or not at
// all. It is pure: the clock is its caller's.
type forwarder struct {
	rewrite map[unix.Signal]unix.Signal // 0: drop
	hold    map[unix.Signal]time.Duration
	held    []held // by due time
}

type held struct {
	arrival
	at, due time.Time
}

// arrive takes a signal and returns what is to be sent now. A second signal of a kind that is being held hurries: both
// are sent at once, as one. One that follows within set.OneRequest is the first again.
func (f *forwarder) arrive(a arrival, now time.Time) (send arrival, ok bool) {
	if a.sig == unix.SIGCHLD {
		return arrival{}, false // ours alone
	}
	wait := f.hold[a.sig]
	if wait <= 0 {
		return f.out(a)
	}
	for i, h := range f.held {
		if h.sig == a.sig {
			if now.Sub(h.at) < set.OneRequest {
				return arrival{}, false
			}
			f.held = append(f.held[:i], f.held[i+1:]...)
			return f.out(a)
		}
	}
	h := held{a, now, now.Add(wait)}
	i := len(f.held)
	for i > 0 && f.held[i-1].due.After(h.due) {
		i--
	}
	f.held = append(f.held, held{})
	copy(f.held[i+1:], f.held[i:])
	f.held[i] = h
	return arrival{}, false
}

// deadline is when the next held signal is due, zero if none is held.
func (f *forwarder) deadline() time.Time {
	if len(f.held) == 0 {
		return time.Time{}
	}
	return f.held[0].due
}

// due takes a held signal whose time has come.
func (f *forwarder) due(now time.Time) (send arrival, ok bool) {
	for len(f.held) > 0 && !f.held[0].due.After(now) {
		h := f.held[0]
		f.held = f.held[1:]
		if send, ok = f.out(h.arrival); ok {
			return send, true
		}
	}
	return arrival{}, false
}

func (f *forwarder) out(a arrival) (arrival, bool) {
	if to, ok := f.rewrite[a.sig]; ok {
		a.sig = to
	}
	return a, a.sig != 0
}
