package tree

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// nothingLeft answers what is asked most, cheaply: whether nothing is left of any tree that somebody waits for. What a
// dead worker leaves hangs below orphans, and orphans are children of ours. So if all our children are main processes
// that live, there is nothing. A look at all processes would take milliseconds of each restart where there are hundreds.
// It does not say no: there may be a stranger among our children.
func (k *Keeper) nothingLeft(r *reader, exited map[*Tree]bool) bool {
	if k.config.Everywhere {
		return false
	}
	children, ok := r.children(k.config.PID)
	if !ok {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	mains := make(map[int]bool, len(exited))
	for t, exited := range exited {
		if t.wanted && !exited && t.group == nil {
			return false // it is to be signalled
		}
		if !exited {
			mains[t.pid] = true
		}
	}
	for _, pid := range children {
		if !mains[pid] {
			return false
		}
	}
	return true
}

// children are those of all threads of a process: a thread's are those that it has forked, and orphans go to any. It
// fails where the kernel does not have the file (CONFIG_PROC_CHILDREN). The kernel may leave one out when the one before
// it is reaped in the same instant (get_children_pid in its fs/proc/array.c); hence, as for all looks, two in a row.
func (r *reader) children(pid int) (pids []int, ok bool) {
	task := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, err := r.numbers(task)
	if err != nil || len(threads) == 0 {
		return nil, false
	}
	for _, thread := range threads {
		if pids, ok = r.childrenOf(task+strconv.Itoa(thread)+"/children", pids); !ok {
			return nil, false
		}
	}
	return pids, true
}

func (r *reader) childrenOf(path string, pids []int) ([]int, bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(fd)
	half := 0 // bytes of a number that the last read has cut
	for {
		n, err := unix.Read(fd, r.room()[half:])
		if err != nil {
			return nil, false
		}
		if n == 0 {
			return pids, half == 0
		}
		text := r.buffer[:half+n]
		for {
			number, rest, whole := bytes.Cut(text, []byte{' '})
			if !whole {
				break
			}
			pid, err := strconv.Atoi(string(number))
			if err != nil {
				return nil, false
			}
			pids, text = append(pids, pid), rest
		}
		half = copy(r.buffer, text)
	}
}
