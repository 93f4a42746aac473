package nodeipc

import (
	"slices"
	"time"
)

// flight is a connection on its way.
type flight struct {
	listener *listener
	fd       int
	seq      int
	at       time.Time
}

const (
	// maxFlights is how many connections one worker may have that it has not acknowledged: what is lost to a worker that hangs
	// until it is killed. More than 16 bring nothing, measured.
	maxFlights = 16
	// A worker that has no descriptor left, or declines, is left alone for a while.
	lossRest    = time.Second
	declineRest = 50 * time.Millisecond
)

// credit says whether it can be given a connection.
func (w *Worker) credit() bool {
	const length = 256 // more than the line has
	return w.entered && !w.draining && !w.ended && w.rest.IsZero() && len(w.flights) < maxFlights &&
		len(w.channel.queue) == 0 && !w.channel.broken && w.channel.window.allows(length)
}

// give sends it a connection, which is kept until it has said that it has it.
func (w *Worker) give(l *listener, fd int, now time.Time) {
	seq := w.hub.number()
	w.flights = append(w.flights, flight{l, fd, seq, now})
	if len(w.flights) == 1 {
		w.hub.wakeBy(now.Add(w.o.HangTime))
	}
	var space [512]byte
	w.send(outgoing{text: newConnection(space[:0], l.key, l.nativeKind, seq), fd: fd, seq: seq})
}

// pump has those accept that may have waited for this worker.
func (w *Worker) pump() {
	if !w.credit() {
		return
	}
	for _, s := range w.servers {
		if s.listener != nil && s.listener.starving() {
			s.listener.pump()
		}
	}
}

// land takes a connection off; false: there is none of that number.
func (w *Worker) land(seq int) (flight, bool) {
	i := slices.IndexFunc(w.flights, func(f flight) bool { return f.seq == seq })
	if i < 0 {
		return flight{}, false
	}
	f := w.flights[i]
	w.flights = slices.Delete(w.flights, i, i+1)
	return f, true
}

// relax keeps connections from it for a while.
func (w *Worker) relax(d time.Duration) {
	w.rest = time.Now().Add(d)
	w.hub.wakeBy(w.rest)
}

// forbear gives the worker all of its time anew to take what it has: it could not.
func (w *Worker) forbear(now time.Time) {
	w.hung = false
	for i := range w.flights {
		w.flights[i].at = now
	}
	if len(w.flights) > 0 {
		w.hub.wakeBy(now.Add(w.o.HangTime))
	}
}
