package ctl

import (
	"fmt"
	"slices"
	"strings"

	"goinit/control"
)

// changeSteps counts what comes of a scale or an apply. What that is turns out as it goes: whoever begins to start or to stop
// is counted from then on. So it is shown on a terminal only, in a line that changes.
type changeSteps struct {
	reloads        reloadSteps // whose workers are not counted one by one
	ready, stopped ends
}

// ends are the workers that have begun something.
type ends struct {
	done int
	left []string // names of those that are still awaited
}

func newChangeSteps() *changeSteps {
	return &changeSteps{reloads: reloadSteps{live: true, far: make(map[string]string)}}
}

func (c *changeSteps) pending() bool {
	return c.reloads.pending() || len(c.ready.left)+len(c.stopped.left) > 0
}

func (c *changeSteps) take(name string, e *control.Event) string {
	if c.reloads.take(name, e) == "" {
		if _, reloaded := c.reloads.far[strings.TrimSuffix(name, "/"+slotOf(e))]; reloaded {
			return ""
		}
		switch e.Type {
		case "worker.started":
			c.ready.begin(name)
		case "worker.ready", "worker.completed":
			c.ready.end(name)
		case "worker.stopping":
			c.ready.forget(name)
			c.stopped.begin(name)
		case "worker.stopped", "worker.removed":
			c.stopped.end(name)
		case "worker.exited": // it may not be started again
			c.ready.forget(name)
		default:
			return ""
		}
	}
	parts := inOrderOf(c.reloads.far)
	for _, of := range []struct {
		*ends
		are string
	}{{&c.stopped, "stopped"}, {&c.ready, "ready"}} {
		if all := of.done + len(of.left); all > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d %s", of.done, all, of.are))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + awaited(slices.Concat(c.stopped.left, c.ready.left))
}

func (e *ends) begin(name string) {
	if !slices.Contains(e.left, name) {
		e.left = append(e.left, name)
	}
}

func (e *ends) end(name string) {
	if e.forget(name) {
		e.done++
	}
}

// forget is for who will not come to that end; it reports whether it was awaited.
func (e *ends) forget(name string) bool {
	n := slices.Index(e.left, name)
	if n < 0 {
		return false
	}
	e.left = slices.Delete(e.left, n, n+1)
	return true
}
