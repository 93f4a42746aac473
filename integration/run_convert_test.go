package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// What others run, as files of theirs: a Procfile with its .env, a supervisord.conf with numprocs, an ecosystem that is a program.
var foreign = map[string]string{
	"Procfile": `web: echo "web has $PORT and $COLOUR"; exec sleep 1000
second: echo "second has $PORT"; exec sleep 1000
`,
	".env": "COLOUR=green\n",
	"supervisord.conf": `[program:counted]
command=sh -c "trap 'echo asked; exit 0' USR1; echo $0 is $NAME with $PORT; while :; do sleep 0.1; done" number%(process_num)02d
process_name=%(program_name)s_%(process_num)02d
numprocs=2
environment=NAME="n%(process_num)d",PORT="80%(process_num)02d"
stopsignal=USR1

[program:once]
command=sh -c "exit 3"
autorestart=false

[program:expected]
command=sh -c "exit 2"
exitcodes=0,2

[program:later]
command=sleep 1000
autostart=false

[group:background]
programs=once,expected
`,
	"ecosystem.config.js": `const names = ["a", "b"]
module.exports = {
  apps: [{
    name: "Tree", script: "./tree.sh", instances: names.length, increment_var: "PORT", kill_timeout: 20000,
    env: { PORT: 7000, MODE: "development" }, env_test: { MODE: "test" },
  }],
}
`,
	"tree.sh": `trap 'echo parent interrupted' INT
echo "tree $NODE_APP_INSTANCE $PORT $MODE"
sh -c 'trap "echo child interrupted; exit" INT; echo up; while :; do sleep 0.1; done'
`,
}

// Converted, three configurations run in one goinit and behave as where they came from.
func TestRunConverted(t *testing.T) {
	bed.Need(t, "namespace", "node", "bash")
	m := runSpec(t, "apps:\n  hold: {command: sleep 1000}\n")
	for name, text := range foreign {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range [][]string{{"procfile", "Procfile"}, {"supervisord", "supervisord.conf"}, {"pm2", "ecosystem.config.js", "--env", "test"}} {
		from[1] = filepath.Join(m.dir, from[1])
		r := m.run(t, append([]string{"convert", "--out", filepath.Join(m.dir, from[0]+".yaml")}, from...)...)
		if r.Status != 0 {
			t.Fatalf("%s was not converted", from[1])
		}
	}
	m.write(t, "include: [procfile.yaml, supervisord.yaml, pm2.yaml]\napps:\n  hold: {command: sleep 1000}\n")
	if r := m.run(t, "apply"); r.Status != 0 {
		t.Fatal("it was not applied")
	}
	for app, lines := range map[string][]string{
		"web": {"web has 5000 and green"}, "second": {"second has 5100"},
		"counted": {"number00 is n0 with 8000", "number01 is n1 with 8001"}, "tree": {"tree 0 7000 test", "tree 1 7001 test", "up"},
	} {
		said(t, m, app, lines...)
	}
	m.waitRows(t, "once to have failed", func(r row) bool { return r.State == "failed" && r.LastExit.Status == 3 }, "once")
	m.waitRows(t, "expected to have completed", func(r row) bool { return r.State == "completed" && r.LastExit.Status == 2 }, "expected")
	m.waitRows(t, "later not to have started", func(r row) bool { return r.State == "stopped" && r.Generation == 0 }, "later")
	if rows := m.ps(t, "@background"); len(rows) != 2 {
		t.Errorf("the group has %v", rows)
	}
	m.must(t, "stop", "counted", "tree")
	said(t, m, "counted", "asked")
	said(t, m, "tree", "parent interrupted", "child interrupted")
	for _, r := range m.ps(t, "counted") {
		if r.LastExit.Status != 0 {
			t.Errorf("%v: wanted the status of its handler", r)
		}
	}
}

// said waits for lines of an app's.
func said(t *testing.T, m *manager, app string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		bed.Wait(t, app+" to say "+line, func() (bool, string) {
			r := m.ask(t, "logs", app)
			return strings.Contains(r.Stdout, line), r.Stdout + r.Stderr
		})
	}
}
