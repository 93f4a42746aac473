package integration

import (
	"net"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// Hooks are run in the worker's place, with the exit in their environment; 125 is never again; a dependency that comes again
// restarts its dependent; a crash loop is told once, with its likely cause; and a failed app says whom it holds up.
func TestRunOrderAndHooks(t *testing.T) {
	bed.Need(t, "namespace", "python3")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	m := bootSpec(t, fill(`defaults: {on_failure: ignore, restart: {delay: 10ms, max_delay: 20ms}}
apps:
  hooked:
    shell: test "$GOINIT_GENERATION" = 1 || exec sleep 1000; until [ -e go ]; do sleep 0.05; done; kill -USR1 $$
    hooks:
      before_start: [sh, -c, 'echo before $GOINIT_WORKER $GOINIT_GENERATION $GOINIT_HOOK >>hooks']
      after_exit: [sh, -c, 'echo after $GOINIT_GENERATION "<$GOINIT_EXIT_CODE>" $GOINIT_EXIT_SIGNAL $GOINIT_EXIT_STATUS $GOINIT_EXIT_REASON >>hooks']
  never:
    command: sleep 1000
    hooks: {before_start: [sh, -c, 'exit 125']}
  held:
    command: sleep 1000
    depends_on: [never]
  stuck:
    command: sleep 1000
    hooks: {before_start: [sleep, "1000"], timeout: 100ms}
    restart: "no"
  db:
    command: sleep 1000
  follower:
    command: sleep 1000
    depends_on: {db: {condition: ready, restart: true}}
  loop:
    command: [python3, -c, 'import socket; socket.create_server(("127.0.0.1", PORT))']
`, "PORT", taken.Addr().(*net.TCPAddr).Port, "$", "$$"))

	m.waitRows(t, "never is failed, and held waits", func(r row) bool { return r.State == "failed" || r.State == "waiting" }, "never", "held")
	m.Output.Expect(t, "nothing will come of never, which holds up held\n  when that is repaired: goinit ctl start never")
	if text := m.must(t, "describe", "held"); !strings.Contains(text, "waits for     never: ready (failed, in vain)") {
		t.Errorf("describe does not say what held waits for:\n%s", text)
	}
	if text := m.must(t, "graph", "held"); text != "held waiting\n└─ never failed (ready)  ← waited for\n" {
		t.Errorf("graph:\n%s", text)
	}
	m.waitRows(t, "a hook that hangs is killed", func(r row) bool { return r.State == "failed" }, "stuck")
	if text := m.must(t, "describe", "stuck"); !strings.Contains(text, "the hook before_start did not end within 100ms") {
		t.Errorf("describe does not say why:\n%s", text)
	}

	before := pids(m.waitRows(t, "both run", ready, "db", "follower"))
	m.must(t, "signal", "SIGKILL", "db")
	m.waitRows(t, "both are others", func(r row) bool { return ready(r) && *r.PID != before[*r.Worker] }, "db", "follower")

	m.must(t, "exec", "hooked", "--", "touch", "go")
	m.waitRows(t, "the second one", func(r row) bool { return ready(r) && r.Generation == 2 }, "hooked")
	if got, want := m.must(t, "exec", "hooked", "--", "cat", "hooks"), "before hooked/0 1 before_start\nafter 1 <> SIGUSR1 138 signaled\nbefore hooked/0 2 before_start\n"; got != want {
		t.Errorf("the hooks have found\n%s\nwant\n%s", got, want)
	}

	m.waitRows(t, "many failures", func(r row) bool { return r.Restarts >= 6 }, "loop")
	m.must(t, "stop", "loop")
	m.must(t, "shutdown")
	m.Wait()
	text := m.Output.String()
	if n := strings.Count(text, "goinit: loop/0 exited"); n != 3 {
		t.Errorf("a loop is told in %d messages, want 3: two ends, then what it is", n)
	}
	if !strings.Contains(text, "3 times in a row now; its last lines:") || !strings.Contains(text, "another process has that port") {
		t.Errorf("the likely cause is not told")
	}
	if t.Failed() {
		t.Log(text)
	}
}
