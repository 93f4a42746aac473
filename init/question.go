package pid1

import (
	"cmp"
	"time"

	"goinit/cluster"
	"goinit/health"
	"goinit/supervise"
	"goinit/supervise/tree"
)

// A program that takes its sockets from LISTEN_FDS and says nothing of its readiness may hang before it accepts, or have
// bound another port. It would take the place of a worker that serves, and leave those who connect with nobody. So where the
// worker that it is to replace (or another, where that one had to go first) is seen to wait for connections, it has to be seen
// so as well. Where that one does so in a way that does not show, nothing is known, and nothing is asked for.

// door is a socket that a process was given.
type door struct {
	address cluster.Address
	socket  health.Socket // noted when it was given: the descriptor may be closed later
}

func (m *member) given(fd int, a cluster.Address) {
	m.fds = append(m.fds, fd)
	if s, err := health.SocketOf(fd); err == nil {
		m.doors = append(m.doors, door{a, s})
	}
}

// question is whether a process waits for connections wherever another does that serves. It is asked again at growing
// distances, until it is so. All of it is under its clusters' lock, but for the looks.
type question struct {
	member *member
	timer  *time.Timer
	pause  time.Duration
	over   bool
	gap    string // why not, as it was told; empty: it was not yet
	blind  int    // looks in a row that could not see all of the new one
	marks  []mark
	other  string // the worker that it is compared with, where that is not the one of its slot
}

// mark is what has been seen of a socket that the new one was given.
type mark struct {
	door
	old    health.Wait // how the old one waits there
	absent int         // looks in a row that have not found an old one there that was seen in accept(2)
	here   bool        // the new one waits there, or may: it cannot be seen
}

// Pauses between two looks, and how many in a row may not find a process in accept(2) that was seen there: it has much to do,
// and then so has the new one, in which the same may not be seen.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
	maxAbsent  = 8
)

// minBlind is how many looks in a row have to fail to see the new one, before that is taken for what cannot be helped: for a
// moment of its end a process cannot be seen either (task_dump_owner in the kernel's fs/proc/base.c), and that must not make it ready.
const minBlind = 2

// Confirm is supervise.Member's.
func (m *member) Confirm() (stop func()) {
	c := m.clusters
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &question{member: m, pause: firstPause}
	for _, d := range m.doors {
		q.marks = append(q.marks, mark{door: d})
	}
	m.question = q
	if m.model() == nil || len(m.doors) == 0 {
		q.answer()
		return q.stop
	}
	q.timer = time.AfterFunc(0, q.look) // /proc is not for the goroutine that asks
	return q.stop
}

// model is who serves in the slot of a member besides it; else the first that does so in another, and is not asked itself.
// nil: nobody does.
func (m *member) model() (other *member) {
	for o := range m.served.members {
		switch {
		case o == m || !o.in:
		case o.work.Slot == m.work.Slot:
			return o
		case (o.question == nil || o.question.over) && (other == nil || o.work.Slot < other.work.Slot):
			other = o
		}
	}
	return other
}

// look is one, in a goroutine of its own.
func (q *question) look() {
	m := q.member
	c := m.clusters
	c.mu.Lock()
	old := m.model()
	if q.over {
		c.mu.Unlock()
		return
	}
	if old == nil {
		q.answer()
		c.mu.Unlock()
		return
	}
	ours, theirs := q.open(old)
	q.other = ""
	if old.work.Slot != m.work.Slot {
		q.other = tree.Worker(old.work.App.Name, old.work.Slot)
	}
	processes := func(m *member) func() []int {
		w, pid := m.work, m.pid
		return func() []int { return c.processes(w, pid) }
	}
	oldTree, newTree := processes(old), processes(m)
	c.mu.Unlock()

	var seen, found []health.Wait
	all := true
	if len(theirs.marks) > 0 {
		seen, _ = health.Waits(oldTree, theirs.sockets)
	}
	if len(ours.marks) > 0 {
		found, all = health.Waits(newTree, ours.sockets)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if q.over {
		return
	}
	if q.blind++; all {
		q.blind = 0
	}
	for i, p := range ours.marks {
		p.here = p.here || found[i] != health.Unseen || q.blind >= minBlind
	}
	for i, p := range theirs.marks {
		p.noteOld(seen[i])
	}
	q.judge()
}

// noteOld takes what was seen of the old one. An epoll set is no matter of the moment, so that is not looked at again.
func (p *mark) noteOld(w health.Wait) {
	switch {
	case w != health.Unseen:
		p.old, p.absent = w, 0
	case p.old == health.Blocked:
		if p.absent++; p.absent > maxAbsent {
			p.old, p.absent = health.Unseen, 0
		}
	}
}

// wanted are sockets to be looked at, and the marks that are made for them.
type wanted struct {
	marks   []*mark
	sockets []health.Socket
}

func (w *wanted) add(p *mark, s health.Socket) {
	w.marks, w.sockets = append(w.marks, p), append(w.sockets, s)
}

// open are the new one's sockets on which it has not been seen yet, and those of the old one's, of the same addresses, of which a
// look may tell something new.
func (q *question) open(old *member) (ours, theirs wanted) {
	for i := range q.marks {
		p := &q.marks[i]
		if p.here {
			continue
		}
		ours.add(p, p.socket)
		for _, d := range old.doors {
			if d.address == p.address && p.old != health.Polled {
				theirs.add(p, d.socket)
			}
		}
	}
	return ours, theirs
}

// judge tells what comes of the looks so far.
func (q *question) judge() {
	gap := q.lacking()
	if gap == "" {
		q.answer()
		return
	}
	defer q.again()
	if q.blind > 0 || gap == q.gap {
		return
	}
	q.member.told(supervise.Verdict{Kind: supervise.VerdictUnready, Detail: gap})
	if q.gap == "" {
		w := &q.member.work
		q.member.clusters.inform(tree.Worker(w.App.Name, w.Slot) + ": " + gap + ": it is not ready before it does" +
			"\n  if it does so in a way that cannot be seen, let it say when it is ready: readiness: {notify: true}; or, if it is not meant to, have all end before the new ones start: goinit ctl restart")
	}
	q.gap = gap
}

// again has another look made, later each time.
func (q *question) again() {
	q.timer = time.AfterFunc(q.pause, q.look)
	q.pause = min(2*q.pause, lastPause)
}

// lacking says where it does not wait though it should, in one line; empty: nowhere.
func (q *question) lacking() string {
	least, verb := "", ""
	for i := range q.marks {
		p := &q.marks[i]
		if p.here || p.old == health.Unseen {
			continue
		}
		if text := p.address.String(); least == "" || text < least {
			least, verb = text, "accept on "
			if p.address.Network == cluster.UDP {
				verb = "read from "
			}
		}
	}
	if least == "" {
		return ""
	}
	return "it does not " + verb + least + ", where " + cmp.Or(q.other, "the worker that it is to replace") + " does"
}

// answer says that it can replace the other one, as far as anybody knows.
func (q *question) answer() {
	q.end()
	q.member.told(supervise.Verdict{Kind: supervise.VerdictReady})
}

// end ends the asking; of nobody's question it does nothing.
func (q *question) end() {
	if q == nil {
		return
	}
	q.over = true
	if q.timer != nil {
		q.timer.Stop()
	}
}

// stop is end for those who do not have the lock.
func (q *question) stop() {
	q.member.clusters.mu.Lock()
	defer q.member.clusters.mu.Unlock()
	q.end()
}
