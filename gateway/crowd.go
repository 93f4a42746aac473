package gateway

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// crowd is who is connected. There is always room for one more: of those who are not being answered right now, who came first
// has to go. So neither connections that say nothing, nor requests that come a byte a second, keep a kubelet out.
type crowd struct {
	most int

	mu    sync.Mutex
	there map[net.Conn]*guest
	first *guest // the list in which they came
	last  *guest
}

type guest struct {
	conn       net.Conn
	prev, next *guest
	answered   bool // a handler is at work for it
}

func newCrowd(most int) *crowd { return &crowd{most: most, there: map[net.Conn]*guest{}} }

// state is http.Server's ConnState.
func (c *crowd) state(conn net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		c.enter(conn)
	case http.StateClosed, http.StateHijacked:
		c.mu.Lock()
		c.leave(c.there[conn])
		c.mu.Unlock()
	}
}

func (c *crowd) enter(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.there) >= c.most {
		c.makeRoom()
	}
	g := &guest{conn: conn}
	c.there[conn] = g
	c.append(g)
}

// makeRoom has the first go who is not being answered; if all are, the first.
func (c *crowd) makeRoom() {
	g := c.first
	for g != nil && g.answered {
		g = g.next
	}
	if g == nil {
		g = c.first
	}
	c.leave(g)
	g.conn.Close()
}

// back puts one who was answered behind all others.
func (c *crowd) back(g *guest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g.answered = false
	if c.there[g.conn] == g {
		c.unlink(g)
		c.append(g)
	}
}

func (c *crowd) append(g *guest) {
	g.prev, g.next = c.last, nil
	if c.last != nil {
		c.last.next = g
	} else {
		c.first = g
	}
	c.last = g
}

func (c *crowd) unlink(g *guest) {
	if g.prev != nil {
		g.prev.next = g.next
	} else {
		c.first = g.next
	}
	if g.next != nil {
		g.next.prev = g.prev
	} else {
		c.last = g.prev
	}
	g.prev, g.next = nil, nil
}

func (c *crowd) leave(g *guest) {
	if g == nil || c.there[g.conn] != g {
		return
	}
	delete(c.there, g.conn)
	c.unlink(g)
}

type guestKey struct{}

// context is http.Server's ConnContext: a handler finds its guest.
func (c *crowd) context(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return context.WithValue(ctx, guestKey{}, c.there[conn])
}

// answering marks those whose request has come.
func (c *crowd) answering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g, _ := r.Context().Value(guestKey{}).(*guest); g != nil {
			c.mu.Lock()
			g.answered = true
			c.mu.Unlock()
			defer c.back(g)
		}
		h.ServeHTTP(w, r)
	})
}
