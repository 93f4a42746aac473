package nodeipc

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"goinit/cluster"
	"goinit/cluster/address"

	"golang.org/x/sys/unix"
)

// Balance is what the workers of one app have in common: where they listen, and what their servers have to agree on.
type Balance struct {
	hub     *Hub
	pool    *cluster.Pool
	servers map[string]*server // by key
	closed  bool
	listens bool // some worker has listened
	quiet   bool // one was found to be well that never did
	clashed bool // one was told that the spec has its port under another address
}

// server is one address on which workers of an app listen. It stays while they come and go.
type server struct {
	balance  *Balance
	key      string // what Node calls it by: opaque to Node
	address  cluster.Address
	listener *listener // nil: the workers accept by themselves. Those do too who have come after the mode was changed
	// data is what the first worker's server gave for the others: a TLS server's keys for session tickets. It outlives the
	// workers, so a client's session does as well.
	data  []byte
	users []*Worker
	slot  int       // of the last one who left
	taken time.Time // since when somebody has listened there
	kept  bool      // it had nobody once
	// Nobody listens there any more, and this worker, who closed it or came after who did, lives on without: the socket is
	// forgotten if nobody comes.
	closer *Worker
	idle   time.Time
}

const maxData = 4 << 10 // bytes of JSON

// NewBalance makes one over an app's sockets.
func (h *Hub) NewBalance(pool *cluster.Pool) *Balance {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := &Balance{hub: h, pool: pool, servers: map[string]*server{}}
	h.balances[b] = true
	return b
}

// Close ends it, with the app: its workers are gone. The sockets are the Pool's. Connections that nobody took are closed.
func (b *Balance) Close() {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	b.closed = true
	delete(b.hub.balances, b)
	for _, s := range b.servers {
		s.close()
	}
}

// Forget has the Pool forget an address that no spec names any more, unless a worker listens there: then it is the worker's,
// as if it had never been named.
func (b *Balance) Forget(a cluster.Address) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for _, s := range b.servers {
		switch {
		case s.address != a:
		case len(s.users) > 0:
			return
		default:
			s.close() // its descriptor is about to be another's
		}
	}
	b.pool.Forget(a)
}

// query answers a worker that wants to listen.
func (w *Worker) query(m message) {
	b := w.o.Balance
	if b == nil || b.closed || w.draining {
		return // as Node's own primary does: it is on its way out
	}
	a, key, err := w.addressOf(m)
	if err != nil {
		w.refuse(m, "", err)
		return
	}
	if w.servers[key] != nil {
		w.refuse(m, key, unix.EADDRINUSE) // by itself
		return
	}
	if len(w.servers) >= maxServers || len(b.servers) >= maxServers && b.servers[key] == nil {
		w.hint("it listens in more than " + strconv.Itoa(maxServers) + " places: goinit opens no more for it")
		w.refuse(m, key, unix.EMFILE)
		return
	}
	if w.channel.lent() >= maxLent {
		w.refuse(m, key, unix.EMFILE)
		return
	}
	mode := w.o.Mode
	if a.Network == cluster.UDP || a.Network == cluster.Unix && mode == cluster.ReusePort {
		mode = cluster.Shared
	}
	o := optionsOf(m, mode)
	o.UID, o.GID, o.ByOwner = w.o.UID, w.o.GID, w.o.UID != 0
	socket, err := b.pool.Socket(w.o.Slot, a, o)
	if err == nil { // listen: has its sockets block, for other programs; neither Node nor we may wait in accept(2)
		err = unix.SetNonblock(socket.FD, true)
	}
	if err != nil {
		w.hintClash(a, err)
		w.refuse(m, key, err)
		return
	}
	s := b.servers[key]
	if s == nil {
		s = &server{balance: b, key: key, address: a}
	}
	if socket.Mode == cluster.RoundRobin && s.listener == nil {
		if s.listener, err = b.hub.listen(socket.FD, key, nativeKind(a)); err != nil {
			w.refuse(m, key, err)
			return
		}
	}
	b.servers[key] = s
	s.use(w, m.data)
	if socket.Mode != cluster.RoundRobin {
		w.lend(m, s, socket)
		return
	}
	w.sendCluster(func(b []byte) []byte {
		b = append(b, `,"errno":null`...)
		b = s.answer(b, m.seq)
		if a.Network == cluster.TCP {
			b = appendBound(b, socket.Bound)
		}
		return b
	})
	s.listener.join(w)
}

// deepen has what the spec says of a socket's queue be so, where a worker has called listen(2) with less.
func (w *Worker) deepen(m message) {
	if a, key, err := w.addressOf(m); err == nil && w.servers[key] != nil && slices.Contains(w.o.Listening, a) {
		w.extra += lookCost * w.o.Balance.pool.Deepen(a, m.backlog)
	}
}

// use makes the worker one of those who listen there.
func (s *server) use(w *Worker, data []byte) {
	if len(s.users) == 0 {
		s.taken = time.Now()
	}
	s.users = append(s.users, w)
	s.balance.listens = true
	s.closer, s.idle = nil, time.Time{}
	w.servers[s.key] = s
	if s.data == nil && len(data) <= maxData && string(data) != "null" && json.Valid(data) {
		s.data = bytes.Clone(data)
	}
}

// answer begins the reply to queryServer.
func (s *server) answer(b []byte, seq int) []byte {
	b = number(appendKey(b, s.key), "ack", seq)
	b = append(b, `,"data":`...)
	if s.data == nil {
		return append(b, "null"...)
	}
	return append(b, s.data...)
}

// lend sends the socket itself. The copy is closed when it was sent.
func (w *Worker) lend(m message, s *server, socket cluster.Socket) {
	fd, err := unix.FcntlInt(uintptr(socket.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		delete(w.servers, s.key)
		s.left(w)
		w.refuse(m, s.key, err)
		return
	}
	class := "net.Native"
	if s.address.Network == cluster.UDP {
		class = "dgram.Native"
	}
	text := withHandle(nil, class, nativeKind(s.address), true, func(b []byte) []byte {
		b = append(envelope(b), `,"errno":0`...)
		return ending(s.answer(b, m.seq), w.hub.number())
	})
	w.send(outgoing{text: text, fd: fd, own: true})
}

// refuse has listen() fail as it would without us: Node makes its message out of the errno.
func (w *Worker) refuse(m message, key string, err error) {
	errno := unix.EINVAL
	errors.As(err, &errno)
	w.sendCluster(func(b []byte) []byte {
		b = number(b, "errno", -int(errno))
		return append(number(appendKey(b, key), "ack", m.seq), `,"data":null`...)
	})
}

// hintClash says, once, who has a port that is in use: often it is goinit itself, for the spec, which spells the address in
// another way. To the kernel :8080 and 0.0.0.0:8080 are in each other's way; to us they are two.
func (w *Worker) hintClash(a cluster.Address, err error) {
	b := w.o.Balance
	if b.clashed || w.noisy || a.Port == 0 || !errors.Is(err, unix.EADDRINUSE) {
		return
	}
	for _, named := range w.o.Listening {
		if named.Network == a.Network && named.Port == a.Port && named != a {
			b.clashed = true
			w.hint("it listens on " + a.String() + ", and listen: of the spec has " + named.String() + ", which goinit keeps open: one is in the way of the other" +
				"\n  write the same in both: listen: [\"" + a.String() + "\"]")
			return
		}
	}
}

// addressOf is what the worker wants to listen on, and the key of it.
func (w *Worker) addressOf(m message) (a cluster.Address, key string, err error) {
	key = keyOf(m)
	if m.fd < 0 {
		a, err = w.boundBy(m)
		return a, key, err
	}
	n := m.fd - 3
	if n < 0 || n >= len(w.o.Listening) {
		return a, key, unix.EBADF
	}
	a = w.o.Listening[n]
	return a, key + ":" + a.String(), nil // the same number is another socket's when listen: has changed
}

// boundBy is an address that is spelled out.
func (w *Worker) boundBy(m message) (cluster.Address, error) {
	a := cluster.Address{Network: cluster.TCP, Host: m.address, Port: m.port}
	switch m.addressType {
	case ip4:
	case ip6:
		a.V6Only = m.flags&1 != 0
	case udp4, udp6:
		a.Network = cluster.UDP
		a.V6Only = m.addressType == udp6 && m.flags&1 != 0
	case pipe:
		path := m.address
		// Node makes every path absolute, abstract names too, which begin with NUL; no file's has one.
		if i := strings.IndexByte(path, 0); i > 0 {
			path = path[i:]
		}
		if path == "" || len(path) > address.MaxPath {
			return a, unix.EINVAL
		}
		return cluster.Address{Network: cluster.Unix, Path: path}, nil
	default:
		return a, unix.EINVAL
	}
	if a.Port < 0 || a.Port > 65535 {
		return a, unix.EINVAL
	}
	if a.Port == 0 {
		a.Index = m.index
	}
	return a, nil
}

// keyOf is the address as Node 22 writes it, for whoever reads the messages; Node itself only compares it.
func keyOf(m message) string {
	where := m.address
	if !m.hasAddress {
		where = "null"
	}
	kind := [...]string{noType: "null", ip4: "4", ip6: "6", pipe: "-1", udp4: "udp4", udp6: "udp6"}[m.addressType]
	key := where + ":" + strconv.Itoa(m.port) + ":" + kind + ":"
	if m.fd >= 0 {
		key += strconv.Itoa(m.fd)
	}
	if m.port == 0 {
		key += ":" + strconv.Itoa(m.index)
	}
	return key
}

func optionsOf(m message, mode cluster.Mode) cluster.Options {
	o := cluster.Options{Mode: mode, Backlog: m.backlog, ReuseAddr: m.flags&4 != 0}
	if m.readableAll || m.writableAll {
		o.Perm = 0o660
		if m.readableAll {
			o.Perm |= 0o444
		}
		if m.writableAll {
			o.Perm |= 0o222
		}
	}
	return o
}

// nativeKind is Deno's word for a socket.
func nativeKind(a cluster.Address) string {
	switch a.Network {
	case cluster.TCP:
		return "tcp"
	case cluster.Unix:
		return "pipe"
	}
	return ""
}

// appendBound writes where the socket listens, as server.address() gives it.
func appendBound(b []byte, a cluster.Address) []byte {
	family := "IPv4"
	if bytes.IndexByte([]byte(a.Host), ':') >= 0 {
		family = "IPv6"
	}
	b = append(b, `,"sockname":{"address":`...)
	b = appendText(b, a.Host)
	b = append(b, `,"family":"`+family+`"`...)
	return append(number(b, "port", a.Port), '}')
}
