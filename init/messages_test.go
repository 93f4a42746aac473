package pid1_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/messages.golden anew")

var goVersion = regexp.MustCompile(`go1\.[0-9.]+, linux/\w+`)

// Every message that a user can cause, word for word: what happened, why, and one line of remedy.
func TestMessages(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("server.js", "console.log(1)\n", 0o644)
	write("windows.sh", "#!/bin/sh\r\nexit 0\r\n", 0o755)
	write("bad.sh", "#!/usr/bin/nopython -u\n", 0o755)
	write("empty", "", 0o755)
	write("garbage", "\x7fELF\x02\x01\x01\x00 of another machine", 0o755)
	// A program for another C library: /bin/true with the name of its loader changed.
	b, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	write("musl", strings.Replace(string(b), "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1\x00\x00\x00", 1), 0o755)
	os.Mkdir(filepath.Join(dir, "with-spec"), 0o755)
	write("with-spec/goinit.yaml", "apps: {}\n", 0o644)
	lonely := filepath.Join(dir, "lonely")
	if out, err := exec.Command("cp", goinit, lonely).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}

	var got strings.Builder
	for _, c := range []struct {
		argv []string
		env  string
		dir  string
	}{
		{argv: []string{"goinit"}},
		{argv: []string{"goinit"}, env: "GOINIT_SPEC=/srv/goinit.yaml"},
		{argv: []string{"goinit"}, dir: "with-spec"},
		{argv: []string{"goinit", "--"}},
		{argv: []string{"goinit", "run"}},
		{argv: []string{"goinit", "run", "--help"}},
		{argv: []string{"goinit", "run", "web/0"}},
		{argv: []string{"goinit", "run", "--empty", "-f", "goinit.yaml"}},
		{argv: []string{"goinit", "run", "--empty", "web"}},
		{argv: []string{"goinit", "run", "--watch"}},
		{argv: []string{"goinit", "run", "--detach=yes"}},
		{argv: []string{"goinit", "ctl", "ps"}},
		{argv: []string{"lonely", "ctl", "ps"}},
		{argv: []string{"goinit", "nodee"}},
		{argv: []string{"goinit", "nodee"}, env: "PATH"},
		{argv: []string{"goinit", "node server.js"}},
		{argv: []string{"goinit", ""}},
		{argv: []string{"goinit", "/nonexistent/node"}},
		{argv: []string{"goinit", "./nonexistent"}},
		{argv: []string{"goinit", "./server.js"}},
		{argv: []string{"goinit", "/etc"}},
		{argv: []string{"goinit", "./windows.sh"}},
		{argv: []string{"goinit", "./bad.sh"}},
		{argv: []string{"goinit", "./musl"}},
		{argv: []string{"goinit", "./garbage"}},
		{argv: []string{"goinit", "./empty"}},
		{argv: []string{"goinit", "musl"}, env: "PATH=" + dir},
		{argv: []string{"goinit", "bad.sh"}, env: "PATH=" + dir},
		{argv: []string{"goinit", "--no-such", "node"}},
		{argv: []string{"goinit", "-x", "node"}},
		{argv: []string{"goinit", "-p"}},
		{argv: []string{"goinit", "--stop-grace"}},
		{argv: []string{"goinit", "--stop-grace", "5", "node"}},
		{argv: []string{"goinit", "--stop-grace=soon", "node"}},
		{argv: []string{"goinit", "-p", "TREM", "node"}},
		{argv: []string{"goinit", "-p", "KILL", "node"}},
		{argv: []string{"goinit", "-r", "KILL:TERM", "node"}},
		{argv: []string{"goinit", "-r", "TERM", "node"}},
		{argv: []string{"goinit", "--hold", "TERM", "node"}},
		{argv: []string{"goinit", "-e", "300", "node"}},
		{argv: []string{"goinit", "--quiet=0", "node"}},
		{argv: []string{"goinit", "--warn-reaped=maybe", "node"}},
		{argv: []string{"goinit", "node"}, env: "GOINIT_STOP_GRACE=5"},
		{argv: []string{"goinit", "node"}, env: "GOINIT_VERBOSITY=loud"},
		{argv: []string{"goinit", "--version"}},
		{argv: []string{"goinit", "version"}},
		{argv: []string{"goinit", "--help"}, env: "GOINIT_STOP_GRACE=5"},
		{argv: []string{"dumb-init", "--help"}},
		{argv: []string{"tini", "--version"}},
		{argv: []string{"docker-init", "--version"}},
		{argv: []string{"goinit", "--license"}},
	} {
		p := command(append([]string{goinit}, c.argv[1:]...)...)
		if c.argv[0] == "lonely" {
			p.Path = lonely
		}
		p.Args[0] = c.argv[0]
		p.Dir = filepath.Join(dir, c.dir)
		p.Env = []string{"PATH=/usr/bin:/bin"}
		switch {
		case c.env == "PATH":
			p.Env = []string{}
		case c.env != "":
			p.Env = append(p.Env, c.env)
		case len(c.argv) > 1 && c.argv[1] == "ctl": // whatever runs on this machine
			p.Env = append(p.Env, "GOINIT_SOCKET_DIRECTORY="+filepath.Join(dir, "sockets"), "GOINIT_LOG_DIRECTORY=memory")
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		code := p.code(t)
		fmt.Fprintf(&got, "$ %s%s\n%s%s[%d]\n\n", prefix(c.dir, c.env), strings.Join(c.argv, " "), &p.stdout, &p.stderr, code)
	}
	text := strings.NewReplacer(dir, "/app", filepath.Dir(goinit), "/sbin").Replace(got.String())
	text = strings.ReplaceAll(text, "("+runtime.GOARCH+")", "(ARCH)")
	text = goVersion.ReplaceAllString(text, "go1.X, linux/ARCH")
	const golden = "testdata/messages.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("messages have changed; if they are better: go test ./init -run Messages -update\n%s", text)
	}
}

func prefix(dir, env string) string {
	s := ""
	if dir != "" {
		s += "cd " + dir + "; "
	}
	if env == "PATH" {
		return s + "env -u PATH "
	}
	if env != "" {
		s += env + " "
	}
	return s
}
