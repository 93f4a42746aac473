package ctl

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"goinit/spec/compile"
)

// TestConvert converts configurations as they are found in public projects, one a folder of testdata/convert: TOOL-NAME with the file,
// the flags if there are any, and want.yaml. What comes out has no mistakes, but for keys that this version does not have yet.
func TestConvert(t *testing.T) {
	folders, err := filepath.Glob("testdata/convert/*")
	if err != nil || len(folders) < 15 {
		t.Fatalf("%d configurations, %v", len(folders), err)
	}
	for _, folder := range folders {
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			file := foreignFile(t, folder)
			if strings.Contains(file, ".config.") {
				needNode(t)
			}
			tool, _, _ := strings.Cut(name, "-")
			args := []string{"convert", tool, file}
			if flags, err := os.ReadFile(filepath.Join(folder, "flags")); err == nil {
				args = append(args, strings.Fields(string(flags))...)
			}
			t.Chdir(folder)
			got, status := newBed(t).run(t, args...)
			if status != 0 {
				t.Fatalf("status %d\n%s", status, got)
			}
			wd, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "want.yaml", strings.ReplaceAll(got, wd, "/HERE"))
			faultless(t, got)
		})
	}
}

// foreignFile is the file of a folder that is converted.
func foreignFile(t *testing.T, folder string) string {
	t.Helper()
	for _, pattern := range []string{"supervisord.conf", "ecosystem.*", "process.json", "Procfile*"} {
		if found, _ := filepath.Glob(filepath.Join(folder, pattern)); len(found) == 1 {
			return filepath.Base(found[0])
		}
	}
	t.Fatalf("%s: there is no configuration in it", folder)
	return ""
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-update writes it anew); got:\n%s", file, got)
	}
}

// faultless: what was written has no mistakes.
func faultless(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "goinit.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, problems := compile.Compile(file, compile.OS{})
	for _, p := range problems {
		t.Errorf("a mistake in what was written: %v", p)
	}
}

func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed: an ecosystem.config.js is a program")
	}
}

func TestConvertOut(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "Procfile", "web: node server.js\n")
	out, status := newBed(t).run(t, "convert", "procfile", "Procfile", "--out", "goinit.yaml")
	if status != 0 || out != "" {
		t.Errorf("status %d, %q", status, out)
	}
	if text, err := os.ReadFile("goinit.yaml"); err != nil || !strings.Contains(string(text), "command: node server.js") {
		t.Errorf("%v\n%s", err, text)
	}
}

// What is wrong with a file is told with its place, and nothing is written.
func TestConvertMistakes(t *testing.T) {
	for _, c := range []struct {
		file, text, tool, want string
	}{
		{"Procfile", "web: x\nnonsense\n", "procfile", "Procfile:2:1: a line is NAME: COMMAND\n   2 | nonsense\n"},
		{"Procfile", "# nothing\n", "procfile", "Procfile: is empty: a line is NAME: COMMAND\n"},
		{"Procfile", "web: x\nweb: y\n", "procfile", "Procfile:2:1: \"web\" twice: it is in line 1 already\n   2 | web: y\n"},
		{"Procfile", "web: \x00\n", "procfile", "Procfile:1:1: has a control character: it is no text\n   1 | web: ?\n"},
		{"", "", "procfile", "nowhere: cannot open it: no such file or directory\n"},
		{"s.conf", "command=x\n", "supervisord", "s.conf:1:1: stands ahead of the first [section]\n   1 | command=x\n"},
		{"s.conf", "[program:a]\n  what\n", "supervisord", "s.conf:2:3: is neither [section] nor NAME=VALUE\n   2 |   what\n"},
		{"s.conf", "[program:a]\nuser=x\n", "supervisord", "s.conf:1:1: [program:a] without command=\n   1 | [program:a]\n"},
		{"s.conf", "[supervisord]\n", "supervisord", "s.conf: has no [program:NAME]: there is nothing to run\n"},
		{"s.conf", "[program:a]\ncommand=x 'y\n", "supervisord", "s.conf:2:1: command: a ' is not closed\n   2 | command=x 'y\n"},
		{"s.conf", "[program:a]\ncommand=x 50%\n", "supervisord", "s.conf:2:1: command: a % is neither %% nor %(NAME)s: \"%\"\n   2 | command=x 50%\n"},
		{"s.conf", "[program:a]\ncommand=x %(nmae)s\n", "supervisord",
			"s.conf:2:1: command: %(nmae)s is none of %(ENV_X)s, %(group_name)s, %(here)s, %(host_node_name)s, %(numprocs)s, %(process_num)s, %(program_name)s\n   2 | command=x %(nmae)s\n"},
		{"s.conf", "[program:a]\ncommand=x\nnumprocs=2\nprocess_name=a\n", "supervisord",
			"s.conf:4:1: process_name: %(process_num)d has to be in it where numprocs is more than 1\n   4 | process_name=a\n"},
		{"s.conf", "[program:a]\ncommand=x\nautostart=maybe\n", "supervisord", "s.conf:3:1: autostart: \"maybe\" is neither true nor false\n   3 | autostart=maybe\n"},
		{"s.conf", "[program:a]\ncommand=x\nenvironment=A=b,C\n", "supervisord", "s.conf:3:1: environment: NAME=VALUE is wanted at C\n   3 | environment=A=b,C\n"},
		{"s.conf", "[program:a]\ncommand=x\nstopsignal=TREM\n", "supervisord", "s.conf:3:1: stopsignal: \"TREM\" is no signal\n   3 | stopsignal=TREM\n"},
		{"s.conf", "[program:a]\ncommand=x\n[group:g]\nprograms=a,b\n", "supervisord", "s.conf:4:1: programs: there is no [program:b]\n   4 | programs=a,b\n"},
		{"e.json", "{\"apps\": [\n  {\"script\": \"a.js\" \"name\": \"b\"}\n]}\n", "pm2",
			"e.json:2:21: is not JSON: invalid character '\"' after object key:value pair; what is JavaScript goes into an ecosystem.config.js\n   2 |   {\"script\": \"a.js\" \"name\": \"b\"}\n"},
		{"e.json", "{\"apps\": [", "pm2", "e.json:1:11: is not JSON: it ends too early\n   1 | {\"apps\": [\n"},
		{"e.json", "{\"apps\": []}", "pm2", "e.json: has no apps: there is nothing to run\n"},
		{"e.json", "{\"apps\": [{\"name\": \"x\"}]}", "pm2", "e.json: apps[0] has no script: there is nothing to run\n"},
		{"e.yaml", "apps:\n  - script: a.js\n   name: b\n", "pm2", "e.yaml:3:4: is not YAML: did not find expected '-' indicator\n   3 |    name: b\n"},
		{"e.yaml", "5\n", "pm2", "e.yaml: holds no object with apps: in it\n"},
		{"e.config.js", "module.exports = {\n  apps: [ foo bar ],\n}\n", "pm2",
			"e.config.js:2:15: SyntaxError: Unexpected identifier 'bar'\n   2 |   apps: [ foo bar ],\n"},
		{"e.config.js", "const x = undefined\nmodule.exports = { apps: x.y }\n", "pm2",
			"e.config.js:2:28: TypeError: Cannot read properties of undefined (reading 'y')\n   2 | module.exports = { apps: x.y }\n"},
		{"e.config.js", "module.exports = () => 5\n", "pm2", "e.config.js: exports a function (anonymous), and PM2 takes an object only\n"},
		{"e.config.js", "process.exit(0)\n", "pm2", "e.config.js: node ran it, and it ended before it exported anything\n"},
		{"e.config.js", "process.exit(7)\n", "pm2", "e.config.js: node failed (exit status 7)\n"},
		{"", "", "pm2", "nowhere: cannot open it: no such file or directory\n"},
	} {
		t.Run(c.tool+" "+c.file, func(t *testing.T) {
			if strings.HasSuffix(c.file, ".js") {
				needNode(t)
			}
			t.Chdir(t.TempDir())
			file := "nowhere"
			if c.file != "" {
				file = c.file
				write(t, file, c.text)
			}
			got, status := newBed(t).run(t, "convert", c.tool, file)
			if status != 1 || got != c.want {
				t.Errorf("status %d, got\n%s\nwant\n%s", status, got, c.want)
			}
		})
	}
}

func TestConvertWithoutNode(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", t.TempDir())
	write(t, "ecosystem.config.js", "module.exports = {apps: []}\n")
	want := `ecosystem.config.js: it is a program, and there is no node in PATH to run it
  where node is: node -p 'JSON.stringify(require("./ecosystem.config.js"))' > ecosystem.json
  then: goinit ctl convert pm2 ecosystem.json
`
	if got, status := newBed(t).run(t, "convert", "pm2", "ecosystem.config.js"); status != 1 || got != want {
		t.Errorf("status %d, got\n%s", status, got)
	}
}

// A configuration that never ends is ended, with whatever it has started: a FIFO is at its end when the last has gone that wrote to it.
func TestConvertEndless(t *testing.T) {
	needNode(t)
	t.Chdir(t.TempDir())
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, "ecosystem.config.js", `const fifo = require("fs").openSync("fifo", "w")
require("child_process").spawn("sleep", ["1000"], {stdio: ["ignore", fifo, fifo]})
require("fs").writeSync(fifo, "began")
for (;;);
`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := runNode(ctx, node, "ecosystem.config.js")
		if f, err := os.OpenFile("fifo", os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			f.Close() // nobody waits for a node that could not begin
		}
		done <- err
	}()
	fifo, err := os.Open("fifo")
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	if began, err := io.ReadAll(io.LimitReader(fifo, 5)); string(began) != "began" {
		t.Fatalf("it did not begin: %q, %v, %v", began, err, <-done)
	}
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "node is still running it") {
		t.Errorf("error %v", err)
	}
	if rest, err := io.ReadAll(fifo); len(rest) > 0 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestConvertUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "goinit ctl: from what? goinit ctl convert procfile, pm2 or supervisord\n  goinit ctl help\n"},
		{[]string{"supervisor", "x"}, "goinit ctl: supervisor is supervisord here: goinit ctl convert supervisord\n  goinit ctl help\n"},
		{[]string{"systemd", "x"}, "goinit ctl: cannot convert from \"systemd\": goinit ctl convert procfile, pm2 or supervisord\n  goinit ctl help\n"},
		{[]string{"pm2"}, "goinit ctl: accepts 1 arg(s), received 0\n  goinit ctl help\n"},
	} {
		if got, status := newBed(t).run(t, append([]string{"convert"}, c.args...)...); status != 64 || got != c.want {
			t.Errorf("%v: status %d, got\n%s", c.args, status, got)
		}
	}
}
