package compile

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"goinit/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// memory is files that are not on a disk.
type memory map[string]string

func (m memory) ReadFile(path string, limit int) ([]byte, error) {
	text, ok := m[path]
	switch {
	case !ok:
		return nil, errors.New("no such file")
	case len(text) > limit:
		return nil, errors.New("too large")
	}
	return []byte(text), nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var found []string
	for path := range m {
		if ok, err := filepath.Match(pattern, path); err != nil {
			return nil, err
		} else if ok {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found, nil
}

func compileText(text string) ([]byte, Problems) {
	return Compile("goinit.yaml", memory{"goinit.yaml": text})
}

// load compiles and loads what has to be right.
func load(t *testing.T, text string, environment map[string]string) *spec.Spec {
	t.Helper()
	out, problems := compileText(text)
	if problems != nil {
		t.Fatalf("problems:\n%v", problems)
	}
	s, err := spec.Load(out, func(name string) (string, bool) { v, ok := environment[name]; return v, ok })
	if err != nil {
		t.Fatalf("Load: %v\n%s", err, out)
	}
	return s
}

func TestTwelveMistakes(t *testing.T) {
	t.Chdir("testdata")
	out, problems := Compile("twelve.yaml", OS{})
	if out != nil {
		t.Error("something was compiled")
	}
	got := problems.Error() + "\n"
	if *update {
		if err := os.WriteFile("twelve.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("twelve.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(problems) < 12 {
		t.Errorf("%d problems, want 12 and more", len(problems))
	}
}

func TestMistakes(t *testing.T) {
	app := "apps:\n  web:\n    command: x\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "goinit.yaml: is empty"},
		{"only a comment", "# x\n", "goinit.yaml: is empty"},
		{"no apps", "name: x\n", "1:1: apps: is missing"},
		{"apps without any", "apps: {}\n", "1:1: apps: is empty"},
		{"a list", "- a\n", "1:1: a mapping is wanted here"},
		{"syntax", "apps: [a, b\n", "2:1: did not find expected ',' or ']' (while parsing a flow sequence, from 1:7)"},
		{"tab", "apps:\n\tweb:\n", "2:1: a tab in the indentation"},
		{"two documents", app + "---\na: b\n", "expected"},
		{"key twice", app + "    command: y\n", `4:5: key "command" twice: it is in line 3 already`},
		{"app twice", app + "  web:\n    command: y\n", `4:3: key "web" twice`},
		{"nothing to run", "apps:\n  web:\n    workers: 2\n", "2:3: web: has nothing to run"},
		{"app without anything", "apps:\n  web:\n", "web: has no value"},
		{"both", app + "    shell: y\n", "4:12: shell: beside command:"},
		{"yes is no boolean", app + "    enabled: yes\n", `4:14: enabled: "yes" is neither true nor false`},
		{"0x is no number", app + "    nice: 0x5\n", `4:11: nice: "0x5" is not a whole number`},
		{"null", app + "    environment:\n", "4:17: "},
		{"null variable", app + "    environment: {A: ~}\n", "4:22: "},
		{"list of variables", app + "    environment: [A=b]\n", "4:18: environment: a list of NAME=value is not taken: write NAME: value"},
		{"tag", app + "    nice: !!int 5\n", "4:11: !!int: tags have no meaning here"},
		{"belongs elsewhere", app + "    max_delay: 5s\n", `4:5: unknown key "max_delay": it belongs under restart:`},
		{"misspelled", app + "    wokers: 5\n", `4:5: unknown key "wokers": is it workers?`},
		{"camel", app + "    dependsOn: []\n", `4:5: unknown key "dependsOn"`},
		{"kubernetes", app + "    livenessProbe: {}\n", "Kubernetes' livenessProbe is liveness here"},
		{"supervisord", app + "    numprocs: 5\n", "supervisord's numprocs is workers here"},
		{"compose", app + "    healthcheck: {}\n", "compose's healthcheck is readiness: or liveness: here"},
		{"compose's condition", app + "    depends_on: {db: {condition: service_healthy}}\n", `"service_healthy": write ready`},
		{"size", app + "    resources: {memory: 256M}\n", `4:25: memory: "256M" is 256 MiB to Docker and 256 MB to Kubernetes: write 256MiB`},
		{"gateway on the address of an app", app + "    listen: [\":9180\"]\ngateway: {}\n", "4:14: listen: :9180 is the gateway's already: write another one, here or as gateway.listen"},
		{"gateway on UDP", app + "gateway: {listen: \"udp::53\"}\n", `4:19: listen: "udp::53" is not for the gateway, which is asked over TCP: write ":9180" or "127.0.0.1:9180"`},
		{"gateway without anything", app + "gateway:\n", "4:9: gateway: a mapping is wanted here, with keys such as listen, not a key without a value"},
		{"a port for an address", app + "    listen: [80]\n", `4:14: listen: "80" is a port, not an address: write ":80"`},
		{"a name for an address", app + "    listen: [\"web.example:80\"]\n", `4:14: listen: "web.example:80" is not an address: write ":8080", "127.0.0.1:8080", "[::1]:8080", "udp:127.0.0.1:53" or "unix:/run/web.sock", a host as its IP address`},
		{"any port", app + "    listen: [\":0\"]\n", `4:14: listen: ":0": port 0 is whichever is free, and nobody would know which: write its number`},
		{"no path", app + "    listen: [\"unix:/run/\"]\n", `4:14: listen: "unix:/run/" is not the path of a socket: write unix:/run/web.sock`},
		{"address twice", app + "    listen: [\":80\", \"*:80\"]\n", `4:21: listen: :80 is there twice`},
		{"address of two", app + "    listen: [\":80\"]\n  api: {command: x, listen: [\":80\"]}\n", "5:30: listen: :80 is web's already: an address belongs to one app"},
		{"mode of a port", app + "    listen: [{address: \":80\", mode: \"0600\"}]\n", "4:37: mode: is of a unix socket's file, and :80 has none: leave it out"},
		{"mode of nobody", app + "    listen: [{address: \"unix:/s\", mode: rw}]\n", `4:41: mode: "rw" is not the mode of a file: write octal digits such as "0660"`},
		{"colon in a name", app + "    listen: [{address: \":80\", name: \"a:b\"}]\n", `4:37: name: "a:b" is not a name for LISTEN_FDNAMES: letters, digits, - and _, no colon and no space`},
		{"round robin without node", app + "    listen: [\":80\"]\n    balance: round-robin\n", "5:14: balance: round-robin hands out connections one by one, on Node's channel: it is for node: cluster only; for other programs write reuseport or shared"},
		{"a message without a channel", app + "    listen: [{address: \":80\", message: server}]\n", "4:40: message: is sent on Node's channel, to a program that waits for it: write node: ipc as well"},
		{"a message with UDP", app + "    listen: [{address: \"udp::53\", message: server}]\n    node: ipc\n", "4:44: message: a net.Server is sent with it, and UDP has none: leave it out"},
		{"balance of nothing", app + "    balance: shared\n", "4:14: balance: there is nothing to balance: write listen: [\":8080\"], or node: cluster"},
		{"reuseport of a path", app + "    listen: [\"unix:/s\"]\n    balance: reuseport\n", "5:14: balance: reuseport is for TCP: unix sockets and UDP are shared; leave it out"},
		{"nginx' word", app + "    balance: least_conn\n", `4:14: balance: "least_conn": write round-robin, which picks the worker with the least in hand`},
		{"node is no switch", app + "    node: true\n", `4:11: node: "true": write cluster, ipc or auto`},
		{"PM2's mode", app + "    node: fork\n", `4:11: node: "fork": write ipc, which is PM2's fork mode with its channel, or off`},
		{"a job that serves", app + "    listen: [\":80\"]\n    schedule: \"@daily\"\n", "a job serves nothing: leave it out, or leave schedule: out"},
		{"a job in the cluster", app + "    node: cluster\n    schedule: \"@daily\"\n", "a job serves nothing: write node: ipc, which has process.send() too, or leave it out"},
		{"ready without a channel", app + "    readiness: {node: true}\n", "4:23: node: process.send('ready') needs Node's channel: write node: ipc, or cluster for one of several workers"},
		{"fd is a socket", app + "    listen: [\":80\"]\n    readiness: {fd: 3}\n", "3 is one of listen:'s sockets, which begin at 3: write 4"},
		{"watch, no pattern", app + "    watch: {paths: [\"src/[a\"]}\n", `"src/[a" is no pattern: [ without ], or a \ at the end`},
		{"watch, no quiet", app + "    watch: {delay: 0s}\n", `4:20: delay: "0s": a time above 0 is wanted`},
		{"watch, list", app + "    watch: [src]\n", "4:12: watch: "},
		{"gateway on a port", app + "gateway: {listen: 80}\n", `4:19: listen: "80" is a port, not an address: write ":80"`},
		{"unknown key of a probe", app + "    readiness: {htpp: x}\n", `unknown key "htpp": is it http?`},
		{"drain of nothing", app + "    stop: {drain: 5s}\n", `4:19: drain: only who serves on goinit's sockets can be drained: write listen: [":8080"] or node: cluster, or leave it out`},
		{"no way to replace", app + "    reload: {max_surge: 0, max_unavailable: 0}\n", "4:45: max_unavailable: with max_surge: 0 no worker could be replaced: write 1 for one of them"},
		{"reload by its end", app + "    reload: {signal: SIGTERM}\n", "4:22: signal: SIGTERM reloads nothing: write SIGHUP, or leave it out to have the workers replaced"},
		{"surge in words", app + "    reload: {max_surge: 25%}\n", `4:25: max_surge: "25%"`},
		{"unknown dependency", app + "    depends_on: [wbe]\n", `4:18: wbe: there is no app "wbe": is it web?`},
		{"dependency twice", app + "    depends_on: [db, db]\n  db: {command: x}\n", "4:22: depends_on: db is there twice"},
		{"cycle of one", app + "    depends_on: [web]\n", "a cycle, nothing in it could start first: web → web"},
		{"never completes", app + "    depends_on: {db: completed}\n  db: {command: y}\n", "4:22: db: db never completes"},
		{"reference", app + "    working_dir: ${X%y}\n", `4:18: working_dir: "${X%y}" is none of ${VAR}`},
		{"max_delay", app + "    restart: {delay: 1m, max_delay: 10s}\n", "4:37: max_delay: 10s is less than delay, 1m"},
		{"cron", app + "    schedule: 0 3 * *\n", `4:15: schedule: "0 3 * *" is not a cron expression: write five fields, such as "0 3 * * *": minute, hour, day of the month`},
		{"cron's range", app + "    schedule: {cron: 0 24 * * *}\n", `4:22: cron: "0 24 * * *": the hour: 24 is not from 0 to 23`},
		{"cron's word", app + "    recycle: {schedule: '@reboot'}\n", `4:25: schedule: "@reboot" is not known: what runs once at the start is an app with restart: "no"`},
		{"neither cron nor every", app + "    schedule: {timeout: 5s}\n", "4:15: schedule: one of cron, every is wanted in it"},
		{"cron and every", app + "    schedule: {cron: '@daily', every: 5m}\n", "4:15: schedule: cron and every"},
		{"every nothing", app + "    schedule: {every: 0s}\n", "4:23: every: 0s is less than 1s: what is to run that often is an app that runs all the time"},
		{"a zone of every", app + "    schedule: {every: 5m, timezone: UTC}\n", "4:37: timezone: is of cron, and there is none: every goes by no clock"},
		{"zone", app + "    schedule: {cron: '@daily', timezone: Berlin!}\n", `4:42: timezone: "Berlin!" is not a time zone: write a name such as UTC, Europe/Berlin or Local`},
		{"a job's workers", app + "    schedule: '@daily'\n    workers: 2\n", "5:14: workers: a job has one worker a run: leave it out; several runs at a time are schedule: {concurrency: allow}, max_workers of them at most"},
		{"a job that is main", app + "    schedule: '@daily'\n    main: true\n", "5:11: main: a job does not end, and so cannot end goinit: leave it out"},
		{"a job that is recycled", app + "    schedule: '@daily'\n    recycle: {max_age: 1h}\n", "5:5: recycle: a job is not recycled, each of its runs is a new process: leave it out; a limit of time is schedule: {timeout: 10m}"},
		{"a job that watches", app + "    schedule: '@daily'\n    watch: true\n", "5:12: watch: a job is not replaced when files change, its next run has them: leave it out"},
		{"waits for a job", app + "    depends_on: [db]\n  db: {command: x, schedule: '@daily'}\n", "4:18: db: db is a job, which runs when its time comes, and nobody can wait for that: leave it out"},
		{"jitter of nothing", app + "    recycle: {jitter: 1m}\n", "4:23: jitter: is of schedule and max_age, and there is neither: write one, or leave it out"},
		{"zone of nothing", app + "    recycle: {timezone: UTC, max_age: 1h}\n", "4:25: timezone: is of schedule, and there is none: write that, or leave it out"},
		{"in the defaults", "defaults: {restart: {delay: 1m, max_delay: 10s}}\n" + app, "1:44: max_delay"},
		{"an app's name that is ignored", app + "  x-web: {command: x}\n", "x-web: what begins with x- is ignored, and is there to hold anchors; this has none: choose another name"},
		{"window", app + "    restart: {window: 1m}\n", "window: counts nothing without max_restarts"},
		{"soft", app + "    ulimits: {nofile: {soft: 5, hard: 4}}\n", "4:15: nofile: soft is more than hard"},
		{"alias of a scalar merged", "x-a: &a 5\napps:\n  web:\n    <<: *a\n    command: x\n", "<<: merges a mapping"},
		{"anchor in itself", "apps: &a\n  web: *a\n", "goinit.yaml:"},
		{"secret without a file", app + "    environment: {A: {}}\n", "4:22: A: one of file is wanted in it"},
		{"env_file without a path", app + "    env_file: [{required: false}]\n", "4:16: env_file: path: is missing in it"},
		{"no aim", app + "    workers: auto\n    readiness: {http: 'http://localhost:80/'}\n", "5:23: http: several workers have this one address, and a probe cannot aim at each: give each a port of its own " +
			"(increment: {PORT: 8080} makes it 8080, 8081 …, and the probe follows); or listening: PORT or notify: true, which each worker answers for itself; or exec: [command], which runs in each worker's place"},
		{"no aim at life", app + "    workers: 4\n    increment: {PORT: 81}\n    liveness: {tcp: ':80'}\n", "or heartbeat: 30s, which each worker answers for itself; or exec"},
		{"a probe of elsewhere", app + "    liveness: {http: 'http://shop.example/'}\n", `"http://shop.example/" is not a URL to probe: write http://127.0.0.1:8080/healthz, the host an IP address or localhost`},
		{"a probe without a port", app + "    liveness: {tcp: localhost}\n", `"localhost" is not an address to probe: write ":8080" or "127.0.0.1:8080"`},
		{"no time", app + "    liveness: {tcp: ':80', period: 0s}\n", `"0s": a time above 0 is wanted`},
		{"all delay", "shutdown: {timeout: 5s, delay: 5s}\n" + app, "delay: 5s is all of shutdown.timeout, 5s, which it is part of: leave the apps time to stop"},
		{"no hook", app + "    hooks: {before_start: []}\n", "before_start"},
		{"a probe of nothing", app + "    liveness: {action: none}\n", "liveness: one of http, tcp, exec, heartbeat, silence is wanted in it"},
		{"a regular expression", app + "    readiness: {log: 'listening on (\\d+'}\n", `4:22: log: "listening on (\\d+" is not a regular expression: missing closing ): ` + "`listening on (\\d+`"},
		{"every line", app + "    readiness: {log: ''}\n", "4:22: log: empty: every line would match"},
		{"lines that nobody sees", app + "    readiness: {log: x}\n    logs: {console: inherit}\n", "4:22: log: goinit does not see its output with logs: {console: inherit}: write another console, or notify: true"},
		{"silence that nobody hears", app + "    liveness: {silence: 5m}\n    logs: {console: inherit}\n", "4:25: silence: goinit does not see its output with logs: {console: inherit}: write another console, or heartbeat: 5m"},
		{"a URL that is not escaped", app + "    liveness: {http: 'http://localhost/ü'}\n", `4:22: http: "http://localhost/ü" has a character that has to be escaped in a URL`},
		{"two probes", app + "    readiness: {http: 'http://localhost/', tcp: ':80'}\n", "4:16: readiness: http and tcp exclude each other"},
		{"no probe", app + "    liveness: {period: 1s}\n", "4:15: liveness: one of http, tcp, exec, heartbeat, silence is wanted in it"},
		{"zero workers", app + "    workers: 0\n", "enabled: false"},
		{"signal", app + "    stop: {signal: 9}\n", `"9" is not a signal: write SIGKILL`},
		{"unknown variable in include", "include: ['${X}.yaml']\n" + app, "1:11: include: is read when compiling"},
		{"no such include", "include: [x.yaml]\n" + app, "include: there is no file x.yaml"},
		{"deep", "apps: " + strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested more than 64 deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, problems := compileText(c.text)
			if problems == nil {
				t.Fatalf("no problem, but %s", out)
			}
			if !strings.Contains(problems.Error(), c.want) {
				t.Errorf("got\n%v\nwant\n%s", problems, c.want)
			}
		})
	}
}

func TestYAMLIsStrict(t *testing.T) {
	s := load(t, `
apps:
  web:
    command: x
    environment: {A: yes, B: 010, C: 1.10, D: true, E: "", F: 0x1F, G: 2020-01-01, H: ~x, I: "null", J: off}
    nice: 010
`, nil)
	want := []spec.Variable{{Name: "A", Value: "yes"}, {Name: "B", Value: "010"}, {Name: "C", Value: "1.10"}, {Name: "D", Value: "true"},
		{Name: "E"}, {Name: "F", Value: "0x1F"}, {Name: "G", Value: "2020-01-01"}, {Name: "H", Value: "~x"}, {Name: "I", Value: "null"}, {Name: "J", Value: "off"}}
	if got := s.Apps[0].Environment; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if n := s.Apps[0].Nice; n == nil || *n != 10 {
		t.Errorf("nice 010 is %v, want 10: YAML 1.2 has octal as 0o", n)
	}
}

func TestDefaultsAnchorsAndReferences(t *testing.T) {
	s := load(t, `
x-base: &base
  environment: {FROM: base}
  user: node
defaults:
  environment: {COMMON: "1", FROM: defaults}
  restart: {delay: 1s}
  tags: [a, b]
apps:
  web:
    <<: *base
    command: node server.js --port=${PORT:-80 80} '$x'
    restart: on-failure
    workers: ${N}
    stop: {timeout: "${T:-3s}"}
  db:
    shell: echo $HOME "$${HOME}"
    tags: [c]
    depends_on: [web]
`, map[string]string{"N": "3"})
	web, db := s.Apps[0], s.Apps[1]
	if want := []string{"node", "server.js", "--port=80 80", "$x"}; !slices.Equal(web.Command, want) {
		t.Errorf("command %q, want %q", web.Command, want)
	}
	if want := []spec.Variable{{Name: "COMMON", Value: "1"}, {Name: "FROM", Value: "base"}}; !reflect.DeepEqual(web.Environment, want) {
		t.Errorf("environment %v, want %v", web.Environment, want)
	}
	if web.Restart.Policy != "on-failure" || web.Restart.Delay.String() != "1s" || web.Restart.MaxDelay.String() != "30s" {
		t.Errorf("restart %+v", web.Restart)
	}
	if web.Workers.Count != 3 || web.Stop.Timeout.String() != "3s" || web.User != "node" || !slices.Equal(web.Tags, []string{"a", "b"}) {
		t.Errorf("web %+v", web)
	}
	if want := []string{"/bin/sh", "-c", `echo $HOME "${HOME}"`}; !slices.Equal(db.Command, want) {
		t.Errorf("command %q, want %q", db.Command, want)
	}
	if !slices.Equal(db.Tags, []string{"c"}) || !reflect.DeepEqual(db.DependsOn, []spec.Dependency{{App: "web", Condition: "ready", Required: true}}) {
		t.Errorf("db %+v", db)
	}
	if c := s.Compiled; c == nil || c.Format != spec.Format || len(c.Sources) != 1 || c.Sources[0].Path != "goinit.yaml" {
		t.Errorf("compiled %+v", c)
	}
}

// Defaults that say how and not what are for those that have it.
func TestDefaultsWithoutAKind(t *testing.T) {
	s := load(t, `
defaults:
  readiness: {period: 3s}
  liveness: {failure_threshold: 5, heartbeat: 10s}
  schedule: {timezone: UTC}
apps:
  web: {command: x}
  db: {command: x, readiness: {tcp: ":5432"}}
  job: {command: x, schedule: '@daily'}
`, nil)
	web, db, job := s.Apps[0], s.Apps[1], s.Apps[2]
	if web.Readiness != nil || web.Job() || web.Liveness == nil || web.Liveness.Heartbeat.String() != "10s" {
		t.Errorf("web %+v, %+v, %v", web.Readiness, web.Liveness, web.Job())
	}
	if r := db.Readiness; r == nil || r.Period.String() != "3s" || r.TCP == "" {
		t.Errorf("db %+v", r)
	}
	if !job.Job() {
		t.Errorf("job %+v", job.Schedule)
	}
}

func TestInclude(t *testing.T) {
	files := memory{
		"etc/goinit.yaml":   "include: [conf.d/*.yaml]\ndefaults: {nice: 5}\napps:\n  web: {command: x}\n",
		"etc/conf.d/a.yaml": "apps:\n  a: {command: x}\n",
		"etc/conf.d/b.yaml": "x-y: 1\napps:\n  b: {command: x, depends_on: [a]}\n",
	}
	out, problems := Compile("etc/goinit.yaml", files)
	if problems != nil {
		t.Fatal(problems)
	}
	s, err := spec.Load(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range s.Apps {
		names = append(names, a.Name)
		if a.Nice == nil || *a.Nice != 5 {
			t.Errorf("%s has no defaults", a.Name)
		}
	}
	if want := []string{"web", "a", "b"}; !slices.Equal(names, want) {
		t.Errorf("apps %v, want %v", names, want)
	}
	if got := s.Compiled.Sources[2].Path; got != "conf.d/b.yaml" {
		t.Errorf("source %q", got)
	}

	files["etc/conf.d/b.yaml"] = "name: x\napps:\n  web: {command: x}\n  c: {command: x, depends_on: [nobody]}\n"
	_, problems = Compile("etc/goinit.yaml", files)
	for _, want := range []string{
		`etc/conf.d/b.yaml:1:1: unknown key "name": an included file has apps: only`,
		`etc/conf.d/b.yaml:3:3: app "web" twice: it is in etc/goinit.yaml already`,
		`etc/conf.d/b.yaml:4:32: nobody: there is no app "nobody"`,
	} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("got\n%v\nwant\n%s", problems, want)
		}
	}
}

func TestProcfile(t *testing.T) {
	out, problems := Compile("Procfile", memory{"Procfile": "# x\nweb: node server.js --port ${PORT:-80}\n\nworker:  a && b\n"})
	if problems != nil {
		t.Fatal(problems)
	}
	s, err := spec.Load(out, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Apps) != 2 || s.Apps[0].Command[2] != "node server.js --port ${PORT:-80}" || s.Apps[1].Command[2] != "a && b" {
		t.Errorf("apps %+v", s.Apps)
	}
	_, problems = Compile("Procfile", memory{"Procfile": "web: a\nWeb: b\nc\nweb: d\n"})
	for _, want := range []string{"Procfile:2:1: \"Web\" is not a name", "Procfile:3:1: a line is NAME: COMMAND", "Procfile:4:1: app \"web\" twice"} {
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("got\n%v\nwant\n%s", problems, want)
		}
	}
}

// Bombs: refused in a time and a memory that do not depend on what they would expand to.
func TestBombs(t *testing.T) {
	var lists, merges strings.Builder
	lists.WriteString("x-0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	merges.WriteString("x-0: &a0 {k0: x}\n")
	for i := 1; i < 30; i++ {
		ref := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&lists, "x-%d: &a%d [%s]\n", i, i, strings.Join(slices.Repeat([]string{ref}, 10), ","))
		fmt.Fprintf(&merges, "x-%d: &a%d {<<: [%s]}\n", i, i, strings.Join(slices.Repeat([]string{ref}, 10), ","))
	}
	var env, apps strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&env, "  K%d: v\n", i)
		fmt.Fprintf(&apps, "  a%d: {command: x, environment: *e}\n", i)
	}
	var unknown, names strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&names, "a%d,", i)
		fmt.Fprintf(&unknown, "    wrker%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"names":   "apps:\n  web: {command: x, depends_on: [" + names.String() + "a]}\n",
		"unknown": "apps:\n  web:\n" + unknown.String(),
		"lists":   lists.String() + "apps:\n  web: {command: x, tags: *a29}\n",
		"merges":  merges.String() + "apps:\n  web: {command: x, environment: *a29}\n",
		"wide":    "x-e: &e\n" + env.String() + "apps:\n" + apps.String(),
		"size":    "apps:\n  web: {command: x}\n#" + strings.Repeat("x", maxFile),
		"nodes":   "x-a: [" + strings.Repeat("a,", maxFile/2-100) + "a]\nx: y\n",
	} {
		t.Run(name, func(t *testing.T) {
			if out, problems := compileText(text); problems == nil {
				t.Errorf("compiled to %d bytes", len(out))
			} else if len(problems) > maxProblems {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
}

func TestLargeFileIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "goinit.yaml")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	allocated := testing.AllocsPerRun(1, func() {
		if _, problems := Compile(path, OS{}); !strings.Contains(problems.Error(), "too large") {
			t.Errorf("got %v", problems)
		}
	})
	if allocated > 1000 {
		t.Errorf("%v allocations", allocated)
	}
}

func FuzzCompile(f *testing.F) {
	twelve, err := os.ReadFile("testdata/twelve.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(twelve))
	f.Add("apps:\n  web: {command: 'a \"b', depends_on: {web: ready}}\n")
	f.Add("x-a: &a {b: *a}\napps: {web: {<<: *a, command: x}}\n")
	f.Add("include: ['*']\napps: &x {web: *x}")
	f.Fuzz(func(t *testing.T, text string) {
		out, problems := compileText(text)
		if (out == nil) == (problems == nil) {
			t.Fatal("neither a spec nor a problem, or both")
		}
		if out == nil {
			return
		}
		// Nothing set: what is left are values that the compiler took as they are.
		if _, err := spec.Load(out, func(string) (string, bool) { return "", false }); err != nil && !strings.Contains(text, "${") {
			t.Fatalf("compiled and not loaded: %v\n%s", err, out)
		}
	})
}

// One meaning, one JSON: whatever order and whichever of the short forms it was written in.
func TestOutputIsCanonical(t *testing.T) {
	long := "name: shop\napps:\n  web:\n    command: [node, a b]\n    depends_on: {db: {condition: ready}}\n    restart: {policy: on-failure}\n    stop: {signal: SIGINT, timeout: 5s}\n  db: {command: [x]}\n"
	short := "apps:\n  web: {stop: {timeout: 5s, signal: SIGINT}, restart: on-failure, depends_on: [db], command: node 'a b'}\n  db:\n    command: x\nname: shop\n"
	var outs [2]string
	for i, text := range []string{long, short} {
		out, problems := compileText(text)
		if problems != nil {
			t.Fatal(problems)
		}
		_, apps, ok := strings.Cut(string(out), `"apps"`)
		if !ok || !strings.HasPrefix(string(out), "{\n  \"name\": \"shop\",\n  \"compiled\": {") {
			t.Fatalf("%s", out)
		}
		outs[i] = apps
	}
	if outs[0] != outs[1] {
		t.Errorf("long:\n%s\nshort:\n%s", outs[0], outs[1])
	}
}

// The compiler and the spec both look at a program; it is told once that there is none.
func TestAnEmptyProgramIsToldOnce(t *testing.T) {
	for _, key := range []string{"hooks: {before_start: []}", "hooks: {after_exit: ''}", "readiness: {exec: []}", "liveness: {exec: ''}"} {
		_, problems := compileText("apps:\n  web:\n    command: x\n    " + key + "\n")
		if problems == nil || strings.Count(problems.Error(), "is empty: write the program and its arguments") != 1 {
			t.Errorf("%s: %v", key, problems)
		}
	}
}
