package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// On a terminal, scale and apply say how far they are, and whom they wait for, in a line that is gone at the end.
func TestRunProgressOfChanges(t *testing.T) {
	bed.Need(t, "namespace", "tmux")
	const app = `: {shell: "until test -e $$GOINIT_WORKER; do sleep 0.05; done; echo up; exec sleep 100000", readiness: {log: up}}` + "\n"
	const web, api = "apps:\n  web" + app, "  api" + app
	m := bootSpec(t, web)
	ready := func(workers ...string) {
		t.Helper()
		for _, w := range workers {
			path := filepath.Join(m.dir, w)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	ready("web/0")
	m.must(t, "wait", "web", "--for", "ready", "--timeout", "60s")

	window := func(args ...string) *bed.Tmux {
		words := append(append([]string{"-c", `"$0" "$@"; echo "status $?"; exec sleep 100000`, filepath.Join(built.dir, "goinitctl")}, m.client...), args...)
		return bed.NewTmux(t, 80, 10, "sh", words...)
	}
	gone := func(screen string) bool {
		return strings.Contains(screen, "status 0") && !strings.Contains(screen, " ready") && !strings.Contains(screen, "waiting for")
	}
	w := window("scale", "web", "3")
	w.Expect(t, "0 of 2 ready; waiting for web/1, web/2")
	ready("web/1")
	w.Expect(t, "1 of 2 ready; waiting for web/2")
	ready("web/2")
	w.Expect(t, "web/2  scaled")
	w.ExpectThat(t, "nothing else to be left", gone)

	m.write(t, web+api)
	w = window("apply")
	w.Expect(t, "0 of 1 ready; waiting for api/0")
	ready("api/0")
	w.Expect(t, "api  add")
	w.ExpectThat(t, "nothing else to be left", gone)
}
