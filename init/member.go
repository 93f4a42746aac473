package pid1

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"goinit/cluster/nodeipc"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/tree"

	"golang.org/x/sys/unix"
)

// listenBase is SD_LISTEN_FDS_START of sd_listen_fds(3).
const listenBase = 3

// quietTime is how long a program that is taken for a Node cluster, but was not said to be one, has to listen, before it is
// taken for one that serves nothing. A server is not so until then: that is less than what it has to start.
const quietTime = 30 * time.Second

// member is a process that serves, or has Node's channel. What it has in common with others is under its clusters' lock; the
// rest is of the one goroutine that calls its methods.
type member struct {
	clusters *clusters
	served   *served
	work     supervise.Work
	told     func(supervise.Verdict)
	place    int // its slot, or cluster.AnySlot where it accepts from the socket that is for all
	sockets  []listened
	fds      []int // of the sockets that the process is given; the Pool's
	in       bool  // in the balance

	pid      int       // 0: not started yet
	doors    []door    // of the sockets that it is given
	question *question // whether it can replace another; nil: nobody has asked

	worker *nodeipc.Worker // nil: it has no channel
	child  int             // its end of the channel; -1: it has it
	node   []string        // of its environment
}

// channel gives a process Node's channel.
func (c *clusters) channel(m *member, w supervise.Work, told func(supervise.Verdict)) (err error) {
	if c.hub == nil {
		c.hub, err = nodeipc.NewHub(func(err error) { c.warn("a mistake of goinit's own, please report it: " + err.Error()) })
		if err != nil {
			return err
		}
	}
	name := tree.Worker(w.App.Name, w.Slot)
	probed := w.App.Readiness != nil && !w.App.Readiness.Node
	o := nodeipc.Options{Slot: w.Slot, Mode: m.served.mode, ReadyOnMessage: w.App.Readiness != nil && w.App.Readiness.Node, ReadyElsewhere: probed,
		Told: func(e nodeipc.Event) {
			if e.Kind == nodeipc.Hint {
				c.warn(name + ": " + e.Detail)
			} else if v, ok := nodeVerdict(e, probed); ok {
				told(v)
			}
		}}
	if w.App.Node != spec.NodeCluster && w.App.Readiness == nil && len(w.App.Listen) == 0 {
		o.QuietTime = quietTime
	}
	if w.App.Watch.On() {
		started := time.Now()
		o.Loads = func(line []byte) { c.loads(w.App.Name, line, started) }
	}
	if w.App.User != "" {
		account, err := c.accounts.Resolve(w.App.User)
		if err != nil {
			return fmt.Errorf("user %q: %w", w.App.User, err)
		}
		o.UID, o.GID = int(account.UID), int(account.GID)
	}
	for _, l := range m.sockets {
		o.Listening = append(o.Listening, l.address)
	}
	if w.App.NodeChannel() == spec.NodeCluster {
		if m.served.balance == nil {
			m.served.balance = c.hub.NewBalance(m.served.pool)
		}
		o.ID, o.Balance = int(c.ids.Add(1)), m.served.balance
		if w.App.NodePreload {
			if o.Preload, err = c.preloadFor(w.App); err != nil {
				return err
			}
		}
	}
	for i, l := range w.App.Listen {
		if l.Message != "" && i < len(m.fds) {
			o.Handed = append(o.Handed, nodeipc.Handed{Message: l.Message, FD: m.fds[i]})
		}
	}
	m.worker, m.child, m.node, err = c.hub.Open(o)
	return err
}

// nodeVerdict is what the supervisor is told of a word on Node's channel. Of a worker that is probed for its readiness it is
// not that it is ready: who listens may have a long way to go until then.
func nodeVerdict(e nodeipc.Event, probed bool) (v supervise.Verdict, ok bool) {
	v.Detail = e.Detail
	switch e.Kind {
	case nodeipc.Ready:
		v.Kind = supervise.VerdictReady
		if probed {
			v.Kind = supervise.VerdictReleased
		}
	case nodeipc.NotReady:
		v.Kind = supervise.VerdictUnready
		if probed {
			v.Kind = supervise.VerdictHeld
		}
	case nodeipc.Stopping:
		v.Kind = supervise.VerdictStopping
	case nodeipc.Drained:
		v.Kind = supervise.VerdictDrained
	case nodeipc.Unhealthy:
		v.Kind = supervise.VerdictUnhealthy
	default:
		return v, false
	}
	return v, true
}

// Given is supervise.Member's: the sockets from descriptor 3 on, as sd_listen_fds(3) has it, and the channel behind them.
func (m *member) Given() supervise.Given {
	g := supervise.Given{Files: map[int]int{}}
	var names []string
	for i, fd := range m.fds {
		g.Files[listenBase+i] = fd
		names = append(names, m.sockets[i].name)
	}
	if len(names) > 0 {
		g.Environment = []string{"LISTEN_PID=0", "LISTEN_FDS=" + strconv.Itoa(len(names)), "LISTEN_FDNAMES=" + strings.Join(names, ":")}
	}
	if m.worker != nil {
		number := listenBase + len(names)
		g.Files[number] = m.child
		g.Environment = append(append(g.Environment, "NODE_CHANNEL_FD="+strconv.Itoa(number)), m.node...)
		g.Close = m.closeChild
	}
	return g
}

func (m *member) closeChild() {
	if m.child >= 0 {
		unix.Close(m.child)
		m.child = -1
	}
}

// Started is supervise.Member's.
func (m *member) Started(pid int) {
	m.clusters.mu.Lock()
	m.pid = pid
	m.clusters.mu.Unlock()
	if m.worker != nil {
		m.worker.Started(pid)
	}
}

// Enter is supervise.Member's.
func (m *member) Enter() {
	if m.worker != nil {
		m.worker.Enter()
	}
	m.put(true)
}

// Leave is supervise.Member's.
func (m *member) Leave() {
	m.put(false)
	if m.worker != nil {
		m.worker.Leave()
	}
}

// Drain is supervise.Member's.
func (m *member) Drain() (told bool) {
	m.put(false)
	return m.worker != nil && m.worker.Drain()
}

// put puts it into the balance, or takes it out.
func (m *member) put(in bool) {
	m.clusters.mu.Lock()
	defer m.clusters.mu.Unlock()
	if m.in != in {
		m.in = in
		m.served.steer(m.clusters)
	}
}

// Gone is supervise.Member's.
func (m *member) Gone() {
	if m.worker != nil {
		m.worker.Gone()
	}
	m.closeChild()
	c := m.clusters
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(m.served.members, m)
	m.question.end()
	m.served.steer(c)
	m.retire()
	if c.apps[m.work.App.Name] == m.served {
		c.tidy(m.work.App.Name, m.served)
	}
}

// retire gives up the slot where it was the last. What it had may be another app's by now, which then has nobody there
// either.
func (m *member) retire() {
	if !m.served.has(m.place) {
		m.served.pool.Retire(m.place)
	}
	for _, l := range m.sockets {
		for _, s := range m.clusters.apps {
			if s != m.served && s.pool.Has(l.address) && !s.has(m.place) {
				s.pool.Retire(m.place)
			}
		}
	}
}
