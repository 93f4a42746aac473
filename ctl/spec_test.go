package ctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goinit/spec"
	"goinit/spec/reference"
)

// runMain runs a verb as the command line would and returns what it wrote.
func runMain(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	out, errors := capture(t, &os.Stdout), capture(t, &os.Stderr)
	status = Main(args, Build{})
	return status, out(), errors()
}

func capture(t *testing.T, stream **os.File) func() string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "stream")
	if err != nil {
		t.Fatal(err)
	}
	was := *stream
	*stream = f
	return func() string {
		*stream = was
		f.Close()
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("GOINIT_SPEC", "")
	if status, _, stderr := runMain(t, "check"); status != 1 || !strings.Contains(stderr, "looked for: goinit.yaml") || !strings.Contains(stderr, "ctl init --minimal") {
		t.Errorf("without a spec: %d, %s", status, stderr)
	}
	write(t, "Procfile", "web: node server.js\n")
	if status, stdout, _ := runMain(t, "check"); status != 0 || stdout != "Procfile: no mistakes\n" {
		t.Errorf("a Procfile: %d, %s", status, stdout)
	}
	write(t, "goinit.yaml", "apps:\n  web:\n    command: x\n    cwd: /srv/web\n")
	want := "goinit.yaml:4:5: unknown key \"cwd\": PM2's cwd is working_dir here\n   4 |     cwd: /srv/web\n"
	if status, stdout, stderr := runMain(t, "check"); status != 1 || stdout != "" || stderr != want {
		t.Errorf("got %d, %q, %q\nwant %q", status, stdout, stderr, want)
	}
	write(t, "other.yaml", reference.Minimal())
	if status, stdout, _ := runMain(t, "check", "-f", "other.yaml"); status != 0 || stdout != "other.yaml: no mistakes\n" {
		t.Errorf("-f: %d, %s", status, stdout)
	}
	t.Setenv("GOINIT_SPEC", "other.yaml")
	if status, _, stderr := runMain(t, "check"); status != 0 {
		t.Errorf("GOINIT_SPEC: %d, %s", status, stderr)
	}
	if status, _, stderr := runMain(t, "check", "-f", "none.yaml"); status != 1 || !strings.Contains(stderr, "none.yaml: cannot open it: no such file") {
		t.Errorf("-f none: %d, %s", status, stderr)
	}
	if status, _, stderr := runMain(t, "check", "-f", "."); status != 1 || stderr != ".: cannot read it: is a directory\n" {
		t.Errorf("-f .: %d, %s", status, stderr)
	}
	for _, args := range [][]string{{"check", "x"}, {"check", "--bogus"}, {"compile", "-f"}} {
		if status, _, _ := runMain(t, args...); status != 64 {
			t.Errorf("%v: %d, want 64", args, status)
		}
	}
}

func TestCompile(t *testing.T) {
	dir := t.TempDir()
	source, out := filepath.Join(dir, "goinit.yaml"), filepath.Join(dir, "goinit.json")
	write(t, source, reference.Minimal())
	status, stdout, stderr := runMain(t, "compile", "-f", source)
	if status != 0 || stderr != "" {
		t.Fatalf("%d, %s", status, stderr)
	}
	if s, err := spec.Load([]byte(stdout), os.LookupEnv); err != nil || s.Apps[0].Name != "web" || !s.Apps[0].Workers.Auto {
		t.Errorf("%+v, %v", s, err)
	}
	if status, stdout, stderr := runMain(t, "compile", "-f", source, "--out", out); status != 0 || stdout+stderr != "" {
		t.Fatalf("%d, %s%s", status, stdout, stderr)
	}
	if text, err := os.ReadFile(out); err != nil || string(text) != stdout {
		t.Errorf("%q, %v, want what stdout was given", text, err)
	}

	// A broken spec leaves what was there, and nothing beside it.
	write(t, source, "apps: 5\n")
	if status, _, _ := runMain(t, "compile", "-f", source, "--out", out); status != 1 {
		t.Errorf("a broken spec: %d", status)
	}
	if text, _ := os.ReadFile(out); string(text) != stdout {
		t.Errorf("the old output is gone: %q", text)
	}
	write(t, source, reference.Minimal())
	if status, _, stderr := runMain(t, "compile", "-f", source, "--out", filepath.Join(dir, "none", "x.json")); status != 1 || !strings.Contains(stderr, "cannot write the compiled spec") {
		t.Errorf("%d, %s", status, stderr)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := runMain(t, "compile", "-f", source, "--out", filepath.Join(dir, "folder")); status != 1 {
		t.Errorf("over a folder: %d", status)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestInit(t *testing.T) {
	if status, stdout, _ := runMain(t, "init"); status != 0 || stdout != reference.Full() {
		t.Errorf("%d, %.100s", status, stdout)
	}
	if status, stdout, _ := runMain(t, "init", "--minimal"); status != 0 || stdout != reference.Minimal() {
		t.Errorf("%d, %s", status, stdout)
	}
}

// The unit is one that systemd takes, whatever the directory is called.
func TestInitSystemd(t *testing.T) {
	for _, c := range []struct{ dir, workingDirectory, execStart string }{
		{"shop", "DIR/shop", "BIN/goinit run -N shop"},
		{`my 100% "shop" $5`, `DIR/my 100%% "shop" $5`, `BIN/goinit run -N my-100---shop---5 -f "DIR/my 100%% \"shop\" $$5/other.yaml"`},
	} {
		base := t.TempDir()
		dir := filepath.Join(base, c.dir)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Chdir(dir)
		args := []string{"init", "--systemd"}
		if strings.Contains(c.execStart, " -f ") {
			write(t, "other.yaml", "apps: {}\n")
			args = append(args, "-f", "other.yaml")
		}
		status, unit, stderr := runMain(t, args...)
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.NewReplacer("DIR", base, "BIN", filepath.Dir(self))
		for _, line := range []string{"Type=notify", "KillMode=mixed", "WorkingDirectory=" + want.Replace(c.workingDirectory), "ExecStart=" + want.Replace(c.execStart)} {
			if status != 0 || !strings.Contains(unit, "\n"+line+"\n") {
				t.Errorf("status %d, no %q in:\n%s%s", status, line, unit, stderr)
			}
		}
		analyze, err := exec.LookPath("systemd-analyze")
		if err != nil {
			t.Log("systemd-analyze is not installed: nobody else has read the unit")
			continue
		}
		// It looks whether what is executed is there.
		write(t, filepath.Join(base, "goinit"), "")
		os.Chmod(filepath.Join(base, "goinit"), 0o755)
		file := filepath.Join(base, "shop.service")
		write(t, file, strings.ReplaceAll(unit, filepath.Dir(self)+"/goinit", filepath.Join(base, "goinit")))
		if out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput(); err != nil {
			t.Errorf("systemd-analyze: %v\n%s\n%s", err, out, unit)
		}
	}
	for _, c := range []struct{ args, says string }{
		{"init --systemd --minimal", "one of them"}, {"init -f x.yaml", "with --systemd"}, {"init --systemd -f none.yaml", "no such file"},
	} {
		if status, stdout, stderr := runMain(t, strings.Fields(c.args)...); status == 0 || stdout != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: %d, %q, %q", c.args, status, stdout, stderr)
		}
	}
}
