package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// graphScript is an app of a random graph: it writes down what happens to it, in the order in which it happens, for a line
// that is appended is appended whole. FAILS: its first process fails. ONCE: it completes. Else it is ready after DELAY.
const graphScript = `
say() { echo "$1 $GOINIT_APP" >>log; }
say begin
trap 'say term; sleep $SLOW; say end; exit 0' TERM
if [ -n "$FAILS" ] && [ ! -e "failed-$GOINIT_APP" ]; then touch "failed-$GOINIT_APP"; say fail; exit 1; fi
sleep $DELAY
if [ -n "$ONCE" ]; then say done; exit 0; fi
say ready
echo >&3
while :; do sleep 1000 3>&- & wait $!; done
`

// member is an app of a random graph.
type member struct {
	name     string
	once     bool
	required []string
}

// graphSpec is a graph of n apps whose names begin with name, in any order; each depends on some that come before it in the slice.
func graphSpec(r *rand.Rand, n int, name, script string) (members []member, spec string) {
	var apps []string
	for i := range n {
		m := member{name: fmt.Sprintf("%s%d", name, i), once: r.IntN(6) == 0}
		var on []string
		for range min(i, r.IntN(4)) {
			d := members[r.IntN(i)]
			if slices.ContainsFunc(on, func(s string) bool { return strings.HasPrefix(s, d.name+":") }) {
				continue
			}
			condition := "ready"
			if d.once {
				condition = "completed"
			}
			required := r.IntN(4) > 0
			if required {
				m.required = append(m.required, d.name)
			}
			on = append(on, fmt.Sprintf("%s: {condition: %s, required: %v}", d.name, condition, required))
		}
		fails, once, readiness := "", "", "readiness: {fd: 3}"
		if r.IntN(5) == 0 {
			fails = "yes"
		}
		if m.once {
			once, readiness = "yes", "restart: {policy: on-failure, delay: 20ms}"
		}
		apps = append(apps, fmt.Sprintf("  %s:\n    command: [sh, %s]\n    environment: {DELAY: \"0.%d\", SLOW: \"0.0%d\", FAILS: %q, ONCE: %q}\n    %s\n    depends_on: {%s}\n",
			m.name, script, r.IntN(3), r.IntN(9), fails, once, readiness, strings.Join(on, ", ")))
		members = append(members, m)
	}
	r.Shuffle(len(apps), func(i, j int) { apps[i], apps[j] = apps[j], apps[i] })
	return members, "shutdown: {timeout: 60s}\ndefaults: {logs: {console: off}}\napps:\n" + strings.Join(apps, "")
}

// Thirty apps with required and optional edges, that take their time and fail the first time, as real processes: each comes
// up, none ahead of what it needs, and they go in the reverse order, none killed.
func TestRunRandomGraphs(t *testing.T) {
	bed.Need(t, "namespace")
	runs := 20
	if testing.Short() {
		runs = 2
	}
	script := filepath.Join(t.TempDir(), "app.sh")
	if err := os.WriteFile(script, []byte(graphScript), 0o644); err != nil {
		t.Fatal(err)
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel() // its apps mostly wait; goinits in one cgroup may not have apps of one name
			members, spec := graphSpec(rand.New(rand.NewPCG(uint64(seed), 23)), 30, fmt.Sprintf("graph%d-", seed), script)
			m := bootSpec(t, spec)
			names := map[bool][]string{}
			for _, a := range members {
				names[a.once] = append(names[a.once], a.name)
			}
			m.must(t, append([]string{"wait", "--for", "ready", "--timeout", "60s"}, names[false]...)...)
			if len(names[true]) > 0 {
				m.must(t, append([]string{"wait", "--for", "completed", "--timeout", "60s"}, names[true]...)...)
			}
			m.Signal(t, syscall.SIGTERM)
			if status := m.Wait(); status != 0 {
				t.Errorf("status %d\n%s", status, m.Output.String())
			}
			text, err := os.ReadFile(filepath.Join(m.dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			checkGraph(t, members, strings.Split(strings.TrimSpace(string(text)), "\n"))
		})
	}
}

func checkGraph(t *testing.T, members []member, log []string) {
	t.Helper()
	at := func(what, name string) int { return slices.Index(log, what+" "+name) }
	once := map[string]bool{}
	for _, a := range members {
		once[a.name] = a.once
		for _, on := range a.required {
			up := at("ready", on)
			if once[on] {
				up = at("done", on)
			}
			if up < 0 || at("begin", a.name) < up {
				t.Errorf("%s began (line %d) ahead of %s (line %d)", a.name, at("begin", a.name), on, up)
			}
			if !once[on] && !a.once && at("term", on) < at("end", a.name) {
				t.Errorf("%s was asked to stop (line %d) ahead of the end of %s (line %d)", on, at("term", on), a.name, at("end", a.name))
			}
		}
		if !a.once && at("end", a.name) < 0 {
			t.Errorf("%s did not end as it was asked to", a.name)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(log, "\n"))
	}
}
