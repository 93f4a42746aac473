package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// keptNote says in the report what departs from defaults.
const keptNote = "One program, `http.createServer().listen()`, on one Node: alone; below Node's own cluster (`bench/programs/primary.js`: fork, `listening`, `disconnect`, 3 s to finish); below pm2-runtime in cluster mode, " +
	"as it is and with the handler that PM2's documentation wants (`SIGINT`: `server.close`; `kill_timeout` 3 s instead of 1.6); below goinit, in each balance. Defaults, but for: pm2's `max_restarts` and goinit's `restart: {max_delay: 100ms, reset_after: 1s}`, for we kill often."

// findKeepers are those who can keep a Node program of several workers.
func findKeepers(goinit, dir string) (found []*keeper, missing []string, err error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, nil, fmt.Errorf("cannot compare: %w", err)
	}
	if goinit, err = filepath.Abs(goinit); err != nil {
		return nil, nil, err
	}
	found = []*keeper{
		{name: nodesOwn, path: node, app: "rr", talks: true, argv: nodeCluster, verb: nodeVerb},
		{name: "Node's cluster, SCHED_NONE", path: node, app: "none", talks: true, argv: nodeCluster, verb: nodeVerb},
	}
	for _, balance := range []string{"reuseport", "shared", "round-robin"} {
		found = append(found, &keeper{name: "goinit, " + balance, path: goinit, argv: writeApp, verb: goinitVerb,
			app: "command: " + quoted(node, "server.js") + ", node: cluster, balance: " + balance})
	}
	pm2 := &supervisor{name: "pm2"}
	if err := fetchPM2(pm2, dir); err != nil {
		return found, []string{"pm2: " + err.Error()}, nil
	}
	for _, name := range []string{"pm2", pm2Graceful} {
		found = append(found, &keeper{name: name, path: pm2.path, teller: pm2.client, argv: writeKept, verb: pm2Verb})
	}
	return found, nil, nil
}

const (
	nodesOwn    = "Node's cluster"
	pm2Graceful = "pm2, SIGINT handled"
)

// single is one process that nobody keeps.
func single() (*keeper, error) {
	node, err := exec.LookPath("node")
	return &keeper{name: "one process", path: node, argv: func(k *keeper, w *web) ([]string, error) { return []string{k.path, "server.js"}, nil }}, err
}

// listeners are servers in other languages, which take their socket from LISTEN_FDS.
func listeners(goinit string) (all []*keeper, missing []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	if goinit, err = filepath.Abs(goinit); err != nil {
		return nil, nil, err
	}
	testdata, err := filepath.Abs("integration/testdata")
	if err != nil {
		return nil, nil, err
	}
	for _, l := range []struct {
		name, needs string
		closes      bool
		command     []string
	}{
		{"Go, net.FileListener", "", false, []string{self, listenerWord}},
		{"Python, sockets", "python3", true, []string{"python3", testdata + "/listen.py"}},
		{"gunicorn", "gunicorn", true, []string{"gunicorn", "--chdir", testdata, "--workers", "1", "--worker-tmp-dir", "/dev/shm", "listen_wsgi:app"}},
	} {
		if l.needs != "" {
			path, err := exec.LookPath(l.needs)
			if err != nil {
				missing = append(missing, l.name+": "+err.Error())
				continue
			}
			l.command[0] = path
		}
		for _, balance := range []string{"reuseport", "shared"} {
			all = append(all, &keeper{name: l.name + "; " + balance, path: goinit, argv: writeApp, verb: goinitVerb, closes: l.closes, blind: true,
				app: "command: " + quoted(l.command...) + ", environment: {PYTHONDONTWRITEBYTECODE: 1}, listen: [\"127.0.0.1:PORT\"], balance: " + balance})
		}
	}
	return all, missing, nil
}

func nodeCluster(k *keeper, w *web) ([]string, error) {
	return []string{k.path, "primary.js", filepath.Join(w.dir, "server.js"), fmt.Sprint(w.workers), k.app}, nil
}

func nodeVerb(k *keeper, w *web, words ...string) error {
	line := words[0]
	if len(words) > 1 {
		line += " " + words[1]
	}
	if _, err := fmt.Fprintln(w.tell, line); err != nil {
		return err
	}
	if !w.told.Scan() {
		return errors.New("it has ended")
	}
	return nil
}

func goinitVerb(k *keeper, w *web, words ...string) error {
	return w.client(append([]string{k.path, "ctl", "--socket", w.dir + "/socket", words[0], "web"}, words[1:]...)...)
}

func pm2Verb(k *keeper, w *web, words ...string) error {
	return w.client(append([]string{k.teller, words[0], "web"}, words[1:]...)...)
}

func writeKept(k *keeper, w *web) ([]string, error) {
	app := map[string]any{"name": "web", "script": "server.js", "cwd": w.dir, "instances": w.workers, "exec_mode": "cluster", "max_restarts": 10000}
	if k.name == pm2Graceful {
		app["env"], app["kill_timeout"] = map[string]string{"BENCH_GRACEFUL": "yes"}, 3000
	}
	text, err := json.Marshal(map[string]any{"apps": []any{app}})
	if err != nil {
		return nil, err
	}
	return []string{k.path, "start", "ecosystem.json"}, os.WriteFile(filepath.Join(w.dir, "ecosystem.json"), text, 0o644)
}

func writeApp(k *keeper, w *web) ([]string, error) {
	text := fmt.Sprintf("apps:\n  web: {%s, workers: %d, max_workers: 64, restart: {max_delay: 100ms, reset_after: 1s}}\n", strings.ReplaceAll(k.app, "PORT", fmt.Sprint(w.port)), w.workers)
	file := filepath.Join(w.dir, "goinit.yaml")
	return []string{k.path, "run", "-f", file, "-C", w.dir, "--socket", w.dir + "/socket"}, os.WriteFile(file, []byte(text), 0o644)
}
