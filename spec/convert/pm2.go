package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"goinit/spec/compile"
)

// Evaluate runs a JavaScript file and returns what it exports as JSON, in which a function is {"$function": NAME} and a regular
// expression {"$regexp": SOURCE}.
type Evaluate func(path string) ([]byte, error)

// PM2 converts an ecosystem file: JSON with comments, YAML, or JavaScript, which evaluate runs. env is pm2's --env NAME, or nothing.
func PM2(path string, files compile.Files, evaluate Evaluate, env string) ([]byte, error) {
	tree, err := ecosystem(path, files, evaluate)
	if err != nil {
		return nil, err
	}
	e := &pm2{path: path, files: files, env: env, document: &document{head: []string{
		"Converted from " + nameOf(path) + " by goinit ctl convert pm2" + withEnv(env) + ".",
		"PM2 stays when all have ended, and gives up after 16 short lives; goinit ends, and tries for ever.",
	}}}
	if err := e.convert(tree); err != nil {
		return nil, err
	}
	return finish(path, e.document)
}

func withEnv(env string) string {
	if env == "" {
		return ""
	}
	return " --env " + env
}

// ecosystem reads the file by its name, as PM2 does.
func ecosystem(path string, files compile.Files, evaluate Evaluate) (any, error) {
	name := filepath.Base(path)
	isJSON := strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".json5")
	isYAML := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
	if !isJSON && !isYAML {
		data, err := evaluate(path)
		if err != nil {
			return nil, err
		}
		return parseJSON(path, string(data))
	}
	text, err := read(path, files)
	if err != nil {
		return nil, err
	}
	if isYAML {
		return parseYAML(path, text)
	}
	return parseJSON(path, text)
}

// pm2 is an ecosystem on its way.
type pm2 struct {
	path     string
	files    compile.Files
	env      string
	envs     []string // that there are
	deploy   jsObject
	document *document
}

func (e *pm2) mistake(format string, args ...any) error {
	return fmt.Errorf("%s: %s", e.path, fmt.Sprintf(format, args...))
}

func (e *pm2) convert(tree any) error {
	apps, err := e.apps(tree)
	if err != nil {
		return err
	}
	for i, one := range apps {
		options, ok := one.(jsObject)
		if !ok {
			return e.mistake("apps[%d] is no object", i)
		}
		if err := e.app(i, options); err != nil {
			return err
		}
	}
	if len(apps) == 0 {
		return e.mistake("has no apps: there is nothing to run")
	}
	e.document.stopAsPM2()
	if e.env != "" && !slices.Contains(e.envs, e.env) {
		return e.mistake("no app has env_%s: %s", e.env, thereAre(e.envs))
	}
	return nil
}

func thereAre(envs []string) string {
	if len(envs) == 0 {
		return "there is no env_NAME at all"
	}
	slices.Sort(envs)
	return "there are " + strings.Join(slices.Compact(envs), ", ")
}

// apps finds them: {apps: […]}, {pm2: […]}, […], or one alone.
func (e *pm2) apps(tree any) ([]any, error) {
	root, ok := tree.(jsObject)
	if !ok {
		if all, ok := tree.([]any); ok {
			return all, nil
		}
		return nil, e.mistake("holds no object with apps: in it")
	}
	if function, ok := root.get("$function"); ok {
		return nil, e.mistake("exports a function (%s), and PM2 takes an object only", jsText(function))
	}
	value, found := root.get("apps")
	if !found {
		value, found = root.get("pm2")
	}
	if !found {
		return []any{root}, nil
	}
	for _, m := range root {
		switch m.name {
		case "apps", "pm2":
		case "deploy":
			e.deploy, _ = m.value.(jsObject)
			e.tellRoot("deploy", m.value, "goinit deploys nothing")
		case "static":
			e.tellRoot("static", m.value, "goinit serves no files: write an app that does")
		default:
			e.tellRoot(m.name, m.value, "PM2 does not know it either")
		}
	}
	if all, ok := value.([]any); ok {
		return all, nil
	}
	return []any{value}, nil
}

// tellRoot tells of a part of the file that belongs to no app, by the names in it: the values may be secrets.
func (e *pm2) tellRoot(name string, value any, why string) {
	e.document.head = append(e.document.head, name+within(value)+": "+why+".")
}

// app converts one.
func (e *pm2) app(i int, options jsObject) error {
	a := &pm2App{pm2: e, options: canonical(options), asked: map[string]bool{}}
	script, ok := a.text("script")
	if !ok || strings.TrimSpace(script) == "" {
		return e.mistake("apps[%d] has no script: there is nothing to run", i)
	}
	a.app = e.document.app(a.fullName(script))
	a.cluster = a.isCluster(script)
	for _, step := range []func(){
		func() { a.run(script) }, a.where, a.environment, a.workers, a.readiness, a.restarts, a.recycle, a.stop, a.watch, a.logs, a.rest,
	} {
		step()
	}
	return nil
}

// pm2App is one of apps[] on its way.
type pm2App struct {
	*app
	*pm2
	options     jsObject // by PM2's own names
	asked       map[string]bool
	interpreter string // that runs the script; "" if nothing does
	cluster     bool
	job         bool // cron_restart with autorestart: false
}

// aliases are PM2's other names, besides the camel case of each (schema.json and Common.js of 7.0.4).
var aliases = map[string]string{
	"exec": "script", "cmd": "script", "command": "script", "interpreter": "exec_interpreter", "interpreterArgs": "node_args", "interpreter_args": "node_args",
	"out": "out_file", "output": "out_file", "out_log": "out_file", "error": "error_file", "err": "error_file", "err_file": "error_file", "err_log": "error_file",
	"log": "log_file", "pid": "pid_file", "cron": "cron_restart", "combine_logs": "merge_logs", "user": "uid",
}

// canonical gives every option PM2's own name. Of two spellings the own name wins, else the first.
func canonical(options jsObject) jsObject {
	var out jsObject
	for _, m := range options {
		name := canonicalName(m.name)
		if _, there := out.get(name); !there || name == m.name {
			out = out.with(name, m.value)
		}
	}
	return out
}

func canonicalName(name string) string {
	if own, ok := aliases[name]; ok {
		return own
	}
	if strings.HasPrefix(name, "env_") {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	if snake := b.String(); pm2Knows(snake) {
		return snake
	}
	return name
}

// value looks at an option. Null and undefined are as good as absent.
func (a *pm2App) value(name string) (any, bool) {
	a.asked[name] = true
	v, ok := a.options.get(name)
	return v, ok && v != nil
}

// text is an option that is a string, or a number as one.
func (a *pm2App) text(name string) (string, bool) {
	switch v, _ := a.value(name); v := v.(type) {
	case string:
		return v, true
	case float64:
		return jsText(v), true
	}
	return "", false
}

// number is an option that is a number, or a string of one.
func (a *pm2App) number(name string) (float64, bool) {
	v, ok := a.value(name)
	if !ok {
		return 0, false
	}
	n, ok := jsNumber(v)
	if !ok {
		a.tell("%s=%s: it is no number", name, clip(jsText(v)))
	}
	return n, ok
}

// truth is an option that is a boolean; anything else is what JavaScript takes it for.
func (a *pm2App) truth(name string) (is, given bool) {
	v, ok := a.value(name)
	switch v := v.(type) {
	case bool:
		return v, ok
	case string:
		return v != "" && v != "false", ok
	case float64:
		return v != 0, ok
	}
	return ok, ok
}

// many is an option that is a list, or one alone.
func (a *pm2App) many(name string) (all []string, given bool) {
	v, ok := a.value(name)
	if !ok {
		return nil, false
	}
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v}
	}
	for _, e := range elements {
		if o, ok := e.(jsObject); ok {
			if source, ok := o.get("$regexp"); ok {
				a.tell("%s /%s/: a regular expression, and patterns are wanted here", name, jsText(source))
				continue
			}
		}
		all = append(all, jsText(e))
	}
	return all, true
}
