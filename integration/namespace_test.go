package integration

import (
	"strings"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// orphans makes two of them, which end at once, and tells how many zombies there are when they have.
const orphans = `(sleep 0.05 &) ; (sleep 0.05 &)
while pidof sleep >/dev/null; do :; done
zombies() { grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l; }
while [ "$(zombies)" != "$1" ]; do :; done
echo zombies: $(zombies)
`

// The least that an init does, in a bed that needs nothing but root: the status, a signal, an orphan.
func TestNamespace(t *testing.T) {
	t.Run("status", func(t *testing.T) {
		p := bed.Namespace(t, built.goinit, "--", "sh", "-c", "echo pid $$; exit 42")
		if status := p.Wait(); status != 42 {
			t.Errorf("status %d", status)
		}
		if out := p.Output.String(); !strings.HasPrefix(out, "pid ") || out == "pid 1\n" {
			t.Errorf("the command says %q", out)
		}
	})
	t.Run("signal", func(t *testing.T) {
		p := bed.Namespace(t, built.goinit, "--", "sh", "-c", "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
		p.Output.Expect(t, "ready")
		p.Signal(t, syscall.SIGTERM)
		p.Output.Expect(t, "caught")
		if status := p.Wait(); status != 7 {
			t.Errorf("status %d", status)
		}
	})
	t.Run("killed", func(t *testing.T) {
		p := bed.Namespace(t, built.goinit, "--", "sh", "-c", "kill -KILL $$")
		if status := p.Wait(); status != 137 {
			t.Errorf("status %d", status)
		}
	})
	t.Run("orphans", func(t *testing.T) {
		p := bed.Namespace(t, built.goinit, "--", "sh", "-c", orphans, "sh", "0")
		p.Output.Expect(t, "zombies: 0")
		// The same below a PID 1 that reaps nothing: the bed can tell.
		p = bed.Namespace(t, "sh", "-c", `sh -c "$1" sh 2 & exec sleep 1000`, "sh", strings.Replace(orphans, "while pidof sleep >/dev/null; do :; done\n", "", 1))
		p.Output.Expect(t, "zombies: 2")
	})
}
