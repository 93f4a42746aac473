package spec

import (
	"strconv"
)

// app reads one app and completes it.
func (l *loader) app(name string, f *fields) App {
	a := App{Name: name}
	l.program(f, &a)
	l.identity(f, &a)

	a.Workers = value(f, "workers", Workers{Count: 1}, ParseWorkers)
	a.MaxWorkers = value(f, "max_workers", 16, IntBetween(1, MaxWorkers))
	a.Increment = table(f, "increment", CheckVariableName, func(path string, v any) int {
		return parsed(l, path, v, 0, IntBetween(0, 1<<31-1))
	})
	a.Listen = l.listen(f, name)
	a.Balance = value(f, "balance", "auto", OneOf("auto", "reuseport", "shared", "round-robin"))
	a.Node = value(f, "node", NodeAuto, OneOf(NodeAuto, NodeCluster, NodeIPC, NodeOff))
	a.NodePreload = value(f, "node_preload", true, ParseBool)
	a.DependsOn = l.dependencies(f)
	a.Main = value(f, "main", false, ParseBool)

	a.Readiness = l.readiness(f, &a)
	a.Liveness = l.liveness(f, &a)

	a.Restart = l.restart(f, a.Main)
	l.noteUnsure(f)
	a.Schedule = l.schedule(f)
	onFailure := "shutdown"
	if a.Job() {
		onFailure = "ignore"
	}
	a.OnFailure = value(f, "on_failure", onFailure, OneOf("shutdown", "ignore"))
	a.Recycle = l.recycle(f)
	a.Resources = l.resources(f)
	if a.Recycle.Memory.Percent > 0 && a.Resources.Memory == 0 && !l.unknown(f.object("resources"), "memory") {
		l.fail(f.at("recycle.memory"), "%v is of resources.memory, and there is none: write that, or a size", a.Recycle.Memory)
	}
	a.Reload = l.reload(f)
	stop := f.object("stop")
	a.Stop.Drain = pointer(stop, "drain", ParseDuration)
	a.Stop.Signal = value(stop, "signal", "SIGTERM", ParseStopSignal)
	a.Stop.Target = value(stop, "target", "process", OneOf("process", "tree"))
	a.Stop.Timeout = value(stop, "timeout", seconds(10), ParseDuration)
	stop.end()
	a.Watch = l.watch(f)
	a.Hooks = l.hooks(f)
	logs := f.object("logs")
	a.Logs.Console = value(logs, "console", "auto", OneOf("auto", "prefix", "json", "raw", "inherit", "off"))
	a.Logs.MaxSize = value(logs, "max_size", 8<<20, ParseLogSize)
	a.Logs.MaxFiles = value(logs, "max_files", 4, IntBetween(1, MaxLogFiles))
	a.Logs.MaxAge = value(logs, "max_age", seconds(7*24*3600), ParseDuration)
	a.Logs.WhenFull = value(logs, "when_full", "block", OneOf("block", "drop"))
	a.Logs.RateLimit = pointer(logs, "rate_limit", IntBetween(1, 1<<31-1))
	logs.end()
	l.checkHeard(f, &a)
	l.checkJob(f, &a)
	l.checkListen(f, &a)
	l.checkDrain(f, &a)
	f.end()
	return a
}

// hooks are commands like command:.
func (l *loader) hooks(f *fields) Hooks {
	o := f.object("hooks")
	h := Hooks{BeforeStart: list(o, "before_start", nil, text), AfterExit: list(o, "after_exit", nil, text)}
	timeout := value(o, "timeout", seconds(30), positive)
	for key, words := range map[string][]string{"before_start": h.BeforeStart, "after_exit": h.AfterExit} {
		if _, ok := o.o.values[key]; ok && l.mode != checking && (len(words) == 0 || words[0] == "") { // when checking, the compiler has told it
			l.fail(o.at(key), "is empty: write the program and its arguments")
		}
	}
	if len(h.BeforeStart)+len(h.AfterExit) > 0 {
		h.Timeout = timeout
	}
	o.end()
	return h
}

func seconds(n int) Duration { return Duration(n) * 1e9 }

func (l *loader) program(f *fields, a *App) {
	command, given := f.o.values["command"]
	a.Command = list(f, "command", nil, text)
	switch _, words := command.([]any); {
	case !given:
		l.fail(f.path, "has nothing to run: command: or shell: is missing")
	case words && len(a.Command) == 0:
		l.fail(f.at("command"), "is empty: write the program and its arguments")
	case words && a.Command[0] == "" && l.mode != checking:
		l.fail(f.at("command"), "its first word, the program, is empty")
	}
	a.WorkingDir = value(f, "working_dir", ".", nonEmpty)
	a.Environment = l.environment(f)
	a.EnvFile = l.envFiles(f)
	a.InheritEnvironment = value(f, "inherit_environment", true, ParseBool)
	a.Enabled = value(f, "enabled", true, ParseBool)
	a.Tags = list(f, "tags", nil, ParseTag)
}

func (l *loader) identity(f *fields, a *App) {
	a.User = value(f, "user", "", ParseUser)
	a.GroupAdd = list(f, "group_add", nil, ParseGroup)
	a.Umask = value(f, "umask", "", ParseUmask)
	a.Nice = pointer(f, "nice", IntBetween(-20, 19))
	a.IONice = value(f, "ionice", "", ParseIONice)
	a.OOMScoreAdj = pointer(f, "oom_score_adj", IntBetween(-1000, 1000))
	a.Ulimits = table(f, "ulimits", checkUlimitName, l.ulimit)
	capabilities := f.object("capabilities")
	a.Capabilities.Drop = list(capabilities, "drop", nil, ParseDroppedCapability)
	a.Capabilities.Add = list(capabilities, "add", nil, ParseCapability)
	capabilities.end()
	a.NoNewPrivileges = value(f, "no_new_privileges", false, ParseBool)
}

// environment reads an object of names and values, where {"file": path} is a secret; or the list that encoding/json writes.
func (l *loader) environment(f *fields) []Variable {
	v, ok := f.get("environment")
	if !ok {
		return nil
	}
	var all []Variable
	path := f.at("environment")
	if elements, ok := v.([]any); ok {
		for i, e := range elements {
			o := l.object(path+"."+strconv.Itoa(i), e)
			name := value(o, "name", "", text)
			all = append(all, l.variable(join(path, name), name, o))
		}
		return all
	}
	o := l.object(path, v)
	for _, name := range o.o.keys {
		if secret, ok := o.o.values[name].(*object); ok {
			all = append(all, l.variable(o.at(name), name, l.object(o.at(name), secret)))
			if len(secret.keys) == 0 {
				l.fail(o.at(name), "has nothing in it: write a value, or {file: PATH}")
			}
			continue
		}
		all = append(all, Variable{Name: name, Value: value(o, name, "", text)})
		if err := CheckVariableName(name); err != nil {
			l.fail(o.at(name), "%v", err)
		}
	}
	return all
}

func (l *loader) variable(path, name string, o *fields) Variable {
	if err := CheckVariableName(name); err != nil {
		l.fail(path, "%v", err)
	}
	v := Variable{Name: name, Value: value(o, "value", "", text), File: value(o, "file", "", nonEmpty)}
	o.end()
	return v
}

func (l *loader) envFiles(f *fields) []EnvFile {
	v, ok := f.get("env_file")
	if !ok {
		return nil
	}
	path := f.at("env_file")
	elements, ok := v.([]any)
	if !ok {
		elements = []any{v} // one alone needs no list
	}
	var all []EnvFile
	for i, e := range elements {
		at := path + "." + strconv.Itoa(i)
		o, ok := e.(*object)
		if !ok {
			all = append(all, EnvFile{Path: parsed(l, at, e, "", nonEmpty), Required: true})
			continue
		}
		file := l.object(at, o)
		all = append(all, EnvFile{required(file, "path"), value(file, "required", true, ParseBool)})
		file.end()
	}
	return all
}

// ulimit reads {"soft": N, "hard": N}, or N for both.
func (l *loader) ulimit(path string, v any) Ulimit {
	if _, ok := v.(*object); !ok {
		n := parsed(l, path, v, 0, ParseLimit)
		return Ulimit{n, n}
	}
	f := l.object(path, v)
	u := Ulimit{Soft: value(f, "soft", 0, ParseLimit), Hard: value(f, "hard", Unlimited, ParseLimit)}
	for _, key := range []string{"soft", "hard"} {
		if _, ok := f.o.values[key]; !ok {
			l.fail(path, "without %s: write {soft: N, hard: N}, or N for both", key)
		}
	}
	if u.Soft > u.Hard {
		l.fail(path, "soft is more than hard")
	}
	f.end()
	return u
}

// restart reads an object, or the policy alone.
func (l *loader) restart(f *fields, main bool) Restart {
	policy := "always"
	if main {
		policy = "no"
	}
	r := Restart{SuccessCodes: []int{0}, Delay: Duration(100e6), MaxDelay: seconds(30), ResetAfter: seconds(10)}
	parse := OneOf("always", "on-failure", "no")
	v, there := f.get("restart")
	if _, ok := v.(*object); there && !ok {
		r.Policy = parsed(l, f.at("restart"), v, policy, parse)
		return r
	}
	o := l.object(f.at("restart"), v)
	r.Policy = value(o, "policy", policy, parse)
	r.SuccessCodes = list(o, "success_codes", r.SuccessCodes, IntBetween(0, 255))
	r.Delay = value(o, "delay", r.Delay, ParseDuration)
	r.MaxDelay = value(o, "max_delay", max(r.MaxDelay, r.Delay), ParseDuration)
	r.ResetAfter = value(o, "reset_after", r.ResetAfter, ParseDuration)
	r.MaxRestarts = pointer(o, "max_restarts", IntBetween(0, 1<<31-1))
	r.Window = value(o, "window", 0, ParseDuration)
	if r.MaxDelay < r.Delay && !l.unknown(o, "delay", "max_delay") {
		l.fail(o.at("max_delay"), "%v is less than delay, %v", r.MaxDelay, r.Delay)
	}
	if _, window := o.o.values["window"]; window && r.MaxRestarts == nil {
		l.fail(o.at("window"), "counts nothing without max_restarts")
	}
	o.end()
	return r
}

// noteUnsure: a policy that is not known yet is taken for the default, which is no ground to complain of it.
func (l *loader) noteUnsure(f *fields) {
	policy, _ := f.o.values["restart"].(*object)
	if l.unknown(f, "main", "restart") || policy != nil && l.unknown(&fields{o: policy}, "policy") {
		l.unsure[f.path[len("apps."):]] = true
	}
}

// unknown tells whether one of the keys has a value that only a running goinit knows.
func (l *loader) unknown(f *fields, keys ...string) bool {
	for _, key := range keys {
		if s, ok := f.o.values[key].(string); ok && l.mode == checking {
			if reference, err := HasReference(s); reference || err != nil {
				return true
			}
		}
	}
	return false
}
