package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"goinit/control"
	"goinit/control/controltest"
)

// serve starts a server with a fake behind it.
func serve(t *testing.T, l control.Limits) (*controltest.Fake, *control.Server, string) {
	t.Helper()
	f := controltest.New()
	s, path := serveFor(t, f, l, -1)
	return f, s, path
}

func serveFor(t *testing.T, sup control.Supervisor, l control.Limits, readGroup int) (*control.Server, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "goinit") // short: sun_path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, err := control.Listen(control.Listening{Name: "test", ReadGroup: readGroup, Getenv: func(k string) string {
		if k == "GOINIT_SOCKET_DIRECTORY" {
			return filepath.Join(dir, "s")
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := control.Serve(sup, socket, l, func(s string) { t.Log("server says:", s) })
	t.Cleanup(srv.Close)
	return srv, socket.Path
}

func dial(t *testing.T, path string) *control.Client {
	t.Helper()
	c, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestPs(t *testing.T) {
	_, _, path := serve(t, control.DefaultLimits())
	var raw struct{ Workers []json.RawMessage }
	if err := dial(t, path).Call(within(t), "Ps", control.PsRequest{Targets: []string{"web/0", "migrate"}}, &raw); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"app":"web","slot":0,"worker":"web/0","pid":17,"state":"running","ready":true,"generation":3,"restarts":2,` +
			`"started_at":"2026-11-21T08:00:00.1Z","state_since":"2026-11-21T08:00:00.1Z","next_at":null,` +
			`"last_exit":{"code":null,"signal":"SIGKILL","status":137,"reason":"oom-killed","at":"2026-11-21T08:00:00.1Z"}}`,
		`{"app":"migrate","slot":null,"worker":null,"pid":null,"state":"waiting","ready":false,"generation":0,"restarts":0,` +
			`"started_at":null,"state_since":"2026-11-21T08:00:00.1Z","next_at":null,"last_exit":null}`,
	}
	if len(raw.Workers) != len(want) {
		t.Fatalf("%d workers, want %d: %s", len(raw.Workers), len(want), raw.Workers)
	}
	for i := range want {
		if string(raw.Workers[i]) != want[i] {
			t.Errorf("worker %d\n got %s\nwant %s", i, raw.Workers[i], want[i])
		}
	}
}

func TestTargets(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	web0, web, db := control.Target{App: "web"}, control.Target{App: "web", Slot: -1}, control.Target{App: "db", Slot: -1}
	for _, tt := range []struct {
		words string
		want  []control.Target
		err   string
	}{
		{words: "web", want: []control.Target{web}},
		{words: "web/0", want: []control.Target{web0}},
		{words: "web/0 web web", want: []control.Target{web}},
		{words: "@frontend db", want: []control.Target{web, db}},
		{words: "17", want: []control.Target{web0}},
		{words: "all", want: []control.Target{web, db, {App: "migrate", Slot: -1}}},
		{words: "0", err: `no worker "0"; goinit has names, not PM2's numbers: web/0 web/1 db/0, or all`},
		{words: "4711", err: "no worker has the pid 4711; there are web db migrate"},
		{words: "wbe", err: `no app "wbe"; there are web db migrate`},
		{words: "web/7", err: `no worker "web/7"; web has web/0 web/1`},
		{words: "web/", err: `no worker "web/"; web has web/0 web/1`},
		{words: "@back", err: `no app has the tag "back"`},
	} {
		err := dial(t, path).Call(within(t), "Restart", control.OrderRequest{Targets: strings.Fields(tt.words)}, nil)
		if tt.err != "" {
			var e *control.Error
			if !errors.As(err, &e) || e.Name != control.NoSuchTarget || e.Message != tt.err || e.Target != tt.words {
				t.Errorf("%s: error %#v, want %q", tt.words, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.words, err)
			continue
		}
		f.Lock()
		got := f.Commands[len(f.Commands)-1].(control.Restart).Targets
		f.Unlock()
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.words, got, tt.want)
		}
	}
}

// Everything that a request can be wrong in is told by a name.
func TestErrors(t *testing.T) {
	_, _, path := serve(t, control.DefaultLimits())
	for _, tt := range []struct{ method, parameters, want string }{
		{"io.goinit.Nothing", `{}`, "org.varlink.service.MethodNotFound"},
		{"", `{}`, "org.varlink.service.MethodNotFound"},
		{"io.goinit.Ps", `{"colour":1}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Ps", `{"targets":"web"}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Ps", `[]`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Start", `{}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Signal", `{"targets":["web"],"signal":"SIGFOO"}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Signal", `{"targets":["web"],"signal":"65"}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Scale", `{"app":"web","workers":-1}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Wait", `{"targets":["web"],"for":"godot"}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Wait", `{"targets":["web"],"timeout_seconds":-1}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Shutdown", `{"status":256}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Exec", `{"target":"web","args":["true"]}`, "org.varlink.service.InvalidParameter"},
		{"io.goinit.Logs", `{}`, "org.varlink.service.ExpectedMore"},
		{"io.goinit.Rm", `{"app":"x"}`, "io.goinit.NoSuchTarget"},
		{"org.varlink.service.GetInterfaceDescription", `{"interface":"x"}`, "org.varlink.service.InterfaceNotFound"},
	} {
		got := control.Raw(t, path, `{"method":"`+tt.method+`","parameters":`+tt.parameters+"}\x00")
		var r struct {
			Error      string
			Parameters struct{ Message string }
		}
		if err := json.Unmarshal([]byte(got), &r); err != nil || r.Error != tt.want || r.Parameters.Message == "" {
			t.Errorf("%s %s: %s, want %s", tt.method, tt.parameters, got, tt.want)
		}
	}
}

func TestPanicStays(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	f.Lock()
	f.Hook = func(context.Context, control.Command) (control.Result, error) { panic("oh") }
	f.Unlock()
	c := dial(t, path)
	err := c.Call(within(t), "Save", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "bug in goinit") {
		t.Errorf("error %v", err)
	}
	if err := c.Call(within(t), "Ps", nil, nil); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestTimeoutEndsTheWaitingOnly(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	ended := make(chan struct{})
	f.Lock()
	f.Hook = func(ctx context.Context, _ control.Command) (control.Result, error) {
		<-ctx.Done()
		close(ended)
		return control.Result{}, ctx.Err()
	}
	f.Unlock()
	err := dial(t, path).Call(within(t), "Stop", control.OrderRequest{Targets: []string{"db"}, TimeoutSeconds: 0.01}, nil)
	var e *control.Error
	if !errors.As(err, &e) || e.Name != control.TimedOut {
		t.Errorf("error %v", err)
	}
	<-ended
}

// A client that leaves ends its call: nothing in PID 1 waits for nobody.
func TestClientLeaves(t *testing.T) {
	f, srv, path := serve(t, control.DefaultLimits())
	began, ended := make(chan struct{}), make(chan struct{})
	f.Lock()
	f.Hook = func(ctx context.Context, _ control.Command) (control.Result, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return control.Result{}, ctx.Err()
	}
	f.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	c := dial(t, path)
	go func() { <-began; cancel(); c.Close() }()
	if err := c.Call(ctx, "Stop", control.OrderRequest{Targets: []string{"db"}}, nil); err == nil {
		t.Error("no error")
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the call goes on")
	}
	control.Eventually(t, func() bool { return srv.ClientCount() == 0 })
}

// nc and socat close their sending half behind the request and want an answer all the same.
func TestHalfClosed(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	c := control.RawConn(t, path)
	c.Write([]byte(`{"method":"io.goinit.Wait","parameters":{"targets":["db"],"for":"stopped"}}` + "\x00"))
	c.CloseWrite()
	control.Eventually(t, func() bool { return f.Snapshot() != nil })
	f.Become("db", control.Stopped)
	answer, err := bufio.NewReader(c).ReadString(0)
	if err != nil || !strings.Contains(answer, `"state":"stopped"`) {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestPipelined(t *testing.T) {
	_, _, path := serve(t, control.DefaultLimits())
	c := control.RawConn(t, path)
	const n = 100
	go c.Write([]byte(strings.Repeat(`{"method":"io.goinit.Info"}`+"\x00"+`{"method":"io.goinit.Info","oneway":true}`+"\x00", n)))
	r := bufio.NewReader(c)
	for i := range n {
		if s, err := r.ReadString(0); err != nil || !strings.HasPrefix(s, `{"parameters":{"info":`) {
			t.Fatalf("answer %d: %q, %v", i, s, err)
		}
	}
}

func TestWait(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	call := func(target, what string, seconds float64) error {
		return dial(t, path).Call(within(t), "Wait", control.WaitRequest{Targets: []string{target}, For: what, TimeoutSeconds: seconds}, nil)
	}
	if err := call("db", "ready", 0); err != nil {
		t.Errorf("ready already: %v", err)
	}
	var e *control.Error
	if err := call("web", "", 0.01); !errors.As(err, &e) || e.Name != control.TimedOut || e.Message != "web/1 is still backoff, not ready" {
		t.Errorf("not ready in time: %v", err)
	}
	done := make(chan error)
	go func() { done <- call("web", "ready", 0) }()
	f.Become("web", control.Running)
	if err := <-done; err != nil {
		t.Errorf("becomes ready: %v", err)
	}
	go func() { done <- call("web", "completed", 0) }()
	f.Become("web", control.Failed)
	if err := <-done; !errors.As(err, &e) || e.Name != control.Failure {
		t.Errorf("gave up: %v", err)
	}
	for state, never := range map[control.State][]string{control.Stopped: {"ready", "completed"}, control.Scheduled: {"ready", "completed"}, control.Failed: {"ready", "completed"}, control.Completed: {"ready"}} {
		f.Become("db", state)
		for _, what := range never {
			if err := call("db", what, 0); !errors.As(err, &e) || e.Name != control.Failure || e.Message != "db/0 will not be "+what+": it is "+string(state) {
				t.Errorf("%s, %s: %v", state, what, err)
			}
		}
	}
	f.Become("db", control.Scheduled)
	if err := call("db", "stopped", 0.01); !errors.As(err, &e) || e.Name != control.TimedOut { // by somebody
		t.Errorf("to be stopped: %v", err)
	}
	f.Become("db", control.Waiting)
	if err := call("db", "ready", 0.01); !errors.As(err, &e) || e.Name != control.TimedOut {
		t.Errorf("waiting: %v", err)
	}
}

func TestHealth(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	check := func(check string, targets ...string) control.HealthReply {
		t.Helper()
		var r control.HealthReply
		if err := dial(t, path).Call(within(t), "Health", control.HealthRequest{Check: check, Targets: targets}, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := check("ready"); r.Healthy || len(r.Apps) != 3 || r.Apps[0].Reason != "1 of 2 workers ready" || !r.Apps[0].Healthy || r.Apps[2].Reason != "waiting" {
		t.Errorf("migrate waits: %+v", r)
	}
	if r := check("live"); !r.Healthy {
		t.Errorf("live: %+v", r)
	}
	if r := check("ready", "web/1"); r.Healthy {
		t.Errorf("web/1: %+v", r)
	}
	f.Become("db", control.Stopped)
	if r := check("ready", "web", "db"); r.Healthy {
		t.Errorf("stopped, asked for by name: %+v", r)
	}
	f.Become("db", control.Failed)
	if r := check("live"); r.Healthy {
		t.Errorf("failed: %+v", r)
	}
}

// Watching, one sees every last state, if not each one between.
func TestPsMore(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	done := errors.New("seen")
	first := true
	err := dial(t, path).Stream(within(t), "Ps", control.PsRequest{Targets: []string{"db"}}, func(p json.RawMessage) error {
		var r control.PsReply
		if err := json.Unmarshal(p, &r); err != nil {
			return err
		}
		if first {
			first = false
			f.Become("db", control.Stopping)
			f.Become("db", control.Stopped)
		}
		if r.Workers[0].State == control.Stopped {
			return done
		}
		return nil
	})
	if err != done {
		t.Error(err)
	}
}

// Statistics are read when somebody asks for them, and ps asks only where there are cgroups: without, it would cost a look at
// all processes.
func TestReadings(t *testing.T) {
	f, _, path := serve(t, control.DefaultLimits())
	c := dial(t, path)
	reads := func(method string, in any) (n int) {
		t.Helper()
		f.Lock()
		f.Reads = 0
		f.Unlock()
		var out struct {
			Workers []control.Worker
			Stats   []control.Stats
		}
		if err := c.Call(within(t), method, in, &out); err != nil {
			t.Fatal(err)
		}
		for _, w := range out.Workers {
			if measured := w.MemoryBytes != nil && w.Cgroup != ""; measured != (f.Snapshot().Info.Cgroups.Usable && w.PID != nil) {
				t.Errorf("%s: %+v", method, w)
			}
		}
		f.Lock()
		defer f.Unlock()
		return f.Reads
	}
	all, one := control.StatsRequest{}, control.StatsRequest{Targets: []string{"web/0"}}
	got := []int{reads("Ps", nil), reads("Info", nil), reads("Stats", one), reads("Stats", all)}
	f.InGroups()
	got = append(got, reads("Ps", nil), reads("Ps", control.PsRequest{Targets: []string{"web"}}), reads("Stats", all))
	if want := []int{0, 0, 1, 6, 2, 1, 6}; !reflect.DeepEqual(got, want) {
		t.Errorf("readings %v, want %v", got, want)
	}
}

func TestStatsRefused(t *testing.T) {
	_, _, path := serve(t, control.DefaultLimits())
	for method, in := range map[string]any{
		"-1":   control.StatsRequest{IntervalSeconds: -1},
		"0.5":  control.StatsRequest{IntervalSeconds: 0.5},
		"3601": control.StatsRequest{IntervalSeconds: 3601},
		"none": control.UpdateRequest{App: "web"},
		"many": control.UpdateRequest{App: "web", Limits: make([]control.Limit, 33)},
	} {
		name := "Stats"
		if _, ok := in.(control.UpdateRequest); ok {
			name = "Update"
		}
		var e *control.Error
		if err := dial(t, path).Call(within(t), name, in, nil); !errors.As(err, &e) || e.Name != "org.varlink.service.InvalidParameter" {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestSecretsStay(t *testing.T) {
	_, _, path := serve(t, control.DefaultLimits())
	for _, m := range []string{`"io.goinit.Config"`, `"io.goinit.Describe","parameters":{"targets":["all"]}`} {
		got := control.Raw(t, path, `{"method":`+m+"}\x00")
		if strings.Contains(got, "hush") || !strings.Contains(got, `"value":"***"`) || !strings.Contains(got, "/run/secrets/db") {
			t.Errorf("%s: %s", m, got)
		}
	}
	if got := control.Raw(t, path, `{"method":"io.goinit.Config","parameters":{"show_environment":true}}`+"\x00"); !strings.Contains(got, "hush") {
		t.Errorf("shown to an owner: %s", got)
	}
}
