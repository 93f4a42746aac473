package convert

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"goinit/spec"
	"goinit/spec/compile"
)

// What foreman gives to the first process, and by how much more to each that follows.
const (
	firstPort = 5000
	portStep  = 100
)

var procfileLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(.+)$`)

// Procfile converts lines of NAME: COMMAND as foreman runs them: by a shell, with the variables of the .env beside them and a
// PORT for each.
func Procfile(path string, files compile.Files) ([]byte, error) {
	text, err := read(path, files)
	if err != nil {
		return nil, err
	}
	d := &document{head: []string{
		"Converted from " + nameOf(path) + " by goinit ctl convert procfile.",
		"foreman ends everything when one process has ended; goinit restarts it. main: true in an app ends goinit with it.",
	}}
	env := readDotEnv(d, filepath.Join(filepath.Dir(path), ".env"), files)
	var release *app
	seen := map[string]int{}
	for i, l := range strings.Split(text, "\n") {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		m := procfileLine.FindStringSubmatch(l)
		if m == nil {
			return nil, mistake(path, text, i+1, 0, "a line is NAME: COMMAND")
		}
		if before := seen[m[1]]; before != 0 {
			return nil, mistake(path, text, i+1, 0, "%q twice: it is in line %d already", m[1], before)
		}
		seen[m[1]] = i + 1
		a := d.app(m[1])
		a.runLine(strings.TrimSpace(m[2]), "its command")
		if env.there {
			a.set("env_file", ".env", ".env")
		}
		if m[1] == "release" {
			release = a
			continue
		}
		a.set("increment", pairs{{"PORT", env.port(len(d.apps) - 1)}}, "PORT")
	}
	if len(d.apps) == 0 {
		return nil, mistake(path, text, 0, 0, "is empty: a line is NAME: COMMAND")
	}
	if release != nil {
		d.releaseFirst(release)
	}
	return finish(path, d)
}

// releaseFirst: Heroku runs the release command once, before it starts the others.
func (d *document) releaseFirst(release *app) {
	release.set("restart.policy", "no", "release").comment = "Heroku runs it once, before the others"
	for _, a := range d.apps {
		if a != release {
			a.set("depends_on", pairs{{release.name, "completed"}}, "release")
		}
	}
}

// dotEnv is the .env beside a Procfile.
type dotEnv struct {
	there bool
	base  string // its PORT
}

// port is what foreman gives to the first worker of the nth process. The first may have it from outside, as Heroku does it.
func (e dotEnv) port(n int) any {
	base, err := strconv.Atoi(e.base)
	if err == nil {
		return base + n*portStep
	}
	if n == 0 {
		return "${PORT:-" + strconv.Itoa(firstPort) + "}"
	}
	return firstPort + n*portStep
}

// readDotEnv looks whether goinit reads the file as foreman does, and tells where not.
func readDotEnv(d *document, path string, files compile.Files) (e dotEnv) {
	data, err := files.ReadFile(path, maxFile)
	if err != nil {
		return e
	}
	e.there = true
	foreman := foremanEnv(string(data))
	e.base = foreman["PORT"]
	ours, err := spec.ParseEnvFile(data, func(string) (string, bool) { return "", false })
	if err != nil {
		d.head = append(d.head, "goinit does not take .env as it is: "+err.Error()+".")
		return e
	}
	var differ []string
	for _, v := range ours {
		if theirs, ok := foreman[v.Name]; !ok || theirs != v.Value {
			differ = append(differ, v.Name)
		}
		delete(foreman, v.Name)
	}
	for name := range foreman {
		differ = append(differ, name)
	}
	if slices.Sort(differ); len(differ) > 0 {
		d.head = append(d.head, "goinit reads .env as compose does, with ${…}, comments and escapes; these differ from what foreman makes of them: "+
			strings.Join(differ, ", ")+".")
	}
	return e
}

var (
	envLine      = regexp.MustCompile(`^(?:export +)?([A-Za-z_0-9]+)=(.*)$`)
	doubleEscape = regexp.MustCompile(`\\(.)`)
)

// foremanEnv reads as foreman's env.rb does: lines that do not look like NAME=value are passed over.
func foremanEnv(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		m := envLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		value := m[2]
		switch n := len(value); {
		case n > 1 && value[0] == '\'' && value[n-1] == '\'':
			value = value[1 : n-1]
		case n > 1 && value[0] == '"' && value[n-1] == '"':
			value = doubleEscape.ReplaceAllString(strings.ReplaceAll(value[1:n-1], `\n`, "\n"), "$1")
		}
		all[m[1]] = value
	}
	return all
}
