package compile

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goinit/spec"
	"goinit/spec/reference"

	"go.yaml.in/yaml/v4"
)

// everyKey calls f for every key of the table, apps' included.
func everyKey(f func(path string, k key)) {
	var walk func(path string, m mapping)
	walk = func(path string, m mapping) {
		for _, k := range m.keys {
			f(join(path, k.name), k)
			if sub, placeholder, ok := beneath(k.kind); ok {
				walk(join(path, k.name)+placeholder, sub)
			}
		}
	}
	walk("", rootKeys())
	walk("", appKeys())
}

// The table, the reference and the documents hold the same keys.
func TestReferenceHasEveryKeyAndNoOther(t *testing.T) {
	text := reference.Full()
	everyKey(func(path string, k key) {
		if !regexp.MustCompile(`(^|[^a-z_])` + k.name + `($|[^a-z_])`).MatchString(text) {
			t.Errorf("%s is not in reference.yaml", path)
		}
	})
	_, problems := Compile("reference.yaml", memory{"reference.yaml": text})
	for _, p := range problems {
		t.Errorf("%v", p)
	}
}

func TestMinimalSpecIsRight(t *testing.T) {
	if _, problems := Compile("goinit.yaml", memory{"goinit.yaml": reference.Minimal()}); problems != nil {
		t.Error(problems)
	}
	if n := strings.Count(reference.Minimal(), "\n"); n != 4 {
		t.Errorf("%d lines", n)
	}
}

func TestDocumentsAreGenerated(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(schema) {
		t.Error("the schema is not JSON")
	}
	for path, want := range map[string][]byte{"../../docs/goinit.schema.json": schema, "../../docs/reference.md": Page()} {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the table says: go generate ./spec/compile", path)
		}
	}
	everyKey(func(path string, k key) {
		if !strings.Contains(string(Page()), "`"+path+"`") {
			t.Errorf("%s is not on the page", path)
		}
		if !strings.Contains(string(schema), `"`+k.name+`": {`) {
			t.Errorf("%s is not in the schema", path)
		}
	})
}

// Every default of the table is a value that its key takes.
func TestDefaultsAreValid(t *testing.T) {
	everyKey(func(path string, k key) {
		if k.def != "" && (k.defaultValue() == nil || k.defaultValue() == any(bad)) {
			t.Errorf("%s: its default %q is none", path, k.def)
		}
		if k.kind == nil || k.doc == "" {
			t.Errorf("%s: no kind or no words about it", path)
		}
	})
}

// What the table has, package spec reads; were a key in one and not in the other, it would be refused at the start.
func TestEveryKeyIsLoaded(t *testing.T) {
	text := `
version: 1
name: shop
shutdown: {timeout: 28s, delay: 5s}
control: {socket: /run/x.sock, read_group: staff}
messages: {level: debug, format: json}
log_store: {directory: auto, max_total: 128MiB, compress: zstd}
apps:
  db: {shell: sleep 5, restart: on-failure, readiness: {fd: 3}, liveness: {silence: 5m, action: none}}
  chat: {command: chat, node: ipc, readiness: {node: true}}
  cache: {command: cache, readiness: {listening: 6379}, liveness: {tcp: ":6379", period: 1s, timeout: 500ms, failure_threshold: 2}}
  queue: {command: queue, readiness: {log: "^up"}, liveness: {exec: [check, it], initial_delay: 3s}}
  front: {command: front, readiness: {exec: [ok], success_threshold: 2, failure_threshold: 5}, liveness: {http: "http://[::1]:80/x"}}
  report: {command: report, schedule: {cron: "0 3 * * mon-fri", timezone: Europe/Berlin, concurrency: allow, timeout: 10m, history: 5}}
  poll: {command: poll, schedule: {every: 5m}}
  mail: {command: mail, readiness: {notify: true, start_timeout: 1m30s}, liveness: {heartbeat: 30s}}
  web:
    command: [node, server.js]
    working_dir: /srv
    environment: {A: b, C: {file: /run/secrets/c}}
    env_file: [{path: .env, required: false}, more.env]
    inherit_environment: false
    enabled: false
    tags: [x]
    user: "1000:1000"
    group_add: [audio, "5"]
    umask: "0022"
    nice: 5
    ionice: best-effort:4
    oom_score_adj: 100
    ulimits: {nofile: 65536, core: {soft: 0, hard: unlimited}}
    capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
    no_new_privileges: true
    workers: auto
    max_workers: 8
    increment: {PORT: 8080}
    listen: [":80", "udp:[::1]:53", {address: "unix:/run/web.sock", name: http, backlog: 100, mode: "0600", message: server}]
    balance: reuseport
    node: ipc
    node_preload: false
    depends_on: {db: {condition: completed, required: true, restart: true}}
    readiness: {http: "http://127.0.0.1:8080/ready"}
    main: true
    restart: {policy: always, success_codes: [0, 3], delay: 1s, max_delay: 2s, reset_after: 3s, max_restarts: 5, window: 1m}
    on_failure: ignore
    reload: {max_surge: auto, max_unavailable: auto}
    stop: {drain: 30s, signal: SIGRTMIN+3, target: tree, timeout: 1m30s}
    watch: {paths: [src, "lib/**/*.js"], ignore: [node_modules, "*.log"], delay: 1s, action: restart}
    hooks: {before_start: [migrate, up], after_exit: cleanup --all, timeout: 5s}
    recycle: {memory: 90%, pressure: some 150ms per 1s, schedule: "@daily", timezone: Local, max_age: 24h, jitter: 1m}
    resources: {memory: 256MiB, memory_high: 200MiB, memory_low: 1MiB, swap: 0MiB, cpus: 0.5, cpu_weight: 50, cpuset: "0-3,5", pids: 100,
      io: {weight: 10, limits: [{device: /dev/vda, read_bps: 1MiB, write_bps: 2MiB, read_iops: 3, write_iops: 4}]}, hugetlb: {2MiB: 4MiB},
      oci: {cpu: {idle: 0}, hugepageLimits: [{pageSize: 2MB, limit: 0}], unified: {memory.oom.group: "1"}}, total: {memory: 1GiB}, required: false}
    logs: {console: json, max_size: 8MiB, max_files: 4, max_age: 7d, when_full: block, rate_limit: 100}
`
	s := load(t, text, nil)
	if len(s.Apps) != 9 {
		t.Fatalf("%d apps", len(s.Apps))
	}
	everyKey(func(path string, k key) {
		if _, isMapping := nested(k.kind); !isMapping && k.name != "include" && k.name != "apps" && k.name != "defaults" &&
			!strings.Contains(text, k.name+":") {
			t.Errorf("%s is not in this test", path)
		}
	})
	encoded, err := spec.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := spec.Load(encoded, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Apps {
		if !spec.Equal(s.Apps[i], again.Apps[i]) {
			t.Errorf("app %s is another after Encode and Load", s.Apps[i].Name)
		}
	}
}

// Who writes a spec asks for the order and the defaults.
func TestKeys(t *testing.T) {
	names := func(path string) (all []string) {
		for _, k := range Keys(path) {
			all = append(all, k.Name)
		}
		return all
	}
	if root := names(""); root[0] != "version" || root[len(root)-1] != "apps" {
		t.Errorf("the file: %v", root)
	}
	if stop := Keys("app.stop"); len(stop) < 3 || stop[1] != (Key{"signal", "SIGTERM"}) {
		t.Errorf("app.stop: %v", stop)
	}
	if restart := names("app.restart"); !slices.Contains(restart, "max_restarts") {
		t.Errorf("app.restart, which may be one word: %v", restart)
	}
	for _, path := range []string{"app.environment", "app.nonsense", "nonsense.app", "app.stop.signal"} {
		if Keys(path) != nil {
			t.Errorf("%s has keys", path)
		}
	}
}

// defaultValue is the default in the form of compiled JSON; nil if there is none.
func (k key) defaultValue() any {
	var doc yaml.Node
	if k.def == "" || yaml.Load([]byte(k.def), &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	return newChecker(nil).read(k.kind, doc.Content[0], k.name)
}
