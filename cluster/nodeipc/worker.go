package nodeipc

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Worker is one process, from before it is started until Gone. Its methods may be called by any goroutine and never block.
type Worker struct {
	hub     *Hub
	o       Options
	id      uint32
	channel channel
	watched uint32 // what epoll was asked for; 0: nothing

	pid       int
	online    bool   // Node has come up
	saysReady bool   // it listens; with ReadyOnMessage: it said so
	gap       string // why that does not do, as it was told (elsewhere.go)
	gaps      int    // how often something was told
	isReady   bool   // and, unless with ReadyElsewhere, was told so
	held      bool   // with ReadyElsewhere: it was told that it may not be ready
	entered   bool
	draining  bool
	stopping  bool // it said so
	noisy     bool // a hint was given
	ended     bool // its end of the channel is closed

	servers map[string]*server // by key: where it listens
	flights []flight           // connections that it has not said to have, the oldest first
	rest    time.Time          // no connections before that: it has declined, or lost one
	hung    bool               // and told to be

	budget
	resend  time.Time // the kernel was short of something; zero: it was not
	quiet   time.Time // it is ready then, if nobody has listened; zero: it has to listen
	lingers time.Time // after Drain, and its end of the channel: until then it may exit; zero: not so far
}

// DefaultHangTime is longer than the longest computation that a server should do in one piece, by far.
const DefaultHangTime = 30 * time.Second

const (
	// shortRest is until the next try where the kernel is short of something.
	shortRest = 10 * time.Millisecond
	// standstill is how late we come at most to see that a worker hangs, if we could run ourselves.
	standstill = time.Second
	// exitTime is what a worker that is drained has to exit by itself, before Drained is told: a signal would cut short what it
	// does at its end.
	exitTime = time.Second
	// maxServers bounds where one worker, and all of an app together, may listen: each is a socket of goinit's, which has to have
	// some left for others (1024 in all, where nobody says otherwise). A server has one or two.
	maxServers = 64
	// maxGaps bounds how often it is told where a worker does not listen: one that opens and closes has always another answer.
	maxGaps = 16
	// maxLent bounds how many sockets may be on their way to a worker, each a copy of ours until it is read. Node asks for one,
	// and reads; who asks and does not read is refused.
	maxLent = 16
)

// Open makes the channel of a process that is about to be started. It is given child, under a number of the caller's choice
// that goes into NODE_CHANNEL_FD; child is the caller's to close. env is what else it is given; NODE_OPTIONS in it is to be
// added to the process's own.
func (h *Hub) Open(o Options) (w *Worker, child int, env []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, -1, nil, errors.New("goinit is ending")
	}
	if o.HangTime == 0 {
		o.HangTime = DefaultHangTime
	}
	c, child, err := newChannel()
	if err != nil {
		return nil, -1, nil, err
	}
	w = &Worker{hub: h, o: o, id: h.id(), channel: c, servers: map[string]*server{}}
	if err := h.set.Watch(c.fd, w.id, unix.EPOLLIN); err != nil {
		w.channel.close()
		unix.Close(child)
		return nil, -1, nil, err
	}
	w.watched = unix.EPOLLIN
	h.workers[w.id] = w
	env = []string{"NODE_CHANNEL_SERIALIZATION_MODE=json"}
	if o.ID > 0 {
		env = append(env, "NODE_UNIQUE_ID="+strconv.Itoa(o.ID))
	}
	if o.Preload != "" && o.ID > 0 {
		env = append(env, "NODE_OPTIONS="+requireOption(o.Preload))
	}
	for _, s := range o.Handed {
		w.sendServer(s)
	}
	return w, child, env, nil
}

// Started says that the process was executed, under this pid.
func (w *Worker) Started(pid int) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.pid = pid
	w.hold()
	w.lookForWrapper()
}

// Enter says that it gets connections.
func (w *Worker) Enter() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.entered = true
	w.forbear(time.Now()) // it may have been paused
	w.pump()
}

// Leave says that it gets none, until Enter. That is so in mode RoundRobin only; otherwise it accepts by itself.
func (w *Worker) Leave() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.entered = false
}

// Drain ends its part in the balance and asks it to finish: as a worker of a cluster it closes its servers, finishes its
// connections and, when nothing else keeps it, ends. told is false where it cannot be asked: a signal has to do. Either way
// it is sent PM2's message 'shutdown'.
func (w *Worker) Drain() (told bool) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if w.draining || w.ended {
		return false
	}
	w.draining = true
	w.send(outgoing{text: shutdownLine, fd: -1})
	told = w.o.ID > 0 && w.online && !w.channel.broken
	if told {
		w.sendCluster(func(b []byte) []byte { return append(b, `,"act":"disconnect"`...) })
	}
	w.reconsider()
	return told
}

// Gone says that it has exited, or was never started. What it had not yet is another's.
func (w *Worker) Gone() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if w.channel.fd < 0 {
		return
	}
	const most = 64 // reads: what its socket may hold, many times over
	for range most {
		if w.ended || !w.read() {
			break
		}
	}
	w.leaveChannel()
}

// leaveChannel ends it all.
func (w *Worker) leaveChannel() {
	w.ended = true
	w.leaveBalance()
	w.watch()
	delete(w.hub.workers, w.id)
	w.channel.close()
}

// leaveBalance gives up where it listens, and gives its connections to others.
func (w *Worker) leaveBalance() {
	for key, s := range w.servers {
		delete(w.servers, key)
		s.left(w)
	}
	flights := w.flights
	w.flights = nil
	for _, f := range flights {
		f.listener.again(f.fd)
	}
	for _, f := range flights {
		f.listener.pump()
	}
}

func (w *Worker) tell(k Kind, detail string) {
	if w.o.Told != nil {
		w.o.Told(Event{k, detail})
	}
}

// happened is what epoll says.
func (w *Worker) happened(events uint32) {
	if events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		w.flush()
	}
	if w.watched&unix.EPOLLIN != 0 && events&^unix.EPOLLOUT != 0 {
		w.read()
	}
	w.watch()
}

// read is one read, and reports whether there may be more. Whatever comes with it is acted upon.
func (w *Worker) read() (more bool) {
	h := w.hub
	n, again := w.channel.receive(h.buf, h.control)
	if n == 0 {
		if !again {
			w.disconnected()
		}
		return false
	}
	cost := n + lineCost // each read costs us about as much, and may bring a single byte
	lines := &w.channel.lines
	lines.read(h.buf[:n])
	for {
		line, whole, ok := lines.next()
		if !ok {
			w.count(cost + w.extra)
			w.extra = 0
			return true
		}
		cost += lineCost
		w.hear(parse(line, whole))
	}
}

// disconnected: it has closed its end, or is no more.
func (w *Worker) disconnected() {
	w.ended = true
	w.channel.abandon()
	w.leaveBalance()
	if w.draining {
		w.lingers = time.Now().Add(exitTime)
		w.hub.wakeBy(w.lingers)
	}
}

// watch has epoll look for what is wanted: what the worker sends, unless that is too much or it does not read our answers;
// and, if something waits, that it reads.
func (w *Worker) watch() {
	var wanted uint32
	if !w.ended {
		if w.suspended.IsZero() && w.channel.queued <= maxQueued {
			wanted = unix.EPOLLIN
		}
		if w.resend.IsZero() && w.channel.pending() {
			wanted |= unix.EPOLLOUT
		}
	}
	if wanted == w.watched {
		return
	}
	var err error
	switch set := w.hub.set; {
	case wanted == 0:
		err = set.Remove(w.channel.fd)
	case w.watched == 0:
		err = set.Watch(w.channel.fd, w.id, wanted)
	default:
		err = set.Rearm(w.channel.fd, w.id, wanted)
	}
	if err == nil {
		w.watched = wanted
		return
	}
	w.resend = time.Now().Add(shortRest) // no memory for it now
	w.hub.wakeBy(w.resend)
}

// tick does what was put off.
func (w *Worker) tick(now time.Time) {
	due := func(t *time.Time) bool {
		if t.IsZero() {
			return false
		}
		if now.Before(*t) {
			w.hub.wakeBy(*t)
			return false
		}
		*t = time.Time{}
		return true
	}
	if due(&w.suspended) {
		w.watch()
	}
	if due(&w.resend) {
		w.flush()
		w.watch()
	}
	if due(&w.rest) {
		w.pump()
	}
	if due(&w.quiet) {
		w.servesNothing()
	}
	if due(&w.lingers) {
		w.tell(Drained, "")
	}
	if len(w.flights) > 0 && w.entered && !w.hung {
		switch hung := w.flights[0].at.Add(w.o.HangTime); {
		case now.Before(hung):
			w.hub.wakeBy(hung)
		case now.Sub(hung) > standstill: // it had no more time than we: the container was paused
			w.forbear(now)
		default:
			w.hung = true
			w.tell(Unhealthy, "it has not taken a connection for "+w.o.HangTime.String()+": its event loop does not turn")
		}
	}
}

// send sends a line.
func (w *Worker) send(o outgoing) {
	w.progressed(w.channel.send(o))
	w.watch()
}

func (w *Worker) flush() { w.progressed(w.channel.flush()) }

func (w *Worker) progressed(p progress) {
	if p == short {
		w.resend = time.Now().Add(shortRest)
		w.hub.wakeBy(w.resend)
	}
}

// sendCluster sends a message of module cluster, whose fields are written by fields.
func (w *Worker) sendCluster(fields func([]byte) []byte) {
	var space [256]byte
	b := ending(fields(envelope(space[:0])), w.hub.number())
	w.send(outgoing{text: append(b, '\n'), fd: -1})
}

// sendServer has it emit 'message' with a server that listens.
func (w *Worker) sendServer(s Handed) {
	fd, err := unix.FcntlInt(uintptr(s.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		w.tell(Hint, "cannot send it a socket: "+err.Error())
		return
	}
	text := withHandle(nil, "net.Server", "", true, func(b []byte) []byte { return appendText(b, s.Message) })
	w.send(outgoing{text: text, fd: fd, own: true})
}
