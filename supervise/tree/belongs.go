package tree

// Belongs reports whether a process is main or is of its tree: of its session or group, or below it. Unlike a look of the
// Keeper's it asks whether to believe somebody, so the cookie does not count: an environment is what a process says of
// itself, while nobody can join another session, or choose a parent.
func Belongs(main, pid int) bool {
	r := &reader{}
	return belongs(main, pid, r.stat)
}

// Members are the living processes for which Belongs would be true, the main one first.
func Members(main int) []int {
	r := &reader{}
	all, err := r.all()
	if err != nil {
		return nil
	}
	stat := func(pid int) (process, bool) {
		p, ok := all[pid]
		return p, ok
	}
	if p, ok := all[main]; !ok || p.dead() {
		return nil
	}
	members := []int{main}
	for pid, p := range all {
		if pid != main && !p.dead() && belongs(main, pid, stat) {
			members = append(members, pid)
		}
	}
	return members
}

// belongs climbs from a process to its ancestors. Pids that are reused meanwhile could make a circle.
func belongs(main, pid int, stat func(pid int) (process, bool)) bool {
	const most = 1000 // generations
	for range most {
		if pid == main {
			return true
		}
		p, ok := stat(pid)
		if !ok || pid <= 1 {
			return false
		}
		if p.session == main || p.group == main {
			return true
		}
		pid = p.parent
	}
	return false
}
