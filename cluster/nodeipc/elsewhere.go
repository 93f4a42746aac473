package nodeipc

import "goinit/cluster"

// A worker that is to replace another, which serves, has to listen where that one does: a new version that listens elsewhere
// would come up, take its place, and leave those who connect to the old address with nobody. So it is not ready before it
// does. What the spec does not name any more, where it did (Options.Listening), is not asked for; nor is a port of the
// kernel's choice; nor what only some of the workers have opened, on the way.

// predecessor is who serves in the slot of a worker that is not ready yet; nil: nobody does.
func (w *Worker) predecessor() (last *Worker) {
	for _, o := range w.hub.workers {
		if o.o.Slot == w.o.Slot && o.o.ID < w.o.ID && o.serves(w.o.Balance) && (last == nil || o.o.ID > last.o.ID) {
			last = o
		}
	}
	return last
}

// serves says that it has been ready in this balance, and does not go.
func (w *Worker) serves(b *Balance) bool {
	return b != nil && w.o.Balance == b && w.isReady && !w.ended && !w.draining && !w.stopping
}

// elsewhere says where it does not listen though it should, in one line; empty: nowhere.
func (w *Worker) elsewhere() string {
	w.extra += lookCost * len(w.hub.workers)
	old := w.predecessor()
	if old == nil {
		return ""
	}
	w.extra += lookCost * len(w.hub.workers) * len(old.servers)
	gap, own := "", ""
	for _, s := range old.servers {
		if s.expected(old, w) {
			gap = least(gap, s.address)
		}
	}
	if gap == "" {
		return ""
	}
	for _, s := range w.servers {
		own = least(own, s.address)
	}
	if own != "" {
		return "it listens on " + own + " and not on " + gap + ", where the worker that it is to replace does"
	}
	return "it does not listen on " + gap + ", where the worker that it is to replace does"
}

// least has the same address named each time, out of several.
func least(before string, a cluster.Address) string {
	if text := a.String(); before == "" || text < before {
		return text
	}
	return before
}

// expected reports whether a successor has to listen there, and does not.
func (s *server) expected(old, successor *Worker) bool {
	if s.address.Network != cluster.Unix && s.address.Port == 0 {
		return false
	}
	named := func(w *Worker) bool {
		for _, a := range w.o.Listening {
			if a == s.address {
				return true
			}
		}
		return false
	}
	if named(old) && !named(successor) || successor.listensAt(s.address) {
		return false
	}
	for _, o := range s.balance.hub.workers {
		if o.serves(s.balance) && !o.listensAt(s.address) {
			return false
		}
	}
	return true
}

func (w *Worker) listensAt(a cluster.Address) bool {
	for _, s := range w.servers {
		if s.address == a {
			return true
		}
	}
	return false
}

// hold is for a worker that others find to be ready, before they can: a probe of the address may be answered by the worker
// that it is to replace.
func (w *Worker) hold() {
	if !w.o.ReadyElsewhere {
		return
	}
	if w.gap = w.elsewhere(); w.gap != "" {
		w.held = true
		w.tell(NotReady, w.gap)
	}
}

// reconsider is for those who wait to replace this one, which does not serve any more, or not there. What that costs is its.
func (w *Worker) reconsider() {
	if w.o.Balance == nil {
		return
	}
	w.extra += lookCost * len(w.hub.workers)
	for _, o := range w.hub.workers {
		if o != w && o.o.Balance == w.o.Balance && o.o.Slot == w.o.Slot {
			before := o.extra
			o.settle()
			w.extra, o.extra = w.extra+o.extra-before, before
		}
	}
}
