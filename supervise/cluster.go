package supervise

import (
	"fmt"
	"maps"
	"slices"

	"goinit/spec"
	"goinit/supervise/app"
)

// Cluster gives workers what they serve on, and puts them into the balance and out of it. Package init puts it together
// out of listening sockets and Node's channel; here it is known only when a worker is to join, and when to leave.
type Cluster interface {
	// Prepare opens what the apps' listen: name and nobody has opened yet: at the boot and at every apply, before anything is
	// started. An error refuses the whole spec, and leaves everything as it was. commit closes what no app names any more,
	// once those apps' workers are gone: what a slot uses stays until then. abort closes what is new. One of the two is
	// called, once.
	Prepare(apps []spec.App) (commit, abort func(), err error)
	// Wants reports whether workers of this app join (listen:, or node: cluster or ipc), and whether the word that one is
	// ready comes from here (node cluster without readiness:, or readiness: {node: true}).
	Wants(a *spec.App) (joins, ready bool)
	// Join comes ahead of the start of a worker's process, never of a hook's. An error fails the start, with its text. told is
	// as in Prober.Watch: it may be called from any goroutine, also from within the methods of the Member; it neither blocks
	// nor calls back. What is told after Gone is ignored. Told are VerdictReady and VerdictUnready, where the word comes from
	// here or after Confirm, VerdictHeld (from Started on) and VerdictReleased where it does not; VerdictStopping (the suicide signal),
	// VerdictUnhealthy (it does not answer) and VerdictDrained.
	Join(w Work, told func(Verdict)) (Member, error)
}

// Member is one process in the balance, from before it is started until Gone. Its methods are called by one goroutine and
// never block. In this order: Given, then Started or Gone; Enter and Leave in turns between Started and Drain; Drain once at
// most; Gone last, and once. Two processes of one slot are members at the same time while one replaces the other: Work
// tells their generations.
type Member interface {
	// Given is what the process finds: LISTEN_FDS and its kin, NODE_CHANNEL_FD. What the Prober gives is beside it.
	Given() Given
	// Started says that it was executed, under this pid.
	Started(pid int)
	// Enter says that it is ready, for the first time or again: it gets connections.
	Enter()
	// Leave says that it is not: no new connections, until the next Enter.
	Leave()
	// Confirm asks whether it serves where the process does that it is to replace: it has lived for as long as one has to that
	// says nothing of itself. told is, maybe from within, VerdictReady, once; before that VerdictUnready with the reason, each
	// time that there is another. stop ends the asking early. It comes between Started and the first Enter, once at most.
	Confirm() (stop func())
	// Drain is for good: no new connections, it is to finish the old. told reports whether it was told so in a way of its own
	// (Node: disconnect): then it has stop.drain until its stop signal. Where it was not, the stop signal is what tells it: it
	// is sent at once, and SIGKILL comes after stop.drain and stop.timeout.
	Drain() (told bool)
	// Gone says that it has exited, or was never started.
	Gone()
}

// prepare opens the sockets of apps that are to be, or says why that cannot be.
func (s *Supervisor) prepare(apps []spec.App) (commit, abort func(), err error) {
	if s.config.Cluster == nil {
		return func() {}, func() {}, nil
	}
	return s.config.Cluster.Prepare(apps)
}

// join makes a process that is about to be started a member, and adds what it is given for that.
func (o *owner) join(w *Work, v *watched) (err error) {
	if v.member, err = o.supervisor.config.Cluster.Join(*w, v.told); err != nil {
		return err
	}
	w.Given, err = w.Given.With(v.member.Given())
	return err
}

// With is what both give. It fails where both want the same descriptor; then both are closed.
func (g Given) With(other Given) (Given, error) {
	both := Given{Environment: slices.Concat(g.Environment, other.Environment), Files: maps.Clone(g.Files)}
	if both.Files == nil {
		both.Files = map[int]int{}
	}
	both.Close = func() {
		for _, f := range [...]func(){g.Close, other.Close} {
			if f != nil {
				f()
			}
		}
	}
	for number, fd := range other.Files {
		if _, taken := both.Files[number]; taken {
			both.Close()
			return Given{}, fmt.Errorf("descriptor %d is wanted for two things: give readiness: {fd: %d} a number above those of listen", number, number)
		}
		both.Files[number] = fd
	}
	return both, nil
}

// balance tells the member what the last step has made of its process.
func (v *watched) balance(s *app.Slot) {
	if v.drained || s.State == app.Draining { // for good, and told by a Drain
		return
	}
	if ready := s.IsReady(); ready != v.entered {
		v.entered = ready
		if ready {
			v.member.Enter()
		} else {
			v.member.Leave()
		}
	}
}

// confirm has the member say whether its process can replace another.
func (o *owner) confirm(e app.Confirm) {
	if v := o.watches[place{e.Slot, e.Generation}]; v != nil && v.member != nil {
		v.unconfirm = v.member.Confirm()
	}
}

// drain tells a process to finish what it has. Who cannot be told is told by its stop signal.
func (o *owner) drain(e app.Drain) {
	v := o.watches[place{e.Slot, e.Generation}]
	if v != nil && v.member != nil && !v.drained {
		v.drained = true
		if v.member.Drain() {
			return
		}
	}
	o.step(app.Event{Kind: app.Undrained, Slot: e.Slot, Generation: e.Generation})
}
