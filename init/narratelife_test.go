package pid1

import (
	"strings"
	"testing"
	"time"

	"goinit/messages"
	"goinit/spec"
	"goinit/supervise"
)

// What goinit says of readiness, liveness, order and hooks, word for word.
func TestNarrationOfLife(t *testing.T) {
	killed := "SIGTERM"
	failed := func(status int, reason, err string) *supervise.LastExit {
		return &supervise.LastExit{Status: status, Code: &status, Reason: reason, Error: err}
	}
	data := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	const rarely = "  it is tried again, ever more rarely, and told here no more: goinit ctl ps, goinit ctl logs web/0\n"
	for _, tt := range []struct {
		event supervise.Event
		want  string
	}{
		{supervise.Event{Type: "worker.ready"}, ""},
		{supervise.Event{Type: "worker.ready", Data: data("again", true)}, "goinit: web/0 is ready again\n"},
		{supervise.Event{Type: "worker.unready", Data: data("detail", "GET http://127.0.0.1:80/: 503\nbusy")},
			"goinit: web/0 is not ready any more: GET http://127.0.0.1:80/: 503\n  | busy\n"},
		{supervise.Event{Type: "worker.unready", Data: data("detail", "probe sh: exit status 1\n"+strings.Repeat("y\n", 200)+"last but two\nlast but one\nlast\n")},
			"goinit: web/0 is not ready any more: probe sh: exit status 1\n  | last but two\n  | last but one\n  | last\n"},
		{supervise.Event{Type: "worker.start-timeout", Data: data("delay", "1m0s", "detail", "nobody listens on port 80")},
			"goinit: web/0 was not ready within 1m0s: nobody listens on port 80\n" +
				"  what was waited for is that it listens on port 80; if it needs longer: readiness: {start_timeout: 2m}\n"},
		{supervise.Event{Type: "worker.start-timeout", Data: data("delay", "1m0s", "failures", 2)}, ""}, // in a loop, which is told once
		{supervise.Event{Type: "worker.exited", Data: data("last_exit", &supervise.LastExit{Signal: &killed, Status: 143, Reason: "start-timeout"})}, ""},
		{supervise.Event{Type: "worker.unhealthy", Data: data("detail", "no heartbeat for 30s", "action", "restart")},
			"goinit: web/0 is unhealthy: no heartbeat for 30s; it is replaced\n"},
		{supervise.Event{Type: "worker.unhealthy", Data: data("action", "shutdown")},
			"goinit: web/0 is unhealthy; that is the end of everything (liveness: action: shutdown)\n"},
		{supervise.Event{Type: "worker.unhealthy", Data: data("action", "none")}, "goinit: web/0 is unhealthy; nothing is done about it (liveness: action: none)\n"},
		{supervise.Event{Type: "worker.exited", Data: data("last_exit", &supervise.LastExit{Signal: &killed, Status: 143, Reason: "unhealthy"})}, ""},
		{supervise.Event{Type: "hook.started", Data: data("hook", "before_start")}, ""},
		{supervise.Event{Type: "hook.failed", Data: data("hook", "after_exit", "detail", "the hook after_exit ended with status 3")},
			"goinit: web/0: the hook after_exit ended with status 3\n"},
		{supervise.Event{Type: "worker.start-failed", Data: data("last_exit", failed(4, "start-failed", "the hook before_start ended with status 4"))},
			"goinit: web/0 could not be started: the hook before_start ended with status 4\n"},
		{supervise.Event{Type: "app.restarts", Data: data("dependency", "db")}, "goinit: web is restarted, for db has come again (depends_on: restart: true)\n"},
		{supervise.Event{Type: "app.held", Data: data("dependency", "db")}, ""},
		{supervise.Event{Type: "job.skipped", Data: data("detail", "the last run is not over")}, "goinit: web: a run is skipped: the last run is not over\n"},
		{supervise.Event{Type: "job.timeout", Data: data("delay", "5m0s")}, "goinit: web/0 is stopped: its run is not over after 5m0s (schedule: timeout)\n"},
		{supervise.Event{Type: "worker.exited", Data: data("last_exit", &supervise.LastExit{Signal: &killed, Status: 143, Reason: "run-timeout"})}, ""},
		{supervise.Event{Type: "job.failed", Data: data("last_exit", failed(1, "exited", ""), "failures", 3)}, ""}, // said with its exit
		{supervise.Event{Type: "app.watching", Data: data("directories", 12)}, ""},
		{supervise.Event{Type: "app.watch-failed", Data: data("error", "no\n  remedy")}, "goinit: web: no\n  remedy\n"},
		{supervise.Event{Type: "app.changed", Data: data("path", "a.js", "action", "reload", "workers", 1)}, "goinit: web: a.js has changed; it is restarted\n"},
		{supervise.Event{Type: "app.changed", Data: data("path", "a.js", "action", "reload", "workers", 2)},
			"goinit: web: a.js has changed; its workers are replaced, one after another\n"},
		{supervise.Event{Type: "app.changed", Data: data("path", "a.js", "action", "restart", "workers", 2)}, "goinit: web: a.js has changed; it is restarted\n"},
		{supervise.Event{Type: "app.changed", Data: data("path", "a.js", "action", "reload", "workers", 0)}, ""},
		{supervise.Event{Type: "worker.recycled", Data: data("detail", "changed: a.js")}, ""},
		{supervise.Event{Type: "app.holds-up", Data: data("apps", []string{"api", "front"})},
			"goinit: nothing will come of web, which holds up api, front\n  when that is repaired: goinit ctl start web      who waits for whom: goinit ctl graph\n"},
		{supervise.Event{Type: "shutdown.started", Data: data("reason", "SIGTERM", "budget", "28s", "delay", "5s")},
			"goinit: stopping everything: SIGTERM, within 28s; for 5s not ready, and serving on (shutdown.delay)\n"},
		{supervise.Event{Type: "shutdown.proceeded"}, "goinit: everything is asked to stop now\n"},

		{supervise.Event{Type: "worker.exited", Data: data("last_exit", failed(1, "exited", ""), "failures", 1, "restarts", 1)}, "goinit: web/0 exited with status 1, 2 times now\n"},
		{supervise.Event{Type: "worker.exited", Data: data("last_exit", failed(1, "exited", ""), "failures", 2, "restarts", 2)}, ""}, // said with what follows
		{supervise.Event{Type: "worker.crash-loop", Data: data("last_exit", failed(1, "exited", ""), "failures", 3, "uptime_seconds", 0.08)},
			"goinit: web/0 exited with status 1 after 80ms, 3 times in a row now\n" + rarely},
		{supervise.Event{Type: "worker.exited", Data: data("last_exit", failed(1, "exited", ""), "failures", 7, "restarts", 7)}, ""},
		{supervise.Event{Type: "worker.crash-loop", Data: data("last_exit", failed(127, "exited", ""), "failures", 3)},
			"goinit: web/0 exited with status 127, 3 times in a row now\n  something that it needs is not there: is it in the image, and is working_dir (/srv) right?\n" + rarely},
		{supervise.Event{Type: "worker.crash-loop", Data: data("last_exit", &supervise.LastExit{Signal: &killed, Status: 143, Reason: "start-timeout"}, "failures", 3)},
			"goinit: web/0 was not ready in time, 3 times in a row now\n" +
				"  what was waited for is that it listens on port 80; if it needs longer: readiness: {start_timeout: 2m}\n" + rarely},
	} {
		var said strings.Builder
		n := newNarrator(messages.New(&said, messages.Info, messages.Text), nil, nil)
		n.spec = func(string) *spec.App {
			return &spec.App{WorkingDir: "/srv", Readiness: &spec.Readiness{Listening: 80}}
		}
		tt.event.App, tt.event.Worker = "web", "web/0"
		n.say(tt.event, false)
		if said.String() != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.event.Type, said.String(), tt.want)
		}
	}
}

// What a worker's last lines most often mean, and what is to be done.
func TestLikelyCause(t *testing.T) {
	one, four := &spec.App{Workers: spec.Workers{Count: 1}, WorkingDir: "."}, &spec.App{Workers: spec.Workers{Count: 4}, User: "node"}
	for _, tt := range []struct {
		app  *spec.App
		line string
		want string
	}{
		{one, "Error: listen EADDRINUSE: address already in use :::8080", "another process has that port: another app of the spec, or something outside of goinit (ss -ltnp)"},
		{four, "OSError: [Errno 98] Address already in use", "several workers cannot each bind one port: increment: {PORT: 8080} gives each its own"},
		{one, "Error: Cannot find module './routes'", "something that it needs is not there: is it in the image, and is working_dir (.) right?"},
		{one, "sh: 1: nod: not found", "something that it needs is not there: is it in the image, and is working_dir (.) right?"},
		{four, "open /data/x: permission denied", "it is not allowed to; it runs as user node: user:, capabilities: or the file's owner"},
		{one, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
			"it wants more memory than it may have: goinit ctl update web --memory SIZE, then resources: {memory: SIZE}"},
		{one, "connect ECONNREFUSED 127.0.0.1:5432", "what it connects to is not up: depends_on: {APP: ready} waits for that"},
		{one, "hello", ""},
		{&spec.App{Command: []string{"node", "server.js"}, Workers: spec.Workers{Count: 4}}, "Error: bind EADDRINUSE null:8080", // whose workers share it
			"another process has that port: another app of the spec, or something outside of goinit (ss -ltnp)"},
		{&spec.App{Listen: []spec.Listen{{Address: ":8080"}}}, "bind: address already in use",
			"another process has that port (ss -ltnp); goinit itself, if listen: names it, for the program to take over and not to bind"},
		{nil, "EACCES", "it is not allowed to; it runs as goinit's own user: user:, capabilities: or the file's owner"},
	} {
		n := newNarrator(nil, nil, nil)
		n.spec = func(string) *spec.App { return tt.app }
		status := 1
		if got := n.likelyCause("web", &supervise.LastExit{Status: 1, Code: &status, Reason: "exited"}, []string{"first", tt.line}); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.line, got, tt.want)
		}
	}
}

// Node tells an error first, and then much else: what is shown, and looked into, is the error.
func TestNodeNamesTheErrorFirst(t *testing.T) {
	const trace = `node:events:502
      throw er; // Unhandled 'error' event
      ^
Error: listen EADDRINUSE: address already in use 127.0.0.1:18130
    at Server.setupListenHandle [as _listen2] (node:net:1908:16)
    at listenInCluster (node:net:1965:12)
    at doListen (node:net:2139:7)
    at process.processTicksAndRejections (node:internal/process/task_queues:83:21)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1944:8)
    at process.processTicksAndRejections (node:internal/process/task_queues:82:21) {
  code: 'EADDRINUSE',
  errno: -98,
  syscall: 'listen',
  address: '127.0.0.1',
  port: 18130
}
Node.js v20.20.2`
	const missing = "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /srv/a.mjs\n    at finalizeResolution (node:internal:1:1)"
	n := newNarrator(nil, nil, nil)
	said, cause := n.wordsOfLoop("web", nil, strings.Split(trace, "\n"))
	if want := "; its last lines:\n  | Error: listen EADDRINUSE: address already in use 127.0.0.1:18130\n  |   address: '127.0.0.1',\n  |   port: 18130\n  | }\n  | Node.js v20.20.2"; said != want {
		t.Errorf("shown is\n%s\nwant\n%s", said, want)
	}
	if !strings.HasPrefix(cause, "another process has that port") {
		t.Errorf("the cause: %q", cause)
	}
	if said, _ := n.wordsOfLoop("web", nil, nil); said != "" {
		t.Errorf("of who has said nothing: %q", said)
	}
	for text, want := range map[string]string{
		trace: "Error: listen EADDRINUSE: address already in use 127.0.0.1:18130", missing: "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /srv/a.mjs",
		"Error: of before\nbye": "bye", "[UnhandledPromiseRejection: reason \"x\".] {\n  code: 'E'\n}\nNode.js v20.20.2": "  code: 'E'", "}": "}",
		"Traceback (most recent call last):\n  File \"a.py\", line 1\nOSError: [Errno 98] in use": "OSError: [Errno 98] in use",
	} {
		lines := strings.Split(text, "\n")
		if got := lines[telling(lines)]; got != want {
			t.Errorf("of\n%s\nit is %q, want %q", text, got, want)
		}
	}
}

// What a worker of Node's cluster was waited for, word for word.
func TestNodeWasNotReady(t *testing.T) {
	for want, a := range map[string]*spec.App{
		"what was waited for is that it listens; if it serves nothing: node: off      if it needs longer: readiness: {node: true, start_timeout: 2m}, and process.send('ready')": {
			Command: []string{"node", "queue.js"}, Workers: spec.Workers{Count: 2}},
		"what was waited for is process.send('ready'); if it needs longer: readiness: {start_timeout: 2m}": {
			Node: spec.NodeIPC, Readiness: &spec.Readiness{Node: true}},
	} {
		n := newNarrator(nil, nil, nil)
		n.spec = func(string) *spec.App { return a }
		if got := n.moreTime("web"); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// A worker that comes and goes all the time is told as such, not each time; and each minute anew.
func TestFlapsAreToldThreeTimesAMinute(t *testing.T) {
	var said strings.Builder
	n := newNarrator(messages.New(&said, messages.Info, messages.Text), nil, nil)
	at := time.Unix(0, 0)
	flap := func(worker string, times int) (text string) {
		said.Reset()
		for range times {
			n.say(supervise.Event{At: at, Type: "worker.unready", App: "web", Worker: worker, Data: map[string]any{"detail": "busy"}}, false)
			n.say(supervise.Event{At: at, Type: "worker.ready", App: "web", Worker: worker, Data: map[string]any{"again": true}}, false)
		}
		return said.String()
	}
	const goes, comes = "goinit: web/0 is not ready any more: busy\n", "goinit: web/0 is ready again\n"
	const last = goes + "  that was 3 times within 1m0s, and is told no more in this minute: goinit ctl events\n" + comes
	for range 2 {
		if got, want := flap("web/0", 1000), goes+comes+goes+comes+last; got != want {
			t.Errorf("a thousand times:\n%s\nwant\n%s", got, want)
		}
		at = at.Add(flapWindow)
	}
	if got := flap("web/1", 1); got != strings.ReplaceAll(goes+comes, "web/0", "web/1") {
		t.Errorf("another worker: %q", got)
	}
	n.forget = func(string) {}
	n.say(supervise.Event{Type: "app.removed", App: "web"}, false)
	if len(n.flaps) != 0 {
		t.Errorf("%v is kept of an app that has left", n.flaps)
	}
}
