package health

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Plan is what is wanted to know of one process.
type Plan struct {
	Readiness *Readiness // nil: nobody asks
	Liveness  *Liveness

	// Owns says whether a process is the watched one or one that it has started, and that nobody else's word is needed for
	// it. It may read /proc. Wanted for notify and heartbeat.
	Owns func(pid int) bool
	// NotifyDir is a directory for notify sockets; empty: there is none. UID is the process's.
	NotifyDir string
	UID       int
	// Random is from 0 to 1.
	Random func() float64
	// Probed, if not nil, is told of each probe that was answered. It is called by any goroutine, and must not block.
	Probed func(liveness, failed bool, took time.Duration)
}

// Readiness is one of: a Probe (HTTP, TCP, Exec, Listening), Notify, FD, Line.
type Readiness struct {
	Timing
	Probe  any
	Notify bool
	FD     int            // a descriptor's number in the process; 0: none
	Line   *regexp.Regexp // one of its lines matches
}

// Liveness is one of: a Probe (HTTP, TCP, Exec), Heartbeat, Silence.
type Liveness struct {
	Timing
	Probe     any
	Heartbeat time.Duration // WATCHDOG=1 comes at least so often
	Silence   time.Duration // a line comes at least so often
}

// Watch looks after one process. Its methods but Line are called by one goroutine; none blocks.
type Watch struct {
	plan    Plan
	probes  context.Context
	end     context.CancelFunc // of the probes
	gate    gate
	notify  *notifySocket
	newline *newline
	deadman *deadman // heartbeat or silence
	alive   bool     // Ready was called
	ended   bool

	matched atomic.Bool // Line
	hears   atomic.Bool // lines count for the deadman

	// Of the goroutine that receives notifications:
	unready bool // not ready, or not any more
	warned  bool

	mu      sync.Mutex
	stopped bool
	told    func(Verdict)
}

// Open makes a Watch, ahead of the start of its process. told is called by any goroutine, one at a time, also from within
// methods; it must neither block nor call the Watch.
func Open(p Plan, told func(Verdict)) (*Watch, error) {
	w := &Watch{plan: p, told: told, unready: true}
	w.probes, w.end = context.WithCancel(context.Background())
	r, l := p.Readiness, p.Liveness
	if l != nil && l.Heartbeat > 0 {
		w.deadman = newDeadman(l.Heartbeat, &w.gate, func(limit time.Duration) {
			w.tell(Verdict{Kind: Unhealthy, Why: "no WATCHDOG=1 for " + words(limit)})
		})
	}
	if l != nil && l.Silence > 0 {
		w.deadman = newDeadman(l.Silence, &w.gate, func(limit time.Duration) {
			w.tell(Verdict{Kind: Unhealthy, Why: "no line of output for " + words(limit)})
		})
	}
	var err error
	if r != nil && r.Notify || l != nil && l.Heartbeat > 0 {
		if w.notify, err = listenNotify(p.NotifyDir, p.UID); err != nil {
			w.Stop()
			return nil, fmt.Errorf("cannot open a notify socket: %w", err)
		}
	}
	if r != nil && r.FD > 0 {
		if w.newline, err = newNewline(); err != nil {
			w.Stop()
			return nil, fmt.Errorf("cannot open a pipe for readiness: %w", err)
		}
	}
	return w, nil
}

// Given is what the process has to be given: variables as NAME=value, descriptors of ours by their number there. given is
// to be called when it has its own, or has none.
func (w *Watch) Given() (environment []string, files map[int]int, given func()) {
	if w.notify != nil {
		environment = append(environment, "NOTIFY_SOCKET="+w.notify.name)
	}
	if l := w.plan.Liveness; l != nil && l.Heartbeat > 0 {
		environment = append(environment, "WATCHDOG_USEC="+strconv.FormatInt(l.Heartbeat.Microseconds(), 10))
	}
	if w.newline == nil {
		return environment, nil, func() {}
	}
	return environment, map[int]int{w.plan.Readiness.FD: w.newline.write}, w.newline.given
}

// Started says that the process runs.
func (w *Watch) Started() {
	if w.notify != nil {
		go w.notify.receive(w.notified)
	}
	if w.newline != nil {
		w.newline.given()
		go w.awaitNewline()
	}
	r := w.plan.Readiness
	if r == nil || r.Probe == nil {
		return
	}
	count := w.countReady(r.Timing)
	if _, once := r.Probe.(*Listening); once {
		count = w.countOnce()
	}
	w.schedule(r.Timing, r.Probe, true, count)
}

// Ready says that the process is ready for the first time, from which liveness counts.
func (w *Watch) Ready() {
	l := w.plan.Liveness
	if l == nil || w.alive || w.ended {
		return
	}
	w.alive = true
	if w.deadman != nil {
		w.hears.Store(l.Silence > 0)
		go w.deadman.run(w.probes, l.InitialDelay)
		return
	}
	w.schedule(l.Timing, l.Probe, false, w.countLive(l.Timing))
}

func (w *Watch) schedule(t Timing, probe any, eager bool, count func(*Failure) bool) {
	s := &schedule{timing: t, check: probe.(check), gate: &w.gate, random: w.plan.Random, eager: eager, count: count,
		made: func(failed bool, took time.Duration) {
			if w.plan.Probed != nil {
				w.plan.Probed(!eager, failed, took)
			}
		},
		unasked: func(f *Failure) {
			w.tell(Verdict{Kind: Unasked, Why: "cannot be asked whether it is well: " + f.Why})
		}}
	go s.run(w.probes)
}

// Pause says that the process is frozen: it is not asked, and not missed. Resume ends that.
func (w *Watch) Pause() { w.gate.shut() }

// Resume says that it runs again.
func (w *Watch) Resume() { w.gate.open() }

// Ending says that the process is being stopped: it is not asked any more, but may still say something.
func (w *Watch) Ending() {
	w.ended = true
	w.end()
}

// Stop ends the watch. Probes under way are given up, their programs killed.
func (w *Watch) Stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.Ending()
	if w.notify != nil {
		w.notify.close()
	}
	if w.newline != nil {
		w.newline.close()
	}
}

// Hears reports whether the process's output is wanted, by Line.
func (w *Watch) Hears() bool {
	r, l := w.plan.Readiness, w.plan.Liveness
	return r != nil && r.Line != nil || l != nil && l.Silence > 0
}

// Line is given each line of the process's output, as long as it answers that it wants each; then some will do. It is quick,
// and may be called by any goroutine, one at a time.
func (w *Watch) Line(b []byte) (each bool) {
	if w.hears.Load() {
		w.deadman.hear()
	}
	r := w.plan.Readiness
	if r == nil || r.Line == nil || w.matched.Load() {
		return false
	}
	if r.Line.Match(b) {
		w.matched.Store(true)
		w.tell(Verdict{Kind: Ready})
	}
	return !w.matched.Load()
}

func (w *Watch) tell(v Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.told(v)
	}
}

func (w *Watch) awaitNewline() {
	if w.newline.wait() {
		w.tell(Verdict{Kind: Ready})
	} else {
		w.tell(Verdict{Kind: NotYet, Why: fmt.Sprintf("descriptor %d was closed without a newline on it", w.plan.Readiness.FD)})
	}
	w.newline.file.Close()
}

// notified is given what came to the notify socket.
func (w *Watch) notified(d datagram) {
	if d.pid == 0 || !w.plan.Owns(d.pid) {
		if !w.warned {
			w.warned = true
			w.tell(Verdict{Kind: Ignored, Why: "a notification of " + sender(d.pid) + " was ignored: it is none of this worker's processes, or had ended by the time that it was looked at"})
		}
		return
	}
	n := parseNotification(d.text)
	if n.HasStatus {
		w.tell(Verdict{Kind: Status, Why: n.Status})
	}
	if n.Errno != 0 {
		w.tell(Verdict{Kind: Status, Why: fmt.Sprintf("ERRNO=%d: %s", n.Errno, unix.Errno(n.Errno).Error())})
	}
	if n.MainPID != 0 && w.plan.Owns(n.MainPID) {
		w.tell(Verdict{Kind: MainPID, PID: n.MainPID})
	}
	if n.Extend > 0 {
		w.tell(Verdict{Kind: Extended, Extend: n.Extend})
	}
	w.beat(n)
	if r := w.plan.Readiness; r != nil && r.Notify {
		switch {
		case n.Ready && w.unready:
			w.unready = false
			w.tell(Verdict{Kind: Ready})
		case n.Reloading && !w.unready:
			w.unready = true
			w.tell(Verdict{Kind: Unready, Why: "it said RELOADING=1"})
		}
	}
	if n.Stopping {
		w.tell(Verdict{Kind: Stopping})
	}
}

func (w *Watch) beat(n notification) {
	if l := w.plan.Liveness; l == nil || l.Heartbeat == 0 {
		return
	}
	if n.Watchdog > 0 {
		w.deadman.setLimit(n.Watchdog)
	}
	if n.Alive {
		w.deadman.hear()
	}
	if n.Trigger {
		w.tell(Verdict{Kind: Unhealthy, Why: "it said WATCHDOG=trigger"})
	}
}

func sender(pid int) string {
	if pid == 0 {
		return "somebody outside"
	}
	return "pid " + strconv.Itoa(pid)
}
