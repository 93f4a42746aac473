package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Each supervisor is configured as its documentation does it, with its defaults. What departs from them stands with the
// reason, and departuresNote says it in the report.
const departuresNote = "Defaults, but for: Pebble's `backoff-delay` 1ms (of 500ms, which would be all that its restart " +
	"latency shows); supervisord's `minfds` and s6-svscan's `-c`, for 500 apps. s6 and runit run each app from a `#!/bin/sh` " +
	"script that executes it; pm2 is pm2-runtime, with `interpreter: none`."

func writeGoinit(s *supervisor, dir string, apps [][]string) ([]string, error) {
	var text strings.Builder
	text.WriteString("apps:\n")
	for i, command := range apps {
		words, err := json.Marshal(command) // a list in JSON is one in YAML
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&text, "  app-%d:\n    command: %s\n", i, words)
	}
	file := filepath.Join(dir, "goinit.yaml")
	return []string{s.path, "run", "-f", file, "--socket", dir + "/socket"}, os.WriteFile(file, []byte(text.String()), 0o644)
}

func goinitStatus(s *supervisor, dir string, _ int) []string {
	return []string{s.client, "ctl", "--socket", dir + "/socket", "ps"}
}

// writeScripts makes a directory of service directories, for s6 and runit.
func writeScripts(dir string, apps [][]string) (scan string, err error) {
	scan = filepath.Join(dir, "services")
	for i, command := range apps {
		service := filepath.Join(scan, fmt.Sprintf("app-%d", i))
		if err := os.MkdirAll(service, 0o755); err != nil {
			return "", err
		}
		run := "#!/bin/sh\nexec " + strings.Join(command, " ") + "\n"
		if err := os.WriteFile(filepath.Join(service, "run"), []byte(run), 0o755); err != nil {
			return "", err
		}
	}
	return scan, nil
}

func writeS6(s *supervisor, dir string, apps [][]string) ([]string, error) {
	scan, err := writeScripts(dir, apps)
	return []string{s.path, "-c", "1000", scan}, err
}

// s6Status asks as a person has to: s6-svstat knows one service.
func s6Status(s *supervisor, dir string, _ int) []string {
	return []string{"/bin/sh", "-c", "for d in " + dir + "/services/*; do " + s.client + " $d || exit; done"}
}

func writeRunit(s *supervisor, dir string, apps [][]string) ([]string, error) {
	scan, err := writeScripts(dir, apps)
	return []string{s.path, scan}, err
}

func runitStatus(s *supervisor, dir string, _ int) []string {
	return []string{"/bin/sh", "-c", "exec " + s.client + " status " + dir + "/services/*"}
}

func writeSupervisord(s *supervisor, dir string, apps [][]string) ([]string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, `[unix_http_server]
file=%[1]s/socket
[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=%[1]s/pid
childlogdir=%[1]s
minfds=10000
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/socket
`, dir)
	for i, command := range apps {
		fmt.Fprintf(&text, "[program:app-%d]\ncommand=%s\n", i, strings.Join(command, " "))
	}
	return []string{s.path, "-c", dir + "/supervisord.conf"}, os.WriteFile(dir+"/supervisord.conf", []byte(text.String()), 0o644)
}

func supervisordStatus(s *supervisor, dir string, _ int) []string {
	return []string{s.client, "-c", dir + "/supervisord.conf", "status"}
}

func writePebble(s *supervisor, dir string, apps [][]string) ([]string, error) {
	var text strings.Builder
	text.WriteString("services:\n")
	for i, command := range apps {
		fmt.Fprintf(&text, "  app-%d:\n    override: replace\n    startup: enabled\n    backoff-delay: 1ms\n    command: %s\n", i, strings.Join(command, " "))
	}
	if err := os.Mkdir(dir+"/layers", 0o755); err != nil {
		return nil, err
	}
	return []string{s.path, "run"}, os.WriteFile(dir+"/layers/001-apps.yaml", []byte(text.String()), 0o644)
}

func pebbleStatus(s *supervisor, _ string, _ int) []string { return []string{s.client, "services"} }

func writePM2(s *supervisor, dir string, apps [][]string) ([]string, error) {
	type app struct {
		Name        string   `json:"name"`
		Script      string   `json:"script"`
		Args        []string `json:"args"`
		Interpreter string   `json:"interpreter"`
	}
	var file struct {
		Apps []app `json:"apps"`
	}
	for i, command := range apps {
		file.Apps = append(file.Apps, app{fmt.Sprintf("app-%d", i), command[0], command[1:], "none"})
	}
	text, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	return []string{s.path, "start", dir + "/ecosystem.json"}, os.WriteFile(dir+"/ecosystem.json", text, 0o644)
}

func pm2Status(s *supervisor, _ string, _ int) []string { return []string{s.client, "jlist"} }
