package integration

import (
	"fmt"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// rolled is an app whose workers can be side by side, for they bind nothing. Each leaves an orphan in a session of its own:
// the end of a predecessor must not take it.
func rolled(version string) string {
	return fill(`defaults: {on_failure: ignore}
apps:
  web:
    command:
      - python3
      - -c
      - |
        import os, signal, socket, subprocess, sys, time
        version, slot = os.environ["VERSION"], os.environ["GOINIT_SLOT"]
        print("version", version, flush=True)
        if version == "crashes":
            sys.exit("Error: Cannot find module './routes'")
        if version == "hangs":
            time.sleep(1000)
        orphan = subprocess.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!!"], capture_output=True, text=True).stdout
        open("orphan." + slot, "w").write(orphan)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = os.environ["NOTIFY_SOCKET"]
        s.sendto(b"READY=1", "\0" + address[1:] if address[0] == "@" else address)
        while True:
            time.sleep(0.05)
    workers: 3
    environment: {VERSION: VALUE}
    readiness: {notify: true, start_timeout: LIMIT}
    reload: {max_surge: 1}
  hup:
    command: [sh, -c, 'trap "echo again" HUP; echo up; while :; do sleep 0.05; done']
    reload: {signal: SIGHUP}
`, "VALUE", version, "LIMIT", map[bool]string{true: "1s", false: "60s"}[version == "hangs"], "$!!", "$$!")
}

// Workers are replaced while the others serve; a new version that crashes or hangs changes nothing, and is told with what it
// has said last; a program that reloads itself gets its signal.
func TestRunReload(t *testing.T) {
	bed.Need(t, "namespace", "python3")
	m := runSpec(t, rolled("one"))
	generation := func(n int) func(row) bool { return func(r row) bool { return ready(r) && r.Generation == n } }
	first := pids(m.waitRows(t, "all run", ready))

	r := m.run(t, "reload", "web")
	if r.Status != 0 || !strings.Contains(r.Stderr, "web: 3 of 3 replaced\n") || strings.Count(r.Stdout, "reloaded") != 3 {
		t.Errorf("status %d", r.Status)
	}
	second := pids(m.waitRows(t, "all are the second", generation(2), "web"))
	for worker, pid := range second {
		if pid == first[worker] {
			t.Errorf("%s is the same", worker)
		}
		slot := strings.TrimPrefix(worker, "web/")
		m.must(t, "exec", worker, "--", "sh", "-c", "kill -0 $(cat orphan."+slot+")") // it lives
	}

	for version, why := range map[string]string{"crashes": "exited with status 1", "hangs": "was not ready within 1s"} {
		m.write(t, rolled(version))
		r := m.run(t, "apply")
		want := "goinit ctl: reload of web stopped at 1 of 3: the new web/0 " + why + "; the 3 old workers serve on\n  its last lines: | version " + version
		if r.Status != 1 || !strings.HasPrefix(r.Stderr, want) || !strings.HasSuffix(r.Stderr, "  again when repaired: goinit ctl reload web      more: goinit ctl logs web/0\n") {
			t.Errorf("status %d, want\n%s", r.Status, want)
		}
		if version == "crashes" && !strings.Contains(r.Stderr, "| Error: Cannot find module './routes'\n") {
			t.Error("not its last words")
		}
		m.Output.Expect(t, "goinit: reload of web stopped at 1 of 3: the new web/0 "+why)
		if now := pids(m.waitRows(t, "the old ones", ready, "web")); len(now) != 3 || now["web/0"] != second["web/0"] || now["web/2"] != second["web/2"] {
			t.Errorf("were %v, are %v", second, now)
		}
	}
	m.must(t, "signal", "SIGKILL", "web/1") // comes back as it was
	m.waitRows(t, "it is there again", func(r row) bool { return ready(r) && *r.PID != second["web/1"] }, "web/1")
	m.write(t, rolled("two"))
	if r := m.run(t, "apply"); r.Status != 0 || !strings.Contains(r.Stdout, "web  reload") {
		t.Errorf("a repaired version: status %d", r.Status)
	}
	for worker := range second {
		if got := m.must(t, "logs", worker, "-n", "1"); got != "version two\n" {
			t.Errorf("%s says %q", worker, got)
		}
	}

	m.must(t, "reload", "hup")
	bed.Wait(t, "the signal to come", func() (bool, string) {
		got := m.must(t, "logs", "hup/0")
		return got == "up\nagain\n", got
	})
	bed.Wait(t, "nothing to be left of those that were replaced", func() (bool, string) {
		all := children(t, m.PID())
		return len(all) == 3+3+1, fmt.Sprint(all) // with an orphan each
	})
}
