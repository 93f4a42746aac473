package nodeipc

import "golang.org/x/sys/unix"

// hear acts upon what a worker says. Whatever it is, it costs us no more than an answer.
func (w *Worker) hear(m message) {
	switch m.kind {
	case ready:
		if w.o.ReadyOnMessage {
			w.becomeReady()
		}
	case suicide:
		w.say(`it sent {act: "suicide"}`)
	case handle:
		w.send(outgoing{text: ackedLine, fd: -1})
	case handleTaken, handleLost:
		w.acknowledged(m.kind == handleLost)
	case otherDialect:
		w.hint("it speaks Bun's dialect of Node's channel, which goinit does not: it gets no connections from here" +
			"\n  let Bun listen by itself, with reusePort: true and node: off; or run the program with Node")
	case loads:
		if w.o.Loads != nil {
			w.o.Loads(m.data)
		}
	case clusterSays:
		w.hearCluster(m)
	}
}

func (w *Worker) hearCluster(m message) {
	if m.isAnswer {
		w.answered(m)
		return
	}
	switch m.act {
	case "online":
		w.online = true
		w.lookForWrapper()
		w.awaitQuiet()
	case "queryServer":
		w.query(m)
	case "listening":
		w.deepen(m)
		if !w.o.ReadyOnMessage {
			w.becomeReady()
		} else {
			w.settle()
		}
	case "close":
		if s := w.servers[m.key]; s != nil {
			delete(w.servers, m.key)
			s.closed(w)
		}
	case "exitedAfterDisconnect", "suicide": // the latter before Node 6
		w.sendCluster(func(b []byte) []byte { return number(b, "ack", m.seq) })
		w.say("it called cluster.worker.disconnect() or kill()")
	}
}

// becomeReady: it has said so, one way or the other.
func (w *Worker) becomeReady() {
	w.saysReady = true
	w.settle()
}

// settle tells that it is ready, when it has said so and listens where it has to; else why it is not.
func (w *Worker) settle() {
	if w.isReady || !w.saysReady && !w.held || w.ended {
		return
	}
	if gap := w.elsewhere(); gap != "" {
		if gap == w.gap || w.gaps >= maxGaps || w.o.ReadyElsewhere && !w.held {
			return
		}
		w.gap = gap
		w.gaps++
		w.tell(NotReady, gap)
		w.hint(gap + ": it is not ready before it does" +
			"\n  let it listen there too; or, if it is meant to listen elsewhere, have all end before the new ones start: goinit ctl restart")
		return
	}
	if !w.o.ReadyElsewhere || w.held {
		w.held = false
		w.tell(Ready, "")
	}
	if !w.saysReady {
		return
	}
	w.isReady = true
	if w.o.Balance != nil {
		for _, s := range w.o.Balance.servers {
			s.outlived(w)
		}
	}
}

// say: it is about to end by itself. After Drain that is no news.
func (w *Worker) say(why string) {
	if w.stopping {
		return
	}
	w.stopping = true
	if !w.draining {
		w.tell(Stopping, why)
	}
	w.reconsider()
}

func (w *Worker) hint(text string) {
	if !w.noisy {
		w.noisy = true
		w.tell(Hint, text)
	}
}

// acknowledged: Node has taken a descriptor out of the channel, or lost it there, for its table is full. What is lost is
// another's; Node's own primary forgets it.
func (w *Worker) acknowledged(lost bool) {
	c, ok := w.channel.window.acknowledged()
	if !ok {
		return
	}
	if lost {
		w.hint("it has no descriptors left and loses what it is sent: others get its connections\n  let it have more: ulimits: {nofile: 65536}")
		w.relax(lossRest)
		if f, ok := w.land(c.seq); ok {
			f.listener.again(f.fd)
			f.listener.pump()
		}
	}
	w.flush()
	w.pump()
}

// answered: it has a connection, or has declined it.
func (w *Worker) answered(m message) {
	f, ok := w.land(m.ack)
	if !ok {
		return
	}
	w.hung = false
	if m.accepted {
		unix.Close(f.fd)
	} else {
		if w.servers[f.listener.key] != nil { // it listens, and has as many as it wants (maxConnections)
			w.relax(declineRest)
		}
		f.listener.again(f.fd)
		f.listener.pump()
	}
	w.pump()
}
