package control

import (
	"sync"
	"time"
)

// clients are those who are connected. A place is never taken for good: who has waited longest, for its next request
// or for its peer to read, has to go when somebody else wants it.
type clients struct {
	mu      sync.Mutex
	all     map[*client]struct{}
	adopted map[*client]struct{} // they have places of their own, which nobody takes
	dropped uint64
	closed  bool
}

// admit gives a place, if need be another's. Those who may only read have no part in the reserve, and drive out
// only one another.
func (cs *clients) admit(c *client, l Limits) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		return false
	}
	if cs.all == nil {
		cs.all = make(map[*client]struct{})
	}
	most := l.Clients
	if c.peer.access == write {
		most += l.Reserve
	}
	if len(cs.all) >= most && !cs.drop(read) && (c.peer.access != write || !cs.drop(write)) {
		return false
	}
	c.since = time.Now()
	cs.all[c] = struct{}{}
	return true
}

// adopt gives a place beside the others.
func (cs *clients) adopt(c *client) bool {
	const most = 4 // one, and its successor, and what is on its way out
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.adopted) >= most {
		return false
	}
	if cs.adopted == nil {
		cs.adopted = make(map[*client]struct{})
	}
	c.since = time.Now()
	cs.adopted[c] = struct{}{}
	return true
}

// drop closes the client with this access that has been idle longest. The caller holds the lock.
func (cs *clients) drop(a access) bool {
	var oldest *client
	for c := range cs.all {
		if c.peer.access == a && !c.busy && (oldest == nil || c.since.Before(oldest.since)) {
			oldest = c
		}
	}
	if oldest == nil {
		return false
	}
	delete(cs.all, oldest)
	cs.dropped++
	oldest.conn.close()
	return true
}

// dropIdle makes room where descriptors are short.
func (cs *clients) dropIdle() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	_ = cs.drop(read) || cs.drop(write)
}

// mark says that a client is at work, or waits for its peer from now on.
func (cs *clients) mark(c *client, busy bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.busy, c.since = busy, time.Now()
}

func (cs *clients) countDropped() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.dropped++
}

func (cs *clients) leave(c *client) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, c)
	delete(cs.adopted, c)
}

func (cs *clients) closeAll() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for c := range cs.all {
		c.conn.close()
	}
	for c := range cs.adopted {
		c.conn.close()
	}
}

func (cs *clients) count() (now int, dropped uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.all), cs.dropped
}
