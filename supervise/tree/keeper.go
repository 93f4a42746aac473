package tree

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The cookie: variables that every worker is given, and that what it starts inherits.
const (
	WorkerVariable     = "GOINIT_WORKER"
	GenerationVariable = "GOINIT_GENERATION" // a slot has two processes while one replaces the other
	BootVariable       = "GOINIT_BOOT_ID"
)

// pauses between looks that found something.
const (
	shortPause = time.Millisecond
	awaitPause = 50 * time.Millisecond
	longPause  = time.Second
)

// restFactor times as long as the last looks took there are no others, for longPause at most: of a hundred workers that are
// stopped each dies at a time of its own, and one look does for many of them. A death that comes alone is looked at at once.
// The bound is for a machine on which looks take minutes, since others have its processors.
const restFactor = 4

// unsureLooks, with the pauses between them, are some seconds.
const unsureLooks = 16

// Config says what a Keeper can rely on.
type Config struct {
	BootID string
	PID    int // our own
	// Everywhere is for a goinit that gets no orphans: then what a worker leaves behind has a stranger for a parent.
	Everywhere bool
	// Stuck, if not nil, is told once of a tree that was killed, but some of it does not die: who they are. It must not block.
	Stuck func(worker, who string)
}

// Group is a cgroup that holds a tree: then it says who belongs to it, and nobody has to be looked for.
type Group interface {
	// Pids are those in it.
	Pids() ([]int, error)
	// Empty reports whether nobody is in it.
	Empty() (bool, error)
	// Kill sends SIGKILL to all.
	Kill() error
	// Stuck names who a SIGKILL does not reach.
	Stuck() string
}

// Keeper knows the workers' trees. It is safe for concurrent use; Run has to run.
type Keeper struct {
	config  Config
	wake    chan struct{}
	watched atomic.Int32
	unsure  map[identity]int // looks at which it could not be said whose somebody is; of Run's goroutine

	mu    sync.Mutex
	trees map[*Tree]struct{}
	seen  map[identity]*Tree // who belongs to whom, of those that the last look has seen

	besides atomic.Uint64

	census census
}

// identity is a process for ever, where a pid is one for a while.
type identity struct {
	pid   int
	start uint64
}

// Tree is a worker's.
type Tree struct {
	keeper *Keeper
	cookie cookie
	pid    int // of the main process; the leader of its process group
	gone   func()

	// Guarded by keeper.mu.
	exited, wanted, kill bool
	reused               bool // the main process's pid is another's by now
	empty                int  // looks in a row that found nothing
	stopped              map[identity]bool
	ask                  unix.Signal       // to what is left
	asked                map[identity]bool // who has been sent it
	pause                time.Duration

	freezer freezer

	group Group // nil: there is none
	told  bool  // Stuck was

	within Place // nil: it may be anywhere
}

// New is a keeper of no trees yet.
func New(c Config) *Keeper {
	return &Keeper{config: c, wake: make(chan struct{}, 1), trees: map[*Tree]struct{}{}, seen: map[identity]*Tree{}}
}

// Add makes a worker's tree known, from its start on. gone is called once, from Run's goroutine; it must not block.
func (k *Keeper) Add(worker string, generation, pid int, gone func()) *Tree {
	return k.AddGroup(worker, generation, pid, nil, gone)
}

// AddGroup is Add for a tree that is in a group; with a nil one it is Add.
func (k *Keeper) AddGroup(worker string, generation, pid int, group Group, gone func()) *Tree {
	return k.add(cookieOf(worker, generation, k.config.BootID), pid, group, nil, gone)
}

// Place is a cgroup that a tree shares with others.
type Place interface {
	// Pids are those in it.
	Pids() ([]int, error)
}

// AddBeside is Add for a program beside a worker, whose BootVariable is boot, of BesideBoot: what it has started is its
// own, not the worker's. It is looked for in a place only, if that is not nil.
func (k *Keeper) AddBeside(worker string, generation int, boot string, pid int, within Place, gone func()) *Tree {
	return k.add(cookieOf(worker, generation, boot), pid, nil, within, gone)
}

// BesideBoot is for the BootVariable of one program beside a worker: no other has it.
func (k *Keeper) BesideBoot() string {
	return k.config.BootID + "+" + strconv.FormatUint(k.besides.Add(1), 10)
}

func (k *Keeper) add(c cookie, pid int, group Group, within Place, gone func()) *Tree {
	t := &Tree{keeper: k, cookie: c, pid: pid, group: group, within: within, gone: gone, stopped: map[identity]bool{}, asked: map[identity]bool{}}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trees[t] = struct{}{}
	return t
}

// Exited says that the main process has been reaped. It may be called with the reaper locked.
func (t *Tree) Exited() {
	t.keeper.mu.Lock()
	t.exited = true
	wanted := t.wanted
	t.keeper.mu.Unlock()
	if wanted {
		t.keeper.look()
	}
}

// Await sends what is left a signal, once to each, and asks to be told when nothing is left.
func (t *Tree) Await(sig unix.Signal) {
	t.keeper.mu.Lock()
	t.ask = sig
	t.keeper.mu.Unlock()
	t.want(false)
}

// Kill asks for everything to be killed, and to be told when nothing is left.
func (t *Tree) Kill() { t.want(true) }

func (t *Tree) want(kill bool) {
	k := t.keeper
	k.mu.Lock()
	if !t.wanted {
		t.wanted = true
		k.watched.Add(1)
	}
	if kill && !t.kill {
		t.kill = true
	}
	t.pause = 0
	k.mu.Unlock()
	k.look()
}

// Reaped says that an orphan has been reaped, or a group is empty: somebody's tree may be smaller now.
func (k *Keeper) Reaped() {
	if k.watched.Load() > 0 {
		k.look()
	}
}

func (k *Keeper) look() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run looks whenever there is a reason to, until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	r := &reader{}
	var rested time.Time // when it may look again
	for {
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-k.wake:
		case <-timer.C:
		}
		if rest := time.Until(rested); rest > 0 {
			timer.Reset(rest)
			continue
		}
		began := time.Now()
		for {
			gone, next := k.pass(r)
			for _, t := range gone {
				t.gone()
			}
			if next > 0 {
				timer.Reset(next)
			}
			if next != 0 {
				break
			}
		}
		rested = time.Now().Add(min(restFactor*time.Since(began), longPause))
	}
}
