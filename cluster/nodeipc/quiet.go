package nodeipc

import "time"

// A worker that takes from a queue never listens, which is what a worker of a cluster is ready by. Nothing tells it from one
// that is about to; but where none has ever listened, and this one has had time for it, it is taken for such a one. Those
// that come after it are so at once. The first that does listen after all ends that: a replacement that hangs before it
// listens must not be taken for one that is ready.

// quietRest is how long a worker of such a program has to live.
const quietRest = time.Second

// awaitQuiet begins when it has come up.
func (w *Worker) awaitQuiet() {
	b := w.o.Balance
	if w.o.QuietTime <= 0 || w.o.ReadyOnMessage || b == nil || b.listens || w.isReady || !w.quiet.IsZero() {
		return
	}
	rest := w.o.QuietTime
	if b.quiet {
		rest = min(rest, quietRest)
	}
	w.quiet = time.Now().Add(rest)
	w.hub.wakeBy(w.quiet)
}

// servesNothing is the end of that time.
func (w *Worker) servesNothing() {
	b := w.o.Balance
	if b.listens || w.isReady || w.draining {
		return
	}
	if !b.quiet {
		b.quiet = true
		w.hint("it has run for " + w.o.QuietTime.String() + " and nobody of its app has listened: it is taken for a program that serves nothing, and is ready" +
			"\n  write node: off, and it is ready as soon as it runs; or node: cluster, and it has to listen")
	}
	w.becomeReady()
}
