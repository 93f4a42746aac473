package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func nothing(string) (string, bool) { return "", false }

func environ(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

func TestLoadFillsInEveryDefault(t *testing.T) {
	s, err := Load([]byte(`{"apps": {"web": {"command": ["node"]}}}`), nothing)
	if err != nil {
		t.Fatal(err)
	}
	want := &Spec{Version: 1, Messages: Messages{"info", "auto"}, LogStore: LogStore{"auto", 128 << 20, "none"}, Apps: []App{{
		Name: "web", Command: []string{"node"}, WorkingDir: ".", InheritEnvironment: true, Enabled: true,
		Workers: Workers{Count: 1}, MaxWorkers: 16, Balance: "auto", Node: "auto", NodePreload: true,
		Restart:   Restart{Policy: "always", SuccessCodes: []int{0}, Delay: Duration(100 * time.Millisecond), MaxDelay: Duration(30 * time.Second), ResetAfter: Duration(10 * time.Second)},
		OnFailure: "shutdown", Stop: Stop{"SIGTERM", "process", Duration(10 * time.Second), nil}, Logs: Logs{"auto", 8 << 20, 4, Duration(7 * 24 * time.Hour), "block", nil},
	}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if a := NewApp("web", "node"); !reflect.DeepEqual(a, want.Apps[0]) {
		t.Errorf("NewApp: %+v", a)
	}
	if a := NewApp("web", "$${X}", "${X"); !slices.Equal(a.Command, []string{"$${X}", "${X"}) {
		t.Errorf("NewApp: %q", a.Command)
	}
}

func TestLoadExpandsBeforeItDecodes(t *testing.T) {
	s, err := Load([]byte(`{"name": "${NAME:-shop}", "apps": {"web": {
		"command": ["${PROGRAM}", "$$x", "${MISSING}"], "workers": "${N}", "enabled": "${ON}", "nice": "${NICE:-5}",
		"environment": {"URL": "a${N}b", "LITERAL": "${DOLLARS}"}, "main": "${MAIN-true}",
		"stop": {"timeout": "${T}"}, "restart": {"success_codes": ["${N}"]}, "ulimits": {"nofile": "${N}"}}}}`),
		environ(map[string]string{"N": "4", "ON": "false", "T": "3s", "PROGRAM": "a b", "DOLLARS": "${N}$$"}))
	if err != nil {
		t.Fatal(err)
	}
	a := s.Apps[0]
	if s.Name != "shop" || !slices.Equal(a.Command, []string{"a b", "$x", ""}) || a.Workers.Count != 4 || a.Enabled || *a.Nice != 5 ||
		a.Stop.Timeout != Duration(3*time.Second) || a.Restart.SuccessCodes[0] != 4 || a.Ulimits["nofile"] != (Ulimit{4, 4}) {
		t.Errorf("%+v", a)
	}
	if !a.Main || a.Restart.Policy != "no" {
		t.Errorf("a main app is restarted: %+v", a.Restart)
	}
	if want := []Variable{{Name: "URL", Value: "a4b"}, {Name: "LITERAL", Value: "${N}$$"}}; !reflect.DeepEqual(a.Environment, want) {
		t.Errorf("environment %v, want %v: what a variable holds is not read again", a.Environment, want)
	}
	if !slices.Equal(s.Unset, []string{"MISSING"}) {
		t.Errorf("unset %v", s.Unset)
	}
}

func TestLoadTellsEveryMistake(t *testing.T) {
	_, err := Load([]byte(`{"version": 2, "bogus": 1, "apps": {
		"web": {"command": ["x"], "workers": "${N}", "stop": {"timeout": 10}, "environment": {"A": null, "B": "${B:?set it}"}},
		"All": {"command": "x"}, "all": {"command": []}, "db": {"readiness": {}},
		"a": {"command": ["x"], "depends_on": {"b": "started"}}, "b": {"command": ["x"], "depends_on": {"a": {"condition": "started"}}},
		"c": {"command": [""], "depends_on": {"nobody": "started", "perhaps": {"required": false}, "web": "completed"}, "restart": {"delay": "1m", "max_delay": "1s"}}}}`),
		environ(map[string]string{"N": "many"}))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want Problems", err)
	}
	for _, want := range []string{
		"version: 2 is not from 1 to 1", "bogus: is not a key of this version",
		`apps.web.workers: "many" is not a number of workers`, `apps.web.stop.timeout: "10" has no unit: write 10s or 10ms`,
		"apps.web.environment.A: null", "apps.web.environment.B: ${B} is not set or empty: set it",
		`apps.All: "All" is not a name`, "apps.All.command: a list is wanted here", `apps.all: "all" means every app`, "apps.all.command: is empty",
		"apps.db.readiness: one of notify, fd, node, listening, log, http, tcp, exec is wanted in it", "apps.db: has nothing to run",
		"apps.b.depends_on.a: a cycle, nothing in it could start first: a → b → a",
		"apps.c.command: its first word, the program, is empty", `apps.c.depends_on.nobody: there is no app "nobody"`,
		"apps.c.depends_on.web: web never completes", "apps.c.restart.max_delay: 1s is less than delay, 1m",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s", want)
		}
	}
	if len(problems) != 17 || t.Failed() {
		t.Errorf("%d problems:\n%v", len(problems), err)
	}
}

func TestLoadIsBoundedAndStrict(t *testing.T) {
	var many strings.Builder
	for i := range MaxApps + 1 {
		fmt.Fprintf(&many, `,"a%d": {"command": ["x"]}`, i)
	}
	app := `"apps": {"web": {"command": ["x"]}}`
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", "too early"},
		"cut":           {`{"apps": {`, "too early"},
		"not an object": {`[]`, "a mapping is wanted"},
		"text":          {`x`, "line 1"},
		"line":          {"{\n\"a\":\n1,,}", "line 3"},
		"two":           {"{" + app + "} {}", "behind its end"},
		"key twice":     {"{" + app + "," + app + "}", `key "apps" twice`},
		"deep":          {strings.Repeat("[", 1000), "nested more than 32 deep"},
		"long":          {strings.Repeat(" ", MaxBytes+1), "longer than 4 MiB"},
		"many":          {`{"apps": {` + many.String()[1:] + "}}", "1001 apps, more than 1000"},
		"no apps":       {`{}`, "apps: is missing"},
		"empty apps":    {`{"apps": []}`, "apps: is empty"},
		"twice":         {`{"apps": [{"name": "a", "command": ["x"]}, {"name": "a", "command": ["x"]}]}`, "apps.a: is there twice"},
		"no name":       {`{"apps": [{"command": ["x"]}]}`, "an app without a name"},
		"dependencies":  {`{"apps": {"web": {"command": ["x"], "depends_on": [` + strings.Repeat(`"web",`, 5_000) + `"web"]}}}`, "more than there can be apps"},
		"NUL":           {`{"apps": {"web": {"command": ["x\u0000"]}}}`, "NUL"},
		"format":        {`{"compiled": {"format": 2},` + app + "}", "compile it again"},
		"variable":      {`{"apps": {"web": {"command": ["x"], "environment": {"A=B": ""}}}}`, "is not the name of a variable"},
		"socket":        {`{"control": {"socket": "/` + strings.Repeat("x", 107) + `"},` + app + "}", "107 at most"},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := Load([]byte(c.text), nothing); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v, want an error with %q", s, err, c.want)
			}
		})
	}
	bomb := `{"apps": {"web": {"command": [` + strings.Repeat(`"${X}",`, 1000) + `"x"]}}}`
	if _, err := Load([]byte(bomb), environ(map[string]string{"X": strings.Repeat("x", 100<<10)})); err == nil || !strings.Contains(err.Error(), "8 MiB together") {
		t.Errorf("a bomb of variables: %.200v", err)
	}
}

func TestEncodeAndEqual(t *testing.T) {
	text := `{"apps": {"web": {"command": ["x", "$$HOME <&>", "${A}"], "environment": {"A": "$$$$", "S": {"file": "/x"}}, "workers": "auto",
		"ulimits": {"core": {"soft": 0, "hard": "unlimited"}}, "depends_on": {"db": "ready"}, "shutdown": 1}, "db": {"command": ["y"]}}}`
	text = strings.Replace(text, `, "shutdown": 1`, "", 1)
	s, err := Load([]byte(text), environ(map[string]string{"A": "${B}"}))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(encoded, nothing)
	if err != nil {
		t.Fatalf("%v\n%s", err, encoded)
	}
	if !reflect.DeepEqual(s, again) {
		t.Errorf("got %+v\nwant %+v", again, s)
	}
	one, err := json.Marshal(s.Apps[0])
	if err != nil {
		t.Fatal(err)
	}
	a, err := LoadApp(one)
	if err != nil || !reflect.DeepEqual(a, s.Apps[0]) {
		t.Errorf("LoadApp: %+v, %v", a, err)
	}
	var plain App
	if err := json.Unmarshal(one, &plain); err != nil || !reflect.DeepEqual(plain, a) {
		t.Errorf("encoding/json alone: %+v, %v", plain, err)
	}
	if !Equal(a, s.Apps[0]) || Digest(a) != Digest(s.Apps[0]) {
		t.Error("equal apps are not Equal")
	}
	a.Tags = []string{}
	if !Equal(a, s.Apps[0]) {
		t.Error("an empty list is not an absent one")
	}
	a.Environment = slices.Clone(a.Environment)
	a.Environment[0].Value = "other"
	if Equal(a, s.Apps[0]) || Digest(a) == Digest(s.Apps[0]) {
		t.Error("apps with another variable are Equal")
	}
	if _, err := LoadApp([]byte(`{"command": ["x"]}`)); err == nil {
		t.Error("an app without a name")
	}
}

// Whatever changes in an App changes what Equal compares: a field that JSON leaves out would never be applied.
func TestEqualSeesEveryField(t *testing.T) {
	typ := reflect.TypeFor[App]()
	for i := range typ.NumField() {
		var a App
		set(t, reflect.ValueOf(&a).Elem().Field(i))
		if Equal(a, App{}) {
			t.Errorf("%s is not compared", typ.Field(i).Name)
		}
	}
}

func set(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(time.Second))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("x"), reflect.Zero(v.Type().Elem()))
	case reflect.Struct:
		set(t, v.Field(0))
	default:
		t.Fatalf("a field of kind %v", v.Kind())
	}
}

func TestStale(t *testing.T) {
	c := &Compiled{Format: 1, Sources: []Source{{"goinit.yaml", "aa"}, {"conf.d/x.yaml", "bb"}}}
	sums := map[string]string{"/etc/goinit/goinit.yaml": "aa"}
	sum := environ(sums)
	if err := c.Stale("/etc/goinit", sum); err != nil {
		t.Error(err)
	}
	sums["/etc/goinit/conf.d/x.yaml"] = "cc"
	if err := c.Stale("/etc/goinit", sum); err == nil || !strings.Contains(err.Error(), "/etc/goinit/conf.d/x.yaml") {
		t.Errorf("got %v", err)
	}
	if err := (*Compiled)(nil).Stale("/", sum); err != nil {
		t.Error(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"apps": {"web": {"command": ["${X:-a}"], "environment": {"A": {"file": "x"}}, "depends_on": ["b"]}}}`))
	f.Add([]byte(`{"apps": [{"name": "a", "command": ["x"], "restart": "no", "ulimits": {"nofile": {"soft": 1}}, "env_file": [".env"]}], "compiled": {"format": 1, "sources": [{}]}}`))
	f.Add([]byte(`{"version": "${V", "apps": {"a": null, "b": [], "c": {"command": {}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Load(data, environ(map[string]string{"X": "$y", "N": "1"}))
		if (s == nil) == (err == nil) {
			t.Fatal("neither a spec nor an error, or both")
		}
		if _, err := Check(data); err != nil && s != nil {
			t.Fatalf("loaded, and Check says %v", err)
		}
		if s == nil {
			return
		}
		encoded, err := Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Load(encoded, nothing)
		if err != nil {
			t.Fatalf("loaded, encoded, and then: %v\n%s", err, encoded)
		}
		for i := range s.Apps {
			if !Equal(s.Apps[i], again.Apps[i]) {
				t.Fatalf("another app:\n%s", encoded)
			}
		}
	})
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for text, want := range map[string]string{"geheim\n": "geheim", "geheim": "geheim", "geheim\r\n": "geheim", "a\n\n": "a\n", "": "", "a$b": "a$b"} {
		if got, err := ReadSecret(write("s", text)); err != nil || got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for name, path := range map[string]string{"NUL": write("nul", "geheim\x00"), "long": write("long", strings.Repeat("geheim", 1<<16)), "folder": dir, "none": dir + "/none"} {
		if got, err := ReadSecret(path); err == nil || got != "" || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := ReadEnvFile(dir+"/none", true, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing env_file is %v", err)
	}
	if all, err := ReadEnvFile(dir+"/none", false, nil); err != nil || all != nil {
		t.Errorf("a missing env_file that is not required is %v, %v", all, err)
	}
	if all, err := ReadEnvFile(write("env", "A=1"), true, nil); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := ReadEnvFile(write("env", "A=1\nGEHEIM"), true, nil); err == nil || !strings.Contains(err.Error(), dir+"/env: line 2") || strings.Contains(err.Error(), "GEHEIM") {
		t.Errorf("%v", err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecret(dir + "/fifo"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a FIFO: %v", err)
	}
}
