package convert

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goinit/spec"
	"goinit/spec/compile"
)

// memory is files that are not on a disk.
type memory map[string]string

func (m memory) ReadFile(path string, limit int) ([]byte, error) {
	text, ok := m[path]
	switch {
	case !ok:
		return nil, errors.New("cannot open it: no such file or directory")
	case len(text) > limit:
		return nil, errors.New("too large")
	}
	return []byte(text), nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var found []string
	for path := range m {
		if ok, err := filepath.Match(pattern, path); err != nil {
			return nil, errors.New("is not a pattern")
		} else if ok {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found, nil
}

// loaded is an app as goinit would have it; keys that are not available yet are left out.
func loaded(t *testing.T, text []byte, app string) spec.App {
	t.Helper()
	out, problems := compile.Compile("goinit.yaml", single(text))
	if problems != nil {
		t.Fatalf("%v\n%s", problems, text)
	}
	s, err := spec.Load(out, func(name string) (string, bool) { return "value of " + name, true })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, a := range s.Apps {
		if a.Name == app {
			return a
		}
	}
	t.Fatalf("no app %s in\n%s", app, text)
	return spec.App{}
}

// What a program is given is what its own tool would have given it, through YAML, the splitting of words and the expansion of ${…}.
func TestWords(t *testing.T) {
	hostile := []string{"plain", "two words", `"double"`, "'single'", "$HOME", "${HOME}", "$$", "$${X}", "a: b", "a #b", "*", "~", "-", "--x={a,b}", "no", "null",
		"0x1F", "1e3", "1:30", "", `back\slash`, "tab\there", "new\nline", "ünïcode", "a;b|c", "%h", "!tag", "&anchor", "[x]", "x]", "@", "`x`", "\u2028", "'\"'", " lead", "trail "}
	arguments := make([]any, 0, len(hostile))
	environment := jsObject{}
	for i, s := range hostile {
		arguments = append(arguments, s)
		environment = append(environment, jsMember{"V" + string(rune('A'+i)), s})
	}
	var b strings.Builder
	writeJSON(&b, jsObject{{"script", "app.js"}, {"args", arguments}, {"env", environment}})
	text, err := PM2("ecosystem.json", memory{"ecosystem.json": b.String()}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	a := loaded(t, text, "app")
	if want := append([]string{"node", "app.js"}, hostile...); !slices.Equal(a.Command, want) {
		t.Errorf("got\n%q\nwant\n%q", a.Command, want)
	}
	for i, s := range hostile {
		if a.Environment[i].Value != s {
			t.Errorf("variable %q became %q", s, a.Environment[i].Value)
		}
	}
}

func TestSupervisordWords(t *testing.T) {
	text, err := Supervisord("s.conf", memory{"s.conf": `
[program:a]
command=/bin/x "two words" 'a"b' c\ d %(ENV_HOME)s "%(ENV_A)s-$%(ENV_B)s" 100%% $$ ${no}   ; a comment
	--next line
environment=A=1,B="x,y",C='it"s',D=%(ENV_HOME)s/bin, E = "50%%"
`}.with("%(ENV_A)s", "%(ENV_X)s"))
	if err != nil {
		t.Fatal(err)
	}
	a := loaded(t, text, "a")
	want := []string{"/bin/x", "two words", `a"b`, "c d", "value of HOME", "value of X-$x,y", "100%", "$$", "${no}", "--next", "line"}
	if !slices.Equal(a.Command, want) {
		t.Errorf("got\n%q\nwant\n%q", a.Command, want)
	}
	for i, want := range []string{"1", "x,y", `it"s`, "value of HOME/bin", "50%"} {
		if got := a.Environment[i].Value; got != want {
			t.Errorf("%s is %q, want %q", a.Environment[i].Name, got, want)
		}
	}
}

// with replaces a text in every file.
func (m memory) with(old, text string) memory {
	for path := range m {
		m[path] = strings.ReplaceAll(m[path], old, text)
	}
	return m
}

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		line   string
		words  []string
		single bool
		exec   string
	}{
		{"node server.js", []string{"node", "server.js"}, true, ""},
		{"exec node 'a b' \"c d\"", []string{"node", "a b", "c d"}, true, ""},
		{"node -p $PORT", nil, true, "exec node -p $PORT"},
		{"A=1 B='x y' node -p $PORT", nil, true, "A=1 B='x y' exec node -p $PORT"},
		{"node *.js", nil, true, "exec node *.js"},
		{`node "$X"`, nil, true, `exec node "$X"`},
		{"exec node $X", nil, true, "exec node $X"},
		{"cd a && node", nil, false, ""},
		{"cd a", nil, false, ""},
		{"node > /dev/null", nil, false, ""},
		{"node 'open", nil, false, ""},
		{`node "a \" b"`, nil, false, ""},
		{"", nil, false, ""},
	} {
		got := parseLine(c.line)
		if !slices.Equal(got.words, c.words) || got.single != c.single {
			t.Errorf("%q: %+v", c.line, got)
		}
		if c.exec != "" && withExec(c.line) != c.exec {
			t.Errorf("%q: %q", c.line, withExec(c.line))
		}
	}
}

// Every attribute of PM2's schema (7.0.4) is known here, and none is both mapped and told.
func TestPM2Attributes(t *testing.T) {
	schema := strings.Fields(`script name name_prefix filter_env namespace install_url cwd args exec_interpreter node_args out_file error_file log_file
		disable_logs log_type log_date_format time env max_memory_restart pid_file restart_delay exp_backoff_restart_delay source_map_support
		disable_source_map_support wait_ready instances kill_timeout shutdown_with_message listen_timeout cron_restart merge_logs vizion autostart
		autorestart stop_exit_codes watch_delay watch ignore_watch watch_options min_uptime max_restarts execute_command exec_mode force
		append_env_to_name post_update trace disable_trace v8 event_loop_inspector deep_monitoring increment_var instance_var pmx automation treekill
		port username uid gid windowsHide kill_retry_time write io`)
	for _, name := range schema {
		_, told := pm2Told[name]
		if mapped := slices.Contains(pm2Mapped, name); mapped == told {
			t.Errorf("%s: mapped %v, told %v", name, mapped, told)
		}
	}
	if known := len(pm2Mapped) + len(pm2Told); known != len(schema) {
		t.Errorf("%d attributes are known, and PM2 has %d", known, len(schema))
	}
}

// No option is dropped without a word: it changes what is written, or it is in a comment.
func TestNothingIsDropped(t *testing.T) {
	base := `{"script": "app.js", "name": "a"`
	plain, err := PM2("e.json", memory{"e.json": base + "}"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(slices.Clone(pm2Mapped), "wathc", "some_option") {
		value := map[string]string{
			"name_prefix": `"x-"`, "instances": "3", "env": `{"A": 1}`, "watch": `["src"]`, "cron_restart": `"0 3 * * *"`, "min_uptime": `"5s"`, "uid": `"node"`, "user": `"node"`,
			"exec_mode": `"cluster"`, "exec_interpreter": `"bash"`, "namespace": `"n"`, "autostart": "false", "autorestart": "false", "treekill": "false",
			"log_type": `"json"`, "max_memory_restart": `"1G"`, "script": `"b.js"`, "name": `"b"`,
		}[name]
		if value == "" {
			value = "7777"
		}
		if name == "execute_command" || name == "append_env_to_name" {
			continue // they change what others mean
		}
		text, err := PM2("e.json", memory{"e.json": base + `, "` + name + `": ` + value + "}"}, nil, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if string(text) == string(plain) {
			t.Errorf("%s=%s is dropped without a word", name, value)
		}
	}
	before, err := Supervisord("s", memory{"s": "[program:a]\ncommand=x %(process_num)d"})
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range strings.Fields(`process_name=x numprocs_start=3 priority=1 autostart=false startsecs=5 startretries=5 autorestart=false exitcodes=3
		stopsignal=INT stopwaitsecs=3 stopasgroup=true killasgroup=false user=u redirect_stderr=true stdout_logfile=/x stdout_capture_maxbytes=1MB
		stdout_events_enabled=1 stdout_syslog=true stderr_logfile=/x stderr_capture_maxbytes=1MB stderr_events_enabled=1 stderr_syslog=true environment=A=1
		directory=/x umask=002 serverurl=http://x/ nonsense=1 numprocs=0`) {
		after, err := Supervisord("s", memory{"s": "[program:a]\ncommand=x %(process_num)d\n" + option})
		if err != nil {
			t.Errorf("%s: %v", option, err)
		} else if string(before) == string(after) {
			t.Errorf("%s is dropped without a word", option)
		}
	}
}

// What goinit does not take is told, with why, and what is left is a spec.
func TestRefused(t *testing.T) {
	text, err := Supervisord("s.conf", memory{"s.conf": "[supervisord]\numask=9\n[program:a]\ncommand=x\nuser=a b\nexitcodes=300\numask=8\nstopsignal=STOP\n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# [supervisord] umask:", "# - user: ", "# - exitcodes: ", "# - umask: ", "# - stopsignal: "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	loaded(t, text, "a")
}

// Whatever an attribute holds, what comes out is a spec.
func TestHostileValues(t *testing.T) {
	values := []any{"", "x", "-1", "a b ${X", "9999999999999999", "* * * * *", "\x00", nil, true, 0.0, -0.5, 1e300, []any{}, []any{"a", nil, jsObject{}},
		jsObject{}, jsObject{{"A B", "x"}, {"", nil}, {"x-y", []any{}}}, jsObject{{"$function", "f"}}}
	for _, value := range values {
		var apps []any
		for _, name := range slices.Concat(pm2Mapped, []string{"io", "nonsense", "env_x", "$function", ""}) {
			if name != "script" {
				apps = append(apps, jsObject{{"script", "app.js"}, {"watch", true}, {"wait_ready", true}, {"env", jsObject{}}}.with(name, value))
			}
		}
		var b strings.Builder
		writeJSON(&b, apps)
		text, err := PM2("e.json", memory{"e.json": b.String()}, nil, "")
		if err != nil && value != "\x00" { // in a command: that is the end
			t.Errorf("%v: %v", value, err)
		}
		checked(t, text, err)
	}
	for _, option := range strings.Fields(`process_name numprocs numprocs_start autostart startsecs startretries autorestart exitcodes stopsignal stopwaitsecs user umask
		stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups stdout_capture_maxbytes environment directory command priority`) {
		for _, value := range []string{"", "-1", "99999999", "a b", "%(process_num)02d", "$%(ENV_X)s", "A=%(ENV_X)s%(process_num)d,B='$(x)'"} {
			text, err := Supervisord("s", memory{"s": "[program:a]\nnumprocs=2\nprocess_name=%(process_num)d\ncommand=x\nstdout_logfile=/x\n" + option + "=" + value + "\n"})
			checked(t, text, err)
		}
	}
}

func seeds(f *testing.F, names ...string) {
	for _, name := range names {
		found, _ := filepath.Glob("../../ctl/testdata/convert/*/" + name)
		if len(found) == 0 {
			f.Fatalf("there is no %s", name)
		}
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
}

// checked: what comes out has no mistakes, whatever went in.
func checked(t *testing.T, text []byte, err error) {
	t.Helper()
	if err != nil {
		return
	}
	_, problems := compile.Compile("goinit.yaml", single(text))
	for _, p := range problems {
		t.Errorf("%v\n%s", p, text)
	}
}

func FuzzSupervisord(f *testing.F) {
	seeds(f, "supervisord.conf")
	f.Fuzz(func(t *testing.T, in string) {
		text, err := Supervisord("s.conf", memory{"s.conf": in})
		checked(t, text, err)
	})
}

func FuzzProcfile(f *testing.F) {
	seeds(f, "Procfile")
	f.Fuzz(func(t *testing.T, in string) {
		text, err := Procfile("Procfile", memory{"Procfile": in, ".env": in})
		checked(t, text, err)
	})
}

func FuzzPM2(f *testing.F) {
	seeds(f, "*.json")
	f.Fuzz(func(t *testing.T, in string) {
		text, err := PM2("e.json", memory{"e.json": in}, nil, "")
		checked(t, text, err)
	})
}

func FuzzPM2YAML(f *testing.F) {
	seeds(f, "ecosystem.yaml")
	f.Fuzz(func(t *testing.T, in string) {
		text, err := PM2("e.yaml", memory{"e.yaml": in}, nil, "")
		checked(t, text, err)
	})
}

// JSON comes out as it went in: places are kept, strings are not touched.
func FuzzWithoutComments(f *testing.F) {
	f.Add(`{"a": "x // y", /* c */ "b": [1, 2,], } // end`)
	f.Fuzz(func(t *testing.T, in string) {
		out := withoutComments(in)
		if len(out) != len(in) || json.Valid([]byte(in)) && out != in {
			t.Errorf("%q became %q", in, out)
		}
	})
}
