package tree

import "time"

// A tree in a group is looked at through the group, and not in /proc: whatever its processes have done to their parents,
// sessions and environments, they are in it.

// within is what a look into a group has found.
type within struct {
	empty   bool
	members []process // of one that is not empty, and is to be asked
}

// lookIntoGroups looks at the trees with a group that somebody asked about, and kills what is to be killed. It is called
// without the lock: the kernel may take its time.
func (k *Keeper) lookIntoGroups(r *reader, exited map[*Tree]bool) map[*Tree]within {
	k.mu.Lock()
	wanted := map[*Tree]bool{} // to be killed?
	for t := range exited {
		if t.wanted && t.group != nil {
			wanted[t] = t.kill
		}
	}
	k.mu.Unlock()
	found := make(map[*Tree]within, len(wanted))
	for t, kill := range wanted {
		found[t] = t.lookIntoGroup(r, kill)
	}
	return found
}

func (t *Tree) lookIntoGroup(r *reader, kill bool) (w within) {
	if kill {
		_ = t.group.Kill() // what is left is found by the next look
	}
	empty, err := t.group.Empty()
	if w.empty = empty && err == nil; w.empty || kill {
		return w
	}
	pids, _ := t.group.Pids()
	for _, pid := range pids {
		if p, ok := r.stat(pid); ok && !p.dead() {
			w.members = append(w.members, p)
		}
	}
	return w
}

// anyWithoutGroup reports whether there is a tree that is looked for in /proc. Whether somebody has asked about it is not
// looked at: somebody may, before this look is over, and is not to be told of a look that was not made.
func anyWithoutGroup(trees map[*Tree]bool) bool {
	for t := range trees {
		if t.group == nil {
			return true
		}
	}
	return false
}

// afterGroup is what a look into its group means for a tree; it returns when to look again. An event of the group, or a death,
// may come before.
func (t *Tree) afterGroup(r *reader, w within, exited bool) time.Duration {
	switch {
	case w.empty && exited:
		t.empty = 2 // a group is sure of it
		return -1
	case w.empty:
		return -1 // Exited will tell
	case !t.kill:
		t.askThem(r, w.members)
		return t.rest(awaitPause)
	}
	again := t.rest(shortPause)
	if again == longPause && !t.told && t.keeper.config.Stuck != nil {
		if who := t.group.Stuck(); who != "" {
			t.told = true
			t.keeper.config.Stuck(t.cookie.worker, who)
		}
	}
	return again
}
