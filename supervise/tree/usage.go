package tree

import (
	"errors"
	"os"
	"sync"
	"time"
)

// Usage is what a tree's living processes use.
type Usage struct {
	// User and System are CPU time: of the living, and of their children that they have waited for. What an orphan used
	// is lost with it.
	User, System time.Duration
	Resident     uint64 // bytes; what processes share is counted in each of them
	Tasks        int    // threads
}

// ErrNone is what there is to say of a tree without processes.
var ErrNone = errors.New("there is no process of it")

// userTick is the unit of time in /proc/PID/stat: USER_HZ, 100 a second on all architectures that goinit is built for.
const userTick = 10 * time.Millisecond

// censusAge is how long a count of all processes answers who asks: whoever asks for a thousand workers has one look made.
const censusAge = 100 * time.Millisecond

// census is the last look at all processes on behalf of those who only want to know.
type census struct {
	mu      sync.Mutex
	reader  reader
	at      time.Time
	members map[*Tree][]process // every tree there was, also one without members
}

// Usage counts what is alive of the tree. It reads /proc, and so takes milliseconds where there are many processes.
func (t *Tree) Usage() (Usage, error) {
	members, err := t.keeper.counted(t, censusAge)
	if err != nil {
		return Usage{}, err
	}
	if len(members) == 0 {
		return Usage{}, ErrNone
	}
	var u Usage
	for i := range members {
		p := &members[i]
		u.User += time.Duration(p.user) * userTick
		u.System += time.Duration(p.system) * userTick
		u.Resident += uint64(p.resident) * uint64(os.Getpagesize())
		u.Tasks += p.threads
	}
	return u, nil
}

// counted are the members of a tree at a look that is no older than it may be. It leaves alone what the looks of Run's
// goroutine have seen.
func (k *Keeper) counted(t *Tree, age time.Duration) ([]process, error) {
	c := &k.census
	c.mu.Lock()
	defer c.mu.Unlock()
	if members, known := c.members[t]; known && time.Since(c.at) < age {
		return members, nil
	}
	exited := k.exited()
	if _, known := exited[t]; !known {
		return nil, ErrNone
	}
	all, err := c.reader.all()
	if err != nil {
		return nil, err
	}
	members, _, _ := k.sort(&c.reader, all, exited)
	for t := range exited {
		if members[t] == nil {
			members[t] = nil
		}
	}
	c.at, c.members = time.Now(), members
	return members[t], nil
}
