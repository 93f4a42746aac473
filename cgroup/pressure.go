package cgroup

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// unprivilegedWindow: without CAP_SYS_RESOURCE the kernel takes windows of whole multiples of it (psi_trigger_create in its
// kernel/sched/psi.c, since 6.4).
const unprivilegedWindow = 2 * time.Second

func (g *Group) watchPressure(t *Trigger) error {
	path := g.statPath(fileMemoryPressure)
	if path == "" {
		return &Unavailable{"pressure is told by cgroup v2 alone, and that is not mounted here", "leave out recycle.pressure, or use recycle.memory"}
	}
	err := g.trigger(path, *t)
	if err == unix.EINVAL {
		rounded := *t
		rounded.Window = (t.Window + unprivilegedWindow - 1) / unprivilegedWindow * unprivilegedWindow
		rounded.Stall = time.Duration(math.Round(float64(t.Stall) * float64(rounded.Window) / float64(t.Window)))
		err = g.trigger(path, rounded)
	}
	if err != nil {
		return &Unavailable{"the kernel tells no pressure (" + err.Error() + ")", "boot it with psi=1, or use recycle.memory"}
	}
	return nil
}

func (g *Group) trigger(path string, t Trigger) error {
	word := "some"
	if t.Full {
		word = "full"
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s %d %d", word, t.Stall.Microseconds(), t.Window.Microseconds())
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		unix.Close(fd)
		return err
	}
	// Not EPOLLPRI: an epoll set that is watched by another is asked by that whether it is ready, and such a question takes
	// the event (psi_trigger_poll). But the file is readable all the time, so every time that it is woken is an edge; whether
	// for us, the file says.
	var told time.Duration
	return g.root.watcher.add(g, fd, unix.EPOLLIN|unix.EPOLLET, func(g *Group) {
		if now := g.stalled(t.Full); now-told >= t.Stall {
			told = now
			g.tell(Event{Kind: PressureReached, Count: 1})
		}
	})
}

// stalled is for how long some or all have waited for memory, ever.
func (g *Group) stalled(full bool) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed {
		return 0
	}
	var p Pressure
	var buffer [256]byte
	parsePressure(g.text(fileMemoryPressure, buffer[:]), &p)
	if full {
		return p.Full.Total
	}
	return p.Some.Total
}
