package pid1

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goinit/cluster"
	"goinit/cluster/nodeipc"
	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/launch"
)

// clusters is listening sockets and Node's channel as package supervise wants them.
type clusters struct {
	accounts launch.Accounts
	path     func(a *spec.App, path string) string // absolute
	workers  func(*spec.App) int
	warn     func(text string)
	inform   func(text string) // what is worth a line and no warning
	preload  preload
	ending   func() bool // goinit ends: who connects now is to be refused, not to wait
	// processes are those of a worker, the main one first.
	processes func(w supervise.Work, main int) []int
	loads     func(app string, line []byte, started time.Time) // a worker that was started then says which files it has loaded

	relay *cluster.Relay
	ids   atomic.Int64 // the last NODE_UNIQUE_ID
	blind sync.Once    // told that the kernel does not steer
	short sync.Once    // told that fewer connections may wait than were asked for

	mu   sync.Mutex
	hub  *nodeipc.Hub // nil: nobody has wanted a channel yet
	apps map[string]*served
}

// served is an app with sockets, or with Node's channel.
type served struct {
	pool    *cluster.Pool
	mode    cluster.Mode     // how connections come to its workers, by the last word
	balance *nodeipc.Balance // nil: not Node's cluster
	wanted  []listened       // what the last word names
	open    []listened       // what is open, besides what Node's workers ask for
	gone    bool             // no word names the app
	members map[*member]bool
}

func newClusters(accounts launch.Accounts, path func(*spec.App, string) string, workers func(*spec.App) int, warn func(string)) *clusters {
	c := &clusters{accounts: accounts, path: path, workers: workers, warn: warn, inform: func(string) {}, ending: func() bool { return false },
		loads: func(string, []byte, time.Time) {}, processes: func(supervise.Work, int) []int { return nil }, apps: map[string]*served{}}
	c.relay = cluster.NewRelay(func(err error) { c.warn(relayShort(err)) })
	return c
}

// Wants is supervise.Cluster's.
func (c *clusters) Wants(a *spec.App) (joins, ready bool) {
	node := a.NodeChannel()
	ready = a.Readiness == nil && node == spec.NodeCluster || a.Readiness != nil && a.Readiness.Node
	return len(a.Listen) > 0 || node != spec.NodeOff, ready
}

// tidy closes what no word names any more and nobody uses.
func (c *clusters) tidy(name string, s *served) {
	s.open = slices.DeleteFunc(s.open, func(l listened) bool {
		if slices.ContainsFunc(s.wanted, l.same) {
			return false
		}
		for m := range s.members {
			if slices.ContainsFunc(m.sockets, l.same) {
				return false
			}
		}
		s.forget(l.address)
		return true
	})
	if (s.gone || c.ending()) && len(s.members) == 0 {
		s.close()
		delete(c.apps, name)
	}
}

// forget closes the sockets of an address, unless Node's workers have come to listen there by themselves.
func (s *served) forget(a cluster.Address) {
	if s.balance != nil {
		s.balance.Forget(a)
	} else {
		s.pool.Forget(a)
	}
}

func (s *served) close() {
	if s.balance != nil {
		s.balance.Close()
	}
	s.pool.Close()
}

// Close closes everything, at the end of goinit; it removes the files of unix sockets.
func (c *clusters) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, s := range c.apps {
		s.close()
		delete(c.apps, name)
	}
	if c.hub != nil {
		c.hub.Close()
	}
	c.preload.remove()
}

// Join is supervise.Cluster's.
func (c *clusters) Join(w supervise.Work, told func(supervise.Verdict)) (supervise.Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.apps[w.App.Name]
	if s == nil {
		return nil, errors.New("its sockets are closed")
	}
	m := &member{clusters: c, served: s, work: supervise.Work{App: w.App, Slot: w.Slot, Generation: w.Generation}, told: told, place: cluster.AnySlot, child: -1}
	if s.mode == cluster.ReusePort {
		m.place = w.Slot
	}
	var err error
	if m.sockets, err = c.sockets(w.App); err != nil {
		return nil, err
	}
	for _, l := range m.sockets {
		socket, err := s.pool.Socket(w.Slot, l.address, l.options)
		if err != nil {
			return nil, explainListen(w.App.Name, l.address, err)
		}
		if socket.Mode != cluster.RoundRobin { // there goinit accepts; who has the socket too could make it block
			m.given(socket.FD, l.address)
		}
	}
	if w.App.NodeChannel() != spec.NodeOff {
		if err := c.channel(m, w, told); err != nil {
			return nil, fmt.Errorf("a channel for Node: %w", err)
		}
	}
	s.members[m] = true
	return m, nil
}

// steer has connections go to the slots of which a process is in the balance: for an address of the spec, one that has it.
func (s *served) steer(c *clusters) {
	var active []int
	named := map[cluster.Address][]int{}
	for _, l := range s.open {
		named[l.address] = nil
	}
	add := func(places []int, m *member) []int {
		if slices.Contains(places, m.place) {
			return places
		}
		return append(places, m.place)
	}
	for m := range s.members {
		if !m.in {
			continue
		}
		active = add(active, m)
		for _, l := range m.sockets {
			if places, is := named[l.address]; is {
				named[l.address] = add(places, m)
			}
		}
	}
	if err := s.pool.Steer(active, named); err != nil {
		c.blind.Do(func() {
			c.warn("this kernel does not let connections be steered (" + err.Error() + "): a worker that is not ready, or is to end, still gets some" +
				"\n  write balance: shared, where each worker takes what it can")
		})
	}
}

// has reports whether a process that accepts from a slot's sockets is there, or from those for all.
func (s *served) has(place int) bool {
	for m := range s.members {
		if m.place == place {
			return true
		}
	}
	return false
}

// pathOf is a path of listen:, made absolute; an abstract name stays.
func (c *clusters) pathOf(a *spec.App, path string) string {
	if strings.HasPrefix(path, "\x00") {
		return path
	}
	return c.path(a, path)
}
