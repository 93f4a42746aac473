package tree

import (
	"maps"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// pass is one look at all processes, for all trees that somebody asked about. next says when to look again: 0 at once,
// negative when there is a reason.
func (k *Keeper) pass(r *reader) (gone []*Tree, next time.Duration) {
	if k.watched.Load() == 0 {
		return nil, -1
	}
	exited := k.exited() // before the look: what it then finds under a dead one's pid is another
	asked := k.asked()
	var members map[*Tree][]process
	unsure := false
	groups := k.lookIntoGroups(r, exited)
	if anyWithoutGroup(exited) && !k.nothingLeft(r, exited) {
		all, everybody, err := k.candidates(r, asked)
		if err != nil { // no descriptor to be had: nothing is known, so nothing is gone
			return nil, longPause
		}
		members, unsure = k.members(r, all, everybody, exited)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next = -1
	for t, exited := range exited {
		if !asked[t] { // who has asked since, may have asked about somebody who was not looked for
			continue
		}
		var again time.Duration
		if t.group != nil {
			again = t.afterGroup(r, groups[t], exited)
		} else {
			again = t.after(r, members[t], exited, unsure)
		}
		if t.empty >= 2 {
			delete(k.trees, t)
			if t.within != nil {
				maps.DeleteFunc(k.seen, func(_ identity, of *Tree) bool { return of == t })
			}
			k.watched.Add(-1)
			gone = append(gone, t)
			continue
		}
		if again >= 0 && (next < 0 || again < next) {
			next = again
		}
	}
	return gone, next
}

// exited says of every tree whether its main process is dead.
func (k *Keeper) exited() map[*Tree]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	exited := make(map[*Tree]bool, len(k.trees))
	for t := range k.trees {
		exited[t] = t.exited
	}
	return exited
}

// asked are the trees that somebody asked about.
func (k *Keeper) asked() map[*Tree]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := map[*Tree]bool{}
	for t := range k.trees {
		if t.wanted {
			asked[t] = true
		}
	}
	return asked
}

// candidates are those among whom the trees are looked for: everybody, unless all of them have a place.
func (k *Keeper) candidates(r *reader, asked map[*Tree]bool) (all map[int]process, everybody bool, err error) {
	if pids, ok := placed(asked); ok {
		all = make(map[int]process, len(pids))
		for _, pid := range pids {
			if p, ok := r.stat(pid); ok {
				all[pid] = p
			}
		}
		return all, false, nil
	}
	all, err = r.all()
	return all, true, err
}

// placed are the processes in the places of the trees without a group of their own; ok is false if one has none, or cannot
// be asked.
func placed(asked map[*Tree]bool) (pids []int, ok bool) {
	for t := range asked {
		switch {
		case t.group != nil:
			continue
		case t.within == nil:
			return nil, false
		}
		more, err := t.within.Pids()
		if err != nil {
			return nil, false
		}
		pids, ok = append(pids, more...), true
	}
	return pids, ok
}

// after is what a look means for a tree; it returns when to look again. unsure says that there is somebody who may turn
// out to belong to it.
func (t *Tree) after(r *reader, members []process, exited, unsure bool) time.Duration {
	if len(members) == 0 && exited && unsure {
		t.empty = 0
		return t.rest(shortPause)
	}
	if len(members) == 0 {
		if !exited {
			t.empty = 0
			return -1 // Exited will tell
		}
		t.empty++
		return 0
	}
	t.empty = 0
	if !t.kill {
		t.askThem(r, members)
		return t.rest(awaitPause)
	}
	fresh := false
	for _, p := range members {
		id := identity{p.pid, p.start}
		if !t.stopped[id] {
			t.stopped[id] = true
			fresh = true
			send(r, p, unix.SIGSTOP)
		}
	}
	if fresh {
		t.pause = 0
		return 0
	}
	for _, p := range members {
		send(r, p, unix.SIGKILL)
	}
	return t.rest(shortPause)
}

// askThem sends the signal to those who have not been sent it; a suspended one would not even see it.
func (t *Tree) askThem(r *reader, members []process) {
	for _, p := range members {
		if id := (identity{p.pid, p.start}); t.ask != 0 && !t.asked[id] {
			t.asked[id] = true
			t.pause = 0
			send(r, p, t.ask)
			send(r, p, unix.SIGCONT)
		}
	}
}

func (t *Tree) rest(first time.Duration) time.Duration {
	t.pause = min(max(first, 2*t.pause), longPause)
	return t.pause
}

// members sorts the living processes by the tree that they belong to. unsure says that for some it cannot be said yet.
// Where not everybody was looked at, the others are remembered as they were.
func (k *Keeper) members(r *reader, all map[int]process, everybody bool, exited map[*Tree]bool) (members map[*Tree][]process, unsure bool) {
	members, seen, doubtful := k.sort(r, all, exited)
	k.mu.Lock()
	if everybody {
		k.seen = seen
	} else {
		for id, t := range seen {
			if t.within != nil { // forgotten with it
				k.seen[id] = t
			}
		}
	}
	k.mu.Unlock()
	return members, k.unsureOf(doubtful)
}

func (k *Keeper) sort(r *reader, all map[int]process, exited map[*Tree]bool) (members map[*Tree][]process, seen map[identity]*Tree, unsure []process) {
	k.mu.Lock()
	o := owners{reader: r, config: k.config, all: all, known: map[int]*Tree{}, old: k.seen,
		mains: map[int]*Tree{}, leaders: map[int]*Tree{}, cookies: map[cookie]*Tree{}}
	for t, exited := range exited {
		if _, there := all[t.pid]; there && exited {
			t.reused = true
		}
		if !exited {
			o.mains[t.pid] = t
		}
		if !t.reused {
			o.leaders[t.pid] = t
		}
		o.cookies[t.cookie] = t
	}
	k.mu.Unlock()
	members, seen = map[*Tree][]process{}, map[identity]*Tree{}
	for pid, p := range all {
		if t := o.of(pid); t != nil {
			seen[identity{pid, p.start}] = t
			if !p.dead() {
				members[t] = append(members[t], p)
			}
		}
	}
	return members, seen, o.unsure
}

// unsureOf counts the looks at which somebody was in the middle of an execve. It takes longer than that only if its file
// cannot be read, or if it hides: nothing waits for it for ever.
func (k *Keeper) unsureOf(now []process) (unsure bool) {
	looks := make(map[identity]int, len(now))
	for _, p := range now {
		id := identity{p.pid, p.start}
		looks[id] = k.unsure[id] + 1
		unsure = unsure || looks[id] <= unsureLooks
	}
	k.unsure = looks
	return unsure
}

// cookie is what a tree's processes have in their environment.
type cookie struct{ worker, generation, boot string }

func cookieOf(worker string, generation int, boot string) cookie {
	return cookie{worker, strconv.Itoa(generation), boot}
}

// owners answers whose a process is.
type owners struct {
	reader  *reader
	config  Config
	all     map[int]process
	known   map[int]*Tree
	old     map[identity]*Tree
	mains   map[int]*Tree
	leaders map[int]*Tree
	cookies map[cookie]*Tree
	unsure  []process // whose they are cannot be said yet
}

func (o *owners) of(pid int) *Tree {
	if t, ok := o.known[pid]; ok {
		return t
	}
	p, ok := o.all[pid]
	if !ok || pid == o.config.PID || p.kernel() {
		return nil
	}
	o.known[pid] = nil // a look is not atomic: reused pids could make a circle
	t := o.find(p)
	o.known[pid] = t
	return t
}

func (o *owners) find(p process) *Tree {
	if t := o.mains[p.pid]; t != nil {
		return t
	}
	if t := o.old[identity{p.pid, p.start}]; t != nil && o.cookies[t.cookie] == t {
		return t
	}
	if t := o.leaders[p.session]; t != nil {
		return t
	}
	if t := o.leaders[p.group]; t != nil {
		return t
	}
	if p.parent != o.config.PID {
		if t := o.of(p.parent); t != nil {
			return t
		}
	}
	// Only an orphan of ours can be somebody's without a parent to say so, or what came from outside the PID namespace.
	if p.parent == o.config.PID || p.parent == 0 && o.config.PID == 1 || o.config.Everywhere {
		return o.byCookie(p.pid)
	}
	return nil
}

func (o *owners) byCookie(pid int) *Tree {
	v, empty := o.reader.variables(pid, WorkerVariable, GenerationVariable, BootVariable)
	if p := o.all[pid]; empty && !p.dead() && o.reader.executing(pid) {
		o.unsure = append(o.unsure, p)
	}
	return o.cookies[cookie{v[WorkerVariable], v[GenerationVariable], v[BootVariable]}]
}

// send signals exactly this process: the descriptor holds the pid while the start is compared.
func send(r *reader, p process, sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	if now, ok := r.stat(p.pid); !ok || now.start != p.start {
		return
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	if err == unix.ENOSYS || err == unix.EPERM || err == unix.EMFILE || err == unix.ENFILE || err == unix.EINVAL {
		_ = unix.Kill(p.pid, sig) // an older kernel or seccomp profile, or no descriptor to be had
	}
}

// Worker is a worker's name, as in the cookie.
func Worker(app string, slot int) string { return app + "/" + strconv.Itoa(slot) }
