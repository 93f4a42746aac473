package pid1

import (
	"sync"
	"time"

	"goinit/supervise"
)

// damper keeps a worker that comes and goes from filling the history, which is bounded, with nothing else: a probe may flip
// a thousand times a minute, and a worker say so as often. In each minute flapsTold times are events of their own; what
// comes after them is one, worker.flapping, at the end of that minute. What is so now, ps and its kin say at any time.
//
// It may be given events by anybody, and never blocks.
type damper struct {
	tell func(supervise.Event)

	mu    sync.Mutex
	flaps map[flapKey]*damped
}

// damped is one kind of event of a worker, in one minute.
type damped struct {
	flap
	last  supervise.Event
	back  bool // it has come again since
	exits bool // its process has ended since: what it said does not count
	timer *time.Timer
}

func newDamper(tell func(supervise.Event)) *damper {
	return &damper{tell: tell, flaps: map[flapKey]*damped{}}
}

// take tells of an event, or counts it.
func (d *damper) take(e supervise.Event) {
	if !d.counted(e) {
		d.tell(e)
	}
}

func (d *damper) counted(e supervise.Event) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Type {
	case "worker.unready":
		return d.goes(e)
	case "worker.unhealthy":
		return e.Data["action"] == "none" && d.goes(e) // what it leads to is an event anyway
	case "worker.ready":
		f := d.flaps[flapKey{e.App, e.Worker, "worker.unready"}]
		if again, _ := e.Data["again"].(bool); !again || f == nil || f.count <= flapsTold {
			return false
		}
		f.back = true
		return true
	case "worker.exited":
		for _, kind := range []string{"worker.unready", "worker.unhealthy"} {
			if f := d.flaps[flapKey{e.App, e.Worker, kind}]; f != nil {
				f.exits = true
			}
		}
	case "app.removed":
		d.forget(e.App)
	}
	return false
}

func (d *damper) goes(e supervise.Event) bool {
	key := flapKey{e.App, e.Worker, e.Type}
	f := d.flaps[key]
	if f == nil || f.timer == nil && e.At.Sub(f.since) >= flapWindow {
		f = &damped{flap: flap{since: e.At}}
		d.flaps[key] = f
	}
	f.count++
	f.last, f.back, f.exits = e, false, false
	if f.count <= flapsTold {
		return false
	}
	if f.timer == nil {
		f.timer = time.AfterFunc(flapWindow-e.At.Sub(f.since), func() { d.sum(key, f) })
	}
	return true
}

// sum tells what was counted.
func (d *damper) sum(key flapKey, f *damped) {
	d.mu.Lock()
	if d.flaps[key] != f { // the app has left
		d.mu.Unlock()
		return
	}
	delete(d.flaps, key)
	e := f.last
	e.At, e.Type = time.Now(), "worker.flapping"
	e.Data = map[string]any{"event": key.event, "times": f.count, "detail": f.last.Data["detail"]}
	if key.event == "worker.unready" && !f.exits {
		e.Data["ready"] = f.back
	}
	d.mu.Unlock()
	d.tell(e)
}

func (d *damper) forget(app string) {
	for key, f := range d.flaps {
		if key.app == app {
			if f.timer != nil {
				f.timer.Stop()
			}
			delete(d.flaps, key)
		}
	}
}
