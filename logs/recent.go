package logs

import (
	"sync"
	"sync/atomic"
)

// recent is the rings of all apps, and who waits for more.
type recent struct {
	limit int

	mu      sync.Mutex
	rings   map[string]*ring
	seq     uint64
	readers map[chan struct{}]struct{}
	grown   atomic.Bool // since the last announce
}

func newRecent(limit int) *recent {
	return &recent{limit: limit, rings: make(map[string]*ring), readers: make(map[chan struct{}]struct{})}
}

// ring is an app's, made when it is first wanted.
func (s *recent) ring(app string) *ring {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rings[app]
	if r == nil {
		r = &ring{app: app, limit: s.limit}
		s.rings[app] = r
	}
	return r
}

// put appends a line; readers hear of it at the next announce.
func (s *recent) put(r *ring, rec record, line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	rec.seq = s.seq
	r.put(rec, line)
	s.grown.Store(true)
}

// announce wakes the readers, if there is something new.
func (s *recent) announce() {
	if !s.grown.Swap(false) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for wake := range s.readers {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// subscribe returns a channel that has something in it when there may be something new.
func (s *recent) subscribe() chan struct{} {
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers[wake] = struct{}{}
	return wake
}

func (s *recent) unsubscribe(wake chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, wake)
}

func (s *recent) bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.rings {
		n += r.size
	}
	return n
}

// Forget drops what is kept of an app. To be called when the app is gone, after its last Drain.
func (c *Console) Forget(app string) {
	c.kept.mu.Lock()
	defer c.kept.mu.Unlock()
	delete(c.kept.rings, app)
}
