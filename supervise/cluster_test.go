package supervise

import (
	"errors"
	"fmt"
	"sync"

	"goinit/spec"
)

// fakeCluster notes what it is told, and says that workers are ready when a test says so.
type fakeCluster struct {
	tells bool                    // workers drain in a way of their own
	f     *fake                   // for its log
	wrong func(string, ...any)    // of an order that a Member does not have to expect
	deny  map[string]error        // by address
	ready func(w Work) (now bool) // nil: the cluster does not say who is ready
	lacks string                  // why one that is not ready is not, if that is known
	doubt func(w Work) string     // why one cannot replace another yet; empty: it can. nil: all can

	mu      sync.Mutex
	members map[string]*fakeMember // by worker and generation
	open    map[string]bool        // addresses
}

func newFakeCluster() *fakeCluster {
	return &fakeCluster{members: map[string]*fakeMember{}, open: map[string]bool{}, deny: map[string]error{}}
}

func (c *fakeCluster) Prepare(apps []spec.App) (commit, abort func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted, fresh := map[string]bool{}, []string{}
	for _, a := range apps {
		for _, l := range a.Listen {
			if err := c.deny[l.Address]; err != nil {
				return nil, nil, err
			}
			wanted[l.Address] = true
			if !c.open[l.Address] {
				fresh = append(fresh, l.Address)
			}
		}
	}
	for _, address := range fresh {
		c.open[address] = true
	}
	return func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			for address := range c.open {
				if !wanted[address] {
					delete(c.open, address)
				}
			}
		}, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, address := range fresh {
				delete(c.open, address)
			}
		}, nil
}

func (c *fakeCluster) Wants(a *spec.App) (joins, ready bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(a.Listen) > 0, len(a.Listen) > 0 && c.ready != nil
}

func (c *fakeCluster) Join(w Work, told func(Verdict)) (Member, error) {
	if w.App.WorkingDir == "/nowhere" {
		return nil, errors.New("it cannot join")
	}
	m := &fakeMember{c: c, name: fmt.Sprintf("%s/%d.%d", w.App.Name, w.Slot, w.Generation), work: w, told: told}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[m.name] = m
	return m, nil
}

func (c *fakeCluster) member(name string) *fakeMember {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[name]
}

// serving are the members that get connections.
func (c *fakeCluster) serving() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if m.in {
			n++
		}
	}
	return n
}

// fakeMember minds the order in which it may be told things.
type fakeMember struct {
	c    *fakeCluster
	name string
	work Work
	told func(Verdict)

	started, in, drained, asked, over bool // with c.mu
}

func (m *fakeMember) Given() Given { return Given{Environment: []string{"LISTEN_FDS=1"}} }

func (m *fakeMember) Started(int) {
	m.is("joined", func() bool { return !m.started }, func() { m.started = true })
	m.c.mu.Lock()
	ready := m.c.ready
	m.c.mu.Unlock()
	switch {
	case ready == nil:
	case ready(m.work):
		m.told(Verdict{Kind: VerdictReady})
	case m.c.lacks != "":
		m.told(Verdict{Kind: VerdictUnready, Detail: m.c.lacks})
	}
}

func (m *fakeMember) Enter() {
	m.is("in", func() bool { return m.started && !m.in && !m.drained }, func() { m.in = true })
}

func (m *fakeMember) Leave() {
	m.is("out", func() bool { return m.in && !m.drained }, func() { m.in = false })
}

func (m *fakeMember) Confirm() (stop func()) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.c.members[m.name] != m || !m.started || m.in || m.asked {
		m.c.wrong("%s: asked: %+v", m.name, m)
	}
	m.asked = true
	m.answer()
	return func() {
		m.c.mu.Lock()
		defer m.c.mu.Unlock()
		m.over = true
	}
}

// answer says whether it can replace another; with c.mu.
func (m *fakeMember) answer() {
	if m.c.doubt != nil {
		if why := m.c.doubt(m.work); why != "" {
			m.told(Verdict{Kind: VerdictUnready, Detail: why})
			return
		}
	}
	m.told(Verdict{Kind: VerdictReady})
}

func (m *fakeMember) Drain() bool {
	m.is("drains", func() bool { return m.started && !m.drained }, func() { m.in, m.drained = false, true })
	return m.c.tells
}

func (m *fakeMember) Gone() {
	m.is("gone", func() bool { return true }, func() {
		m.in = false
		delete(m.c.members, m.name)
	})
}

func (m *fakeMember) is(what string, fits func() bool, do func()) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.c.members[m.name] != m || !fits() {
		m.c.wrong("%s: %s: %+v", m.name, what, m)
	}
	do()
	m.c.f.note("%s %s", what, m.name)
}
