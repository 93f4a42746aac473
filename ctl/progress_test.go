package ctl

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goinit/control"
)

// On a terminal one line is written anew, no wider than the window, and is gone at the end. What is over soon shows nothing.
func TestProgressOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.world.errTerminal, b.world.width, b.world.files[2] = true, 20, -1
		p := newProgress(&b.world, 300*time.Millisecond)
		p.show("1 of 4 stopped")
		synctest.Wait()
		p.mu.Lock()
		if b.out.Len() > 0 {
			t.Errorf("at once: %q", b.out.String())
		}
		p.mu.Unlock()
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		p.show("2 of 4 stopped; waiting \x1b[2Jfor web/0")
		time.Sleep(time.Second)
		synctest.Wait()
		p.end()
		p.end()
		p.show("too late")
		want := "\r\x1b[K1 of 4 stopped\r\x1b[K2 of 4 stopped; wai\r\x1b[K2 of 4 stopped; wai\r\x1b[K"
		if got := b.out.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestProgressTellsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t)
		b.world.errTerminal, b.world.files[2] = true, -1
		p := newProgress(&b.world, 500*time.Millisecond)
		p.show("removing old logs")
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		p.end()
		want := "\r\x1b[Kremoving old logs\r\x1b[Kremoving old logs, 1s\r\x1b[Kremoving old logs, 2s\r\x1b[K"
		if got := b.out.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// Elsewhere, and where TERM=dumb, news are lines, and nothing is said of time.
func TestProgressElsewhere(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		b := newBed(t)
		b.world.errTerminal = terminal
		b.world.getenv = func(string) string { return "dumb" }
		p := newProgress(&b.world, time.Hour)
		for _, text := range []string{"1 of 2 stopped", "1 of 2 stopped", "", "2 of 2 stopped"} {
			p.show(text)
		}
		p.end()
		if got := b.out.String(); got != "1 of 2 stopped\n2 of 2 stopped\n" {
			t.Errorf("on a terminal: %v: %q", terminal, got)
		}
	}
}

func eventOf(kind, app string, slot int, data string) *control.Event {
	e := &control.Event{Type: kind, App: app, Data: json.RawMessage(data)}
	if slot >= 0 {
		e.Slot = &slot
	}
	return e
}

func TestReloadSteps(t *testing.T) {
	story := []struct {
		event       *control.Event
		name        string
		live, plain string
		pending     bool
	}{
		{eventOf("worker.exited", "web", 0, `{}`), "web/0", "", "", false},
		{eventOf("reload.started", "web", -1, `{"workers":2}`), "web", "web: 0 of 2 replaced", "", true},
		{eventOf("reload.started", "db", -1, `{"workers":1}`), "db", "db: 0 of 1 replaced; web: 0 of 2 replaced", "", true},
		{eventOf("reload.progress", "web", 0, `{"replaced":1,"workers":2}`), "web/0", "db: 0 of 1 replaced; web: 1 of 2 replaced", "web: 1 of 2 replaced", true},
		{eventOf("reload.progress", "web", 1, `{"replaced":2,"workers":2}`), "web/1", "db: 0 of 1 replaced; web: 2 of 2 replaced", "web: 2 of 2 replaced", true},
		{eventOf("reload.finished", "web", -1, `{"replaced":2,"workers":2}`), "web", "db: 0 of 1 replaced; web: 2 of 2 replaced", "", true},
		{eventOf("reload.failed", "db", -1, `null`), "db", "db: 0 of 1 replaced; web: 2 of 2 replaced", "", false},
	}
	for _, live := range []bool{true, false} {
		r := &reloadSteps{live: live, far: make(map[string]string)}
		for _, s := range story {
			want := s.plain
			if live {
				want = s.live
			}
			if got := r.take(s.name, s.event); got != want || r.pending() != s.pending {
				t.Errorf("live %v, %s of %s: %q, pending %v; want %q", live, s.event.Type, s.name, got, r.pending(), want)
			}
		}
	}
}

func TestWorkerSteps(t *testing.T) {
	stop := func(live bool, names ...string) *workerSteps {
		return &workerSteps{live: live, done: "stopped", at: []string{"worker.stopped"}, left: names, of: len(names)}
	}
	w := stop(true, "a/0", "a/1", "a/2", "a/3", "b/0")
	for _, step := range []struct{ name, kind, want string }{
		{"a/0", "worker.stopping", "0 of 5 stopped; waiting for a/0, a/1, a/2 and 2 more"},
		{"c/0", "worker.stopped", ""},
		{"a/0", "worker.exited", ""},
		{"a/0", "worker.stopped", "1 of 5 stopped; waiting for a/1, a/2, a/3 and 1 more"},
		{"a/0", "worker.stopped", ""},
		{"a/2", "worker.stopped", "2 of 5 stopped; waiting for a/1, a/3, b/0"},
		{"a/1", "worker.stopped", "3 of 5 stopped; waiting for a/3, b/0"},
		{"b/0", "worker.stopped", "4 of 5 stopped; waiting for a/3"},
		{"a/3", "worker.killed", "4 of 5 stopped; waiting for a/3"},
		{"a/3", "worker.stopped", "5 of 5 stopped"},
	} {
		if got := w.take(step.name, &control.Event{Type: step.kind}); got != step.want {
			t.Errorf("%s %s: %q, want %q", step.kind, step.name, got, step.want)
		}
	}
	if w.pending() {
		t.Error("something is awaited")
	}

	// Elsewhere than on a terminal ten lines are enough.
	var names []string
	for i := range 95 {
		names = append(names, control.Target{App: "web", Slot: i}.String())
	}
	w = stop(false, names...)
	var told []string
	for _, n := range append([]string(nil), names...) {
		if text := w.take(n, &control.Event{Type: "worker.stopped"}); text != "" {
			told = append(told, text)
		}
	}
	if len(told) != 10 || told[0] != "10 of 95 stopped" || told[9] != "95 of 95 stopped" {
		t.Errorf("%s", strings.Join(told, "\n"))
	}
}

// Of a scale or an apply is counted what begins: apps that are reloaded by their own count, others worker by worker.
func TestChangeSteps(t *testing.T) {
	c := newChangeSteps()
	if c.pending() {
		t.Error("something is awaited at once")
	}
	for _, s := range []struct {
		event      *control.Event
		name, want string
	}{
		{eventOf("worker.ready", "db", 0, `null`), "db/0", ""}, // of before
		{eventOf("app.removed", "old", -1, `null`), "old", ""},
		{eventOf("worker.started", "api", 2, `{"pid":3}`), "api/2", "0 of 1 ready; waiting for api/2"},
		{eventOf("worker.started", "api", 3, `{"pid":4}`), "api/3", "0 of 2 ready; waiting for api/2, api/3"},
		{eventOf("reload.started", "web", -1, `{"workers":2}`), "web", "web: 0 of 2 replaced; 0 of 2 ready; waiting for api/2, api/3"},
		{eventOf("worker.started", "web", 0, `{"pid":5}`), "web/0", ""},
		{eventOf("worker.ready", "api", 3, `null`), "api/3", "web: 0 of 2 replaced; 1 of 2 ready; waiting for api/2"},
		{eventOf("worker.exited", "api", 2, `null`), "api/2", "web: 0 of 2 replaced; 1 of 1 ready"},
		{eventOf("worker.started", "api", 2, `null`), "api/2", "web: 0 of 2 replaced; 1 of 2 ready; waiting for api/2"},
		{eventOf("worker.stopping", "old", 0, `{"delay":"10s"}`), "old/0", "web: 0 of 2 replaced; 0 of 1 stopped; 1 of 2 ready; waiting for old/0, api/2"},
		{eventOf("worker.exited", "old", 0, `null`), "old/0", "web: 0 of 2 replaced; 0 of 1 stopped; 1 of 2 ready; waiting for old/0, api/2"},
		{eventOf("worker.removed", "old", 0, `null`), "old/0", "web: 0 of 2 replaced; 1 of 1 stopped; 1 of 2 ready; waiting for api/2"},
		{eventOf("reload.progress", "web", 1, `{"replaced":1,"workers":2}`), "web/1", "web: 1 of 2 replaced; 1 of 1 stopped; 1 of 2 ready; waiting for api/2"},
		{eventOf("worker.completed", "api", 2, `null`), "api/2", "web: 1 of 2 replaced; 1 of 1 stopped; 2 of 2 ready"},
		{eventOf("reload.finished", "web", -1, `{"replaced":2,"workers":2}`), "web", "web: 1 of 2 replaced; 1 of 1 stopped; 2 of 2 ready"},
	} {
		if got := c.take(s.name, s.event); got != s.want {
			t.Errorf("%s of %s: %q, want %q", s.event.Type, s.name, got, s.want)
		}
	}
	if c.pending() {
		t.Error("something is awaited")
	}
}
