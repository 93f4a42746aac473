package control_test

import (
	"errors"
	"strings"
	"testing"

	"goinit/control"
	"goinit/control/controltest"

	"golang.org/x/sys/unix"
)

// adopted is a client whom a server was given, without a socket.
func adopted(t *testing.T, srv *control.Server) *control.Client {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Adopt(pair[0]); err != nil {
		unix.Close(pair[1])
		t.Fatal(err)
	}
	c, err := control.Adopted(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Who is adopted may ask how everything is, whoever it is, and for nothing else.
func TestAdoptedMayOnlyObserve(t *testing.T) {
	f := controltest.New()
	srv := control.Serve(f, nil, control.DefaultLimits(), func(s string) { t.Log("server says:", s) })
	t.Cleanup(srv.Close)
	c := adopted(t, srv)
	allowed := []string{"Info", "Health", "Metrics"}
	for _, method := range control.MethodNames() {
		name, ours := strings.CutPrefix(method, "io.goinit.")
		if !ours {
			continue
		}
		may := false
		for _, a := range allowed {
			may = may || a == name
		}
		err := c.Call(within(t), name, nil, nil)
		var e *control.Error
		switch {
		case may && err != nil:
			t.Errorf("%s: %v", name, err)
		case !may && (!errors.As(err, &e) || e.Name != control.NotAllowed || e.Message != "the gateway may not call io.goinit."+name):
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.Commands) > 0 {
		t.Errorf("commands: %v", f.Commands)
	}
}

// Its place is its own: others neither take it nor are kept out by it. There are few, and the end of the server is theirs.
func TestAdoptedHasItsOwnPlace(t *testing.T) {
	limits := control.DefaultLimits()
	limits.Clients, limits.Reserve = 1, 0
	_, srv, path := serve(t, limits)
	c := adopted(t, srv)
	for range 3 { // each has the place of the one before
		if err := dial(t, path).Call(within(t), "Info", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	var r control.InfoReply
	if err := c.Call(within(t), "Info", nil, &r); err != nil || r.Info.Clients != 1 {
		t.Errorf("%v, %d clients", err, r.Info.Clients)
	}
	for range 3 {
		adopted(t, srv)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	if err := srv.Adopt(pair[0]); err == nil {
		t.Error("a fifth has a place")
	}
	srv.Close()
	if err := c.Call(within(t), "Info", nil, nil); !errors.Is(err, control.ErrGone) {
		t.Errorf("after the end: %v", err)
	}
}

// goinit's own apps are in ps, and meant by nobody who does not name them.
func TestOwnApps(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	s := *f.Snapshot()
	own := "goinit" + ".gateway" // no type of an event
	s.Apps = append(s.Apps, control.App{Name: own, Own: true, Workers: []control.Worker{controltest.Worker(own, 0, 99, control.Backoff)}})
	f.Set(&s)
	c := dial(t, path)
	var rows control.PsReply
	if err := c.Call(within(t), "Ps", nil, &rows); err != nil || rows.Workers[len(rows.Workers)-1].App != own {
		t.Errorf("ps: %v, %+v", err, rows)
	}
	var h control.HealthReply
	if err := c.Call(within(t), "Health", control.HealthRequest{Check: "live"}, &h); err != nil || !h.Healthy || len(h.Apps) != 3 {
		t.Errorf("health: %v, %+v", err, h)
	}
	if err := c.Call(within(t), "Restart", control.OrderRequest{Targets: []string{"all"}}, nil); err != nil {
		t.Fatal(err)
	}
	f.Lock()
	for _, target := range f.Commands[0].(control.Restart).Targets {
		if target.App == own {
			t.Errorf("all means %s", own)
		}
	}
	f.Unlock()
	const want = "is goinit's own, and what the spec's gateway: says: change that, and goinit ctl apply"
	for method, in := range map[string]any{
		"Stop":   control.OrderRequest{Targets: []string{own + "/0"}},
		"Signal": control.SignalRequest{OrderRequest: control.OrderRequest{Targets: []string{"99"}}, Signal: "KILL"},
		"Scale":  control.ScaleRequest{App: own, Workers: 3}, "Rm": control.RmRequest{App: own},
		"Update": control.UpdateRequest{App: own, Limits: []control.Limit{{Name: "memory"}}},
	} {
		if err := c.Call(within(t), method, in, nil); err == nil || err.Error() != own+" "+want {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestHealthOfAStart(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	ask := func(r control.HealthRequest) control.HealthReply {
		t.Helper()
		var reply control.HealthReply
		if err := dial(t, path).Call(within(t), "Health", r, &reply); err != nil {
			t.Fatal(err)
		}
		return reply
	}
	become := func(state string) {
		s := *f.Snapshot()
		s.Info.State = state
		f.Set(&s)
	}
	become("booting")
	if r := ask(control.HealthRequest{Check: "startup"}); r.Healthy || !r.Apps[0].Healthy || r.Apps[2].Reason != "waiting" {
		t.Errorf("while it comes up: %+v", r)
	}
	become("running")
	if r := ask(control.HealthRequest{Check: "startup"}); !r.Healthy || r.Apps[2].Reason != "started" {
		t.Errorf("when it has come up: %+v", r)
	}
	become("stopping")
	if r := ask(control.HealthRequest{Check: "startup"}); !r.Healthy {
		t.Errorf("at its end: %+v", r)
	}
	if r := ask(control.HealthRequest{}); r.Healthy || r.Apps[1].Reason != "goinit is stopping" {
		t.Errorf("ready at its end: %+v", r)
	}
	become("running")
	f.Become("db", control.Stopped)
	if r := ask(control.HealthRequest{All: true}); len(r.Apps) != 3 || !r.Apps[1].Aside || r.Apps[1].Reason != "stopped" {
		t.Errorf("what was stopped by hand is aside: %+v", r)
	}
	if r := ask(control.HealthRequest{}); len(r.Apps) != 2 {
		t.Errorf("and else left out: %+v", r)
	}
}
