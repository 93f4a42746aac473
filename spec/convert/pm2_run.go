package convert

import (
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// interpreters by extension: PM2's interpreter.json, but that it takes python where there is one and python3 else. For bun it takes node where
// there is no bun, with types stripped.
var interpreters = map[string]string{
	".sh": "bash", ".py": "python3", ".rb": "ruby", ".php": "php", ".pl": "perl", ".js": "node", ".coffee": "coffee", ".ls": "lsc",
	".ts": "bun", ".tsx": "bun", ".cjs": "node", ".mjs": "node",
}

func (a *pm2App) fullName(script string) string {
	name, ok := a.text("name")
	if !ok {
		name = filepath.Base(strings.Fields(script)[0])
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	if prefix, ok := a.text("name_prefix"); ok {
		name = prefix + name
	}
	if is, _ := a.truth("append_env_to_name"); is && a.env != "" {
		name += "-" + a.env
	}
	return name
}

// runsWith is what runs the script: the interpreter that is named, else by the extension, else node; "" for nothing.
func (a *pm2App) runsWith(script string) string {
	named, ok := a.text("exec_interpreter")
	if !ok {
		named, ok = interpreters[filepath.Ext(script)]
	}
	switch {
	case ok && named == "none", !ok && a.isProgram(script):
		return ""
	case !ok:
		return "node"
	}
	return named
}

var (
	programFolder    = regexp.MustCompile(`^/(usr/)?(local/)?s?bin/`)
	programExtension = regexp.MustCompile(`^(\.[0-9]+|\.(bin|out|run|exe))?$`) // of python3.11, too
)

// isProgram: a script that is no program is node's. PM2 looks into the file, which may not be here. A word without a slash is
// looked for in PATH, as npm is; what is in a folder of programs is one.
func (a *pm2App) isProgram(script string) bool {
	if !strings.Contains(script, "/") {
		return programExtension.MatchString(filepath.Ext(script))
	}
	if programFolder.MatchString(script) {
		return true
	}
	path := a.here(script)
	data, err := a.files.ReadFile(path, maxFile)
	if err != nil {
		found, _ := a.files.Glob(path)
		return len(found) > 0 // too large for a script
	}
	return strings.HasPrefix(string(data), "\x7fELF")
}

// here is where a file of the app is on this machine, if it is.
func (a *pm2App) here(script string) string {
	if filepath.IsAbs(script) {
		return script
	}
	cwd, _ := a.text("cwd")
	if !filepath.IsAbs(cwd) {
		cwd = filepath.Join(filepath.Dir(a.path), cwd)
	}
	return filepath.Join(cwd, script)
}

func isNode(interpreter string) bool {
	base := filepath.Base(interpreter)
	return base == "node" || base == "nodejs" || strings.HasPrefix(base, "node@")
}

func (a *pm2App) run(script string) {
	script = strings.TrimSpace(script)
	if strings.ContainsAny(script, " \t\n") {
		a.runScriptLine(script)
		return
	}
	a.interpreter = a.runsWith(script)
	all := words{}
	if a.interpreter != "" {
		all = append(all, a.interpreterWords()...)
	} else if !strings.Contains(script, "/") && (filepath.Ext(script) != "" || a.isHere(script)) {
		script = "./" + script
	}
	all = append(all, script)
	if v, ok := a.value("args"); ok {
		all = append(all, splitArgs(v)...)
	}
	a.set("command", words(literals(all)), "script")
	if a.interpreter == "bun" {
		a.find("command").comment = "PM2 takes bun for " + filepath.Ext(script) + ", or node where there is none"
	}
	if strings.Contains(a.interpreter, "python") {
		a.pair("environment", "PYTHONUNBUFFERED", "1", "interpreter")
	}
}

// runScriptLine: PM2 gives a script with blanks in it to bash, and forgets the arguments.
func (a *pm2App) runScriptLine(script string) {
	if l := parseLine(script); l.words != nil {
		a.set("command", words(literals(l.words)), "script")
	} else {
		a.set("command", words{"bash", "-c", literal(script)}, "script")
	}
	for _, name := range []string{"args", "exec_interpreter", "node_args"} {
		if v, ok := a.value(name); ok && v != "" && v != "none" {
			a.tell("%s=%s: PM2 leaves it out where script has blanks, and so is it here", name, clip(jsText(v)))
		}
	}
}

func (a *pm2App) interpreterWords() words {
	interpreter := a.interpreter
	if name, version, ok := strings.Cut(interpreter, "@"); ok && name == "node" {
		a.tell("interpreter=%s: nvm is not asked: node %s has to be in PATH", interpreter, version)
		interpreter = "node"
	}
	all := words{interpreter}
	if v, ok := a.value("node_args"); ok {
		all = append(all, splitArgs(v)...)
	}
	if is, given := a.truth("source_map_support"); given && is && isNode(interpreter) {
		all = append(all, "--enable-source-maps")
	}
	return all
}

// isHere tells whether there is such a file in the app's directory.
func (a *pm2App) isHere(script string) bool {
	found, err := a.files.Glob(a.here(script))
	return err == nil && len(found) > 0
}

var pm2Args = regexp.MustCompile(`[^\s"'=]+="[^"]*"|[^\s"'=]+='[^']*'|"[^"]*"|'[^']*'|\S+`)

// splitArgs are the words of a list, or of a string as PM2's Config.js splits it.
func splitArgs(v any) (all []string) {
	if elements, ok := v.([]any); ok {
		for _, e := range elements {
			all = append(all, jsText(e))
		}
		return all
	}
	for _, word := range pm2Args.FindAllString(jsText(v), -1) {
		if n := len(word); n > 1 && (word[0] == '"' || word[0] == '\'') && word[n-1] == word[0] {
			word = word[1 : n-1]
		}
		if strings.TrimSpace(word) != "" {
			all = append(all, word)
		}
	}
	return all
}

// where is the directory, the user and the group of names.
func (a *pm2App) where() {
	if cwd, ok := a.text("cwd"); ok {
		a.set("working_dir", literal(cwd), "cwd")
	}
	if namespace, ok := a.text("namespace"); ok && namespace != "default" {
		a.tag(namespace, "namespace")
	}
	uid, hasUID := a.text("uid")
	gid, hasGID := a.text("gid")
	isNumber := func(s string) bool { _, err := strconv.ParseUint(s, 10, 32); return err == nil }
	switch {
	case hasUID && hasGID && isNumber(uid) && isNumber(gid):
		a.set("user", uid+":"+gid, "uid")
	case hasUID:
		a.set("user", literal(uid), "uid")
		if hasGID {
			a.tell("gid=%s: a group goes with a number only: write user: uid:gid", gid)
		}
	case hasGID:
		a.tell("gid=%s: write user: uid:gid", gid)
	}
	if is, given := a.truth("autostart"); given && !is {
		a.set("enabled", false, "autostart")
	}
}

// isCluster: instances alone make an app of node's a cluster.
func (a *pm2App) isCluster(script string) bool {
	mode, given := a.text("exec_mode")
	if is, _ := a.truth("execute_command"); is {
		return false
	}
	if given {
		return strings.HasPrefix(mode, "cluster")
	}
	v, ok := a.value("instances")
	if !ok || strings.ContainsAny(strings.TrimSpace(script), " \t") {
		return false
	}
	n, isNumber := jsNumber(v)
	with := a.runsWith(script)
	return (v == "max" || isNumber && n >= -1) && (isNode(with) || filepath.Base(with) == "bun")
}

// workers: how many, in a cluster or each with a channel of its own, and what tells them apart.
func (a *pm2App) workers() {
	several := false
	if v, ok := a.value("instances"); ok {
		several = a.instances(v)
	}
	switch {
	case a.cluster && isNode(a.interpreter) && several: // auto is cluster then
	case a.cluster && (isNode(a.interpreter) || a.interpreter == "" || a.interpreter == "bun"):
		a.set("node", "cluster", "exec_mode")
	case a.cluster:
		a.tell("exec_mode=cluster: it is for node, and %s runs this", a.interpreter)
	case several && isNode(a.interpreter):
		a.set("node", "ipc", "exec_mode").comment = "exec_mode: fork"
	}
	variable, named := a.text("instance_var")
	if !named {
		variable = "NODE_APP_INSTANCE"
	}
	if named || several || a.cluster {
		a.pair("increment", variable, 0, "instance_var")
	}
	if name, ok := a.text("increment_var"); ok {
		first := 0
		if v, there := a.unpair("environment", name); there {
			n, err := strconv.Atoi(v.(string))
			if err != nil || n < 0 {
				a.tell("increment_var=%s: %q is no number to count from", name, clip(v.(string)))
			}
			first = max(n, 0)
		}
		a.pair("increment", name, first, "increment_var")
	}
}

// instances sets workers, and reports whether there are several.
func (a *pm2App) instances(v any) bool {
	n, ok := jsNumber(v)
	switch {
	case v == "max" || ok && n == 0:
		a.set("workers", "auto", "instances").comment = "what the CPU quota allows, 16 at most: max_workers"
	case ok && n < 0:
		a.set("workers", "auto", "instances").comment = "instances=" + jsText(v) + " left some CPUs over"
	case ok && n == math.Trunc(n):
		a.set("workers", int(min(n, maxProcesses)), "instances")
		return n > 1
	default:
		a.tell("instances=%s: it is no number", clip(jsText(v)))
		return false
	}
	return true
}

func jsNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsInf(v, 0) && !math.IsNaN(v)
	case string:
		n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
	}
	return 0, false
}

// environment is env, with env_NAME of --env NAME on top and deploy's beneath. What of the others is not taken is told by name.
func (a *pm2App) environment() {
	if a.env != "" {
		if deploy, ok := a.deploy.get(a.env); ok {
			if v, ok := asObject(deploy).get("env"); ok {
				a.variables("deploy."+a.env+".env", v)
			}
		}
	}
	if v, ok := a.value("env"); ok {
		a.variables("env", v)
	}
	if n, ok := a.text("port"); ok {
		a.pair("environment", "PORT", literal(n), "port")
	}
	for _, m := range a.options {
		name, ok := strings.CutPrefix(m.name, "env_")
		if !ok {
			continue
		}
		a.asked[m.name] = true
		a.envs = append(a.envs, name)
		if name == a.env {
			a.variables(m.name, m.value)
			continue
		}
		a.tell("%s%s: goinit ctl convert pm2 --env %s takes it", m.name, within(m.value), name)
	}
	if v, ok := a.value("filter_env"); ok {
		if v == true {
			a.set("inherit_environment", false, "filter_env")
		} else if v != false {
			a.tell("filter_env=%s: all is inherited, or nothing: inherit_environment: false", clip(jsText(v)))
		}
	}
}

// within are the names in an object, for a comment.
func within(v any) string {
	var names []string
	for _, m := range asObject(v) {
		names = append(names, m.name)
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func (a *pm2App) variables(from string, v any) {
	o, ok := v.(jsObject)
	if !ok {
		a.tell("%s=%s: it is no object", from, clip(jsText(v)))
		return
	}
	for _, m := range o {
		a.pair("environment", m.name, literal(jsText(m.value)), from)
	}
}

// pm2Knows tells whether it is an attribute of PM2's.
func pm2Knows(name string) bool {
	_, told := pm2Told[name]
	return told || slices.Contains(pm2Mapped, name)
}
