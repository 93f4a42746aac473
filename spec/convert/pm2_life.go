package convert

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"goinit/spec"
)

// pm2Mapped are the attributes that become something here; pm2Told those that do not, and why.
var (
	pm2Mapped = []string{
		"script", "name", "name_prefix", "append_env_to_name", "namespace", "cwd", "args", "exec_interpreter", "node_args", "exec_mode", "execute_command",
		"instances", "instance_var", "increment_var", "port", "env", "filter_env", "uid", "gid", "autostart", "autorestart", "stop_exit_codes", "min_uptime",
		"max_restarts", "restart_delay", "exp_backoff_restart_delay", "max_memory_restart", "cron_restart", "kill_timeout", "treekill",
		"listen_timeout", "wait_ready", "watch", "ignore_watch", "watch_delay", "watch_options", "out_file", "error_file", "log_type", "disable_logs", "source_map_support",
	}
	pm2Told = map[string]string{
		"kill_retry_time": "goinit does not poll: the kernel tells it of an exit", "shutdown_with_message": "goinit sends a signal: stop: {signal: …}",
		"log_file": "output goes to goinit's own and to the log store", "merge_logs": "an app's workers share their log already",
		"log_date_format": "goinit knows when a line came: goinit ctl logs -t", "time": "goinit knows when a line came: goinit ctl logs -t",
		"pid_file": "goinit needs no pid files: goinit ctl ps", "disable_source_map_support": "goinit switches on nothing in node",
		"vizion": "goinit does not look at git", "post_update": "goinit deploys nothing", "pmx": "goinit loads nothing into a program",
		"automation": "goinit loads nothing into a program", "trace": noAPM, "disable_trace": noAPM, "v8": noAPM, "event_loop_inspector": noAPM, "deep_monitoring": noAPM, "io": noAPM,
		"force": "two apps may run one script", "install_url": "goinit installs nothing", "write": "goinit writes no files of its own",
		"windowsHide": "goinit is for Linux", "username": "write user:",
	}
)

const noAPM = "goinit loads nothing into a program"

// silent are values that change nothing.
var silent = map[string]any{
	"shutdown_with_message": false, "merge_logs": true, "time": false, "disable_source_map_support": true, "vizion": false, "pmx": false, "automation": false,
	"trace": false, "disable_trace": true, "v8": false, "event_loop_inspector": false, "deep_monitoring": false, "force": false, "write": false, "windowsHide": true,
}

// rest tells of what has no equal, and of what nobody knows.
func (a *pm2App) rest() {
	for _, m := range a.options {
		if a.asked[m.name] || m.value == nil {
			continue
		}
		if _, isFunction := asObject(m.value).get("$function"); isFunction {
			a.tell("%s: it is a function", m.name)
			continue
		}
		why, ok := pm2Told[m.name]
		switch {
		case ok && silent[m.name] == m.value:
		case ok:
			a.tell("%s: %s", a.shown(m), why)
		default:
			a.tell("%s: PM2 does not know it either", m.name)
		}
	}
}

func asObject(v any) jsObject { o, _ := v.(jsObject); return o }

// shown is an option with its value, if that is short.
func (a *pm2App) shown(m jsMember) string {
	switch m.value.(type) {
	case string, bool, float64:
		return m.name + "=" + clip(jsText(m.value))
	}
	return m.name
}

func (a *pm2App) readiness() {
	ready, _ := a.truth("wait_ready")
	timeout, given := a.number("listen_timeout")
	if !ready {
		if given {
			a.tell("listen_timeout=%s: write readiness: {…, start_timeout: %s}", jsText(timeout), milliseconds(timeout))
		}
		return
	}
	a.set("readiness.node", true, "wait_ready").comment = "not ready in time is a failed start"
	if given && timeout > 0 {
		a.set("readiness.start_timeout", milliseconds(timeout), "listen_timeout")
	}
}

// restarts: PM2 starts again at once and for ever but for lives shorter than min_uptime; goinit waits longer each time.
func (a *pm2App) restarts() {
	again, given := a.truth("autorestart")
	cron, hasCron := a.value("cron_restart")
	if given && !again {
		if a.job = hasCron && isCron(cron); a.job {
			return
		}
		a.set("restart.policy", "no", "autorestart")
		a.set("on_failure", "ignore", "autorestart").comment = "as PM2, which goes on"
	}
	if codes, ok := a.many("stop_exit_codes"); ok && len(codes) > 0 {
		a.set("restart.policy", "on-failure", "stop_exit_codes")
		a.set("restart.success_codes", list(codes), "stop_exit_codes")
	}
	if delay, ok := a.number("restart_delay"); ok && delay > 0 {
		a.set("restart.delay", milliseconds(delay), "restart_delay").comment = "the first restart is at once"
		a.set("restart.max_delay", milliseconds(delay), "restart_delay")
	}
	if delay, ok := a.number("exp_backoff_restart_delay"); ok && delay > 0 {
		if a.find("restart.delay") != nil {
			a.tell("restart_delay: exp_backoff_restart_delay counts")
		}
		a.set("restart.delay", milliseconds(delay), "exp_backoff_restart_delay").comment = ""
		a.set("restart.max_delay", milliseconds(max(delay, 15000)), "exp_backoff_restart_delay")
	}
	a.shortLives(given && !again)
}

// shortLives are those under min_uptime, of which there may be max_restarts.
func (a *pm2App) shortLives(never bool) {
	uptime, hasUptime := a.duration("min_uptime")
	limit, hasLimit := a.number("max_restarts")
	switch {
	case never && (hasUptime || hasLimit):
		a.tell("min_uptime, max_restarts: with autorestart=false there are no restarts")
		return
	case hasUptime:
		a.set("restart.reset_after", milliseconds(uptime), "min_uptime")
	default:
		uptime = 1000
	}
	if hasLimit && limit >= 0 {
		n := int(min(limit, 1<<30))
		a.set("restart.max_restarts", n, "max_restarts")
		a.set("restart.window", restartWindow(n, time.Duration(uptime)*time.Millisecond), "max_restarts")
		a.set("on_failure", "ignore", "max_restarts").comment = "as PM2, which goes on"
	}
}

var pm2Duration = regexp.MustCompile(`^([0-9]+)(h|m|s)?$`)

// duration is milliseconds, or PM2's "1h", "5m", "3s".
func (a *pm2App) duration(name string) (ms float64, ok bool) {
	text, given := a.text(name)
	if !given {
		return 0, false
	}
	m := pm2Duration.FindStringSubmatch(text)
	if m == nil {
		a.tell("%s=%s: it is no duration", name, clip(text))
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	return n * map[string]float64{"": 1, "s": 1e3, "m": 60e3, "h": 3600e3}[m[2]], err == nil && n < 1e9
}

var pm2Size = regexp.MustCompile(`^([0-9]+)([GMK])?$`)

// recycle: what PM2 restarts on purpose.
func (a *pm2App) recycle() {
	if text, ok := a.text("max_memory_restart"); ok {
		m := pm2Size.FindStringSubmatch(text)
		n, err := int64(0), error(nil)
		if m != nil {
			n, err = strconv.ParseInt(m[1], 10, 33)
			n *= map[string]int64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[m[2]]
		}
		if m == nil || err != nil || n < 1 {
			a.tell("max_memory_restart=%s: it is no size", clip(text))
		} else {
			a.set("recycle.memory", spec.Size(n).String(), "max_memory_restart")
			a.set("resources.required", false, "max_memory_restart").comment = "without cgroups nobody looks at the memory"
		}
	}
	v, ok := a.value("cron_restart")
	if !ok || v == false || !isCron(v) {
		return
	}
	schedule, exact := fiveFields(jsText(v))
	if !exact {
		a.tell("cron_restart=%s: five fields are wanted, minutes first", clip(jsText(v)))
	}
	if a.job {
		a.set("schedule.cron", schedule, "cron_restart").comment = "autorestart: false and cron_restart are a job; PM2 also runs it at the start"
		a.set("schedule.timezone", "Local", "cron_restart")
		return
	}
	a.set("recycle.schedule", schedule, "cron_restart").comment = "one worker after another, within jitter: 5m"
	a.set("recycle.timezone", "Local", "cron_restart") // goinit's own is UTC
}

// isCron: 0 and "0" switch it off.
func isCron(v any) bool { return len(strings.Fields(jsText(v))) > 1 }

// fiveFields leaves seconds out, which PM2 takes as a first field.
func fiveFields(s string) (schedule string, exact bool) {
	fields := strings.Fields(s)
	if len(fields) == 6 {
		return strings.Join(fields[1:], " "), fields[0] == "0"
	}
	return strings.Join(fields, " "), true
}

// stop: what an app says of it; see stopAsPM2.
func (a *pm2App) stop() {
	if timeout, ok := a.number("kill_timeout"); ok && timeout >= 0 && timeout != 1600 {
		a.set("stop.timeout", milliseconds(timeout), "kill_timeout")
	}
	if tree, given := a.truth("treekill"); given && !tree {
		a.set("stop.target", "process", "treekill")
		a.tell("treekill=false: SIGKILL takes the tree all the same")
	}
}

// stopAsPM2: SIGINT to the whole tree, and SIGKILL after 1.6 s. With several apps that is said once.
func (d *document) stopAsPM2() {
	s, path := &d.root, "defaults.stop."
	if len(d.apps) == 1 {
		s, path = &d.apps[0].section, "stop."
	}
	for _, l := range []struct{ key, value string }{{"signal", "SIGINT"}, {"target", "tree"}, {"timeout", "1600ms"}} {
		if s.find(path+l.key) == nil {
			s.set(path+l.key, l.value, "PM2's default")
		}
	}
	s.find(path + "signal").comment = "PM2's way; goinit's own is SIGTERM, process, 10s"
}

func (a *pm2App) watch() {
	v, ok := a.value("watch")
	paths, _ := a.many("watch")
	ignored, hasIgnored := a.many("ignore_watch")
	delay, hasDelay := a.number("watch_delay")
	options, hasOptions := a.value("watch_options")
	if !ok || v == false || v == "" {
		if hasIgnored || hasDelay || hasOptions {
			a.tell("ignore_watch, watch_delay, watch_options: nothing is watched")
		}
		return
	}
	if v == true || v == "true" || len(paths) == 0 {
		paths = []string{"."} // absent, goinit watches what node has loaded, and PM2 the folder
	}
	a.set("watch.paths", list(literals(paths)), "watch")
	if all := a.patterns(ignored); len(all) > 0 {
		a.set("watch.ignore", all, "ignore_watch")
	}
	if hasDelay && delay > 0 {
		a.set("watch.delay", milliseconds(delay), "watch_delay")
	}
	if hasOptions {
		a.tell("watch_options%s: goinit watches by inotify, which has none of them", within(options))
	}
	a.set("watch.action", "restart", "watch")
}

var regexpLike = regexp.MustCompile(`[\\^$()|+]|\[.*/.*\]`)

// patterns are those of ignore_watch that are not regular expressions.
func (a *pm2App) patterns(ignored []string) (all list) {
	for _, one := range ignored {
		if regexpLike.MatchString(one) {
			a.tell("ignore_watch %s: a regular expression, and patterns are wanted here", clip(one))
		} else if one != "" {
			all = append(all, literal(one))
		}
	}
	return all
}

func (a *pm2App) logs() {
	out, hasOut := a.text("out_file")
	errOut, hasErr := a.text("error_file")
	disabled, _ := a.truth("disable_logs")
	switch {
	case disabled, isNull(out) && isNull(errOut):
		a.set("logs.console", "off", "disable_logs")
	default:
		if hasOut && !isStandard(out) {
			a.tell("out_file=%s: output goes to goinit's own and to the log store: goinit ctl logs %s", out, a.name)
		}
		if hasErr && !isStandard(errOut) {
			a.tell("error_file=%s: both streams go to the log, each line knows which", errOut)
		}
	}
	switch kind, ok := a.text("log_type"); {
	case ok && kind == "json" && a.find("logs.console") == nil:
		a.set("logs.console", "json", "log_type")
	case ok && kind != "raw" && kind != "json":
		a.tell("log_type=%s: PM2 knows json only", clip(kind))
	}
}

func isNull(path string) bool { return path == "/dev/null" || path == "NULL" }

func isStandard(path string) bool { return !isFile(path) && !isNone(path) }
