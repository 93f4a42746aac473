// Package docs_test runs the examples of the documentation: every block marked "console test" in README.md and docs/*.md
// has to print what it says. story_test.go has the blocks that a running goinit answers.
package docs_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fence opens a block that is run. A line "$ COMMAND" is given to sh -c, in a directory of its own with the files that the
// page has shown so far; the lines up to the next one are its stdout and stderr, to the letter.
const fence = "```console test"

const patience = 30 * time.Second // an example takes a second at most; the machine may be busy

type example struct {
	line    int
	command string
	want    []string
	files   map[string]string // what the page has shown so far
}

func TestExamples(t *testing.T) {
	bin := build(t)
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, "../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		page := blocksOf(t, file, string(text))
		for _, e := range page.alone() {
			found++
			t.Run(filepath.Base(file)+":"+strconv.Itoa(e.line), func(t *testing.T) {
				t.Parallel()
				e.run(t, bin)
			})
		}
		if page.runs() {
			found++
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				page.play(t, bin)
			})
		}
	}
	if found == 0 {
		t.Fatalf("no block marked %q was found", fence)
	}
}

// build makes the executables; on a machine without a compiler they are there.
func build(t *testing.T) (bin string) {
	if bin := os.Getenv("GOINIT_EXECUTABLES"); bin != "" {
		return bin
	}
	bin = t.TempDir()
	if out, err := exec.Command("../build.sh", bin).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	return bin
}

func (e example) run(t *testing.T, bin string) {
	if _, err := exec.LookPath("node"); err != nil && strings.Contains(e.command, "ecosystem.config.js") {
		t.Skip("node is not installed, and the configuration is a program")
	}
	for _, word := range [...]string{"tini", "dumb-init", "supervisord", "s6-supervise", "node"} { // what a guide comes from
		if _, err := exec.LookPath(word); err != nil && (strings.HasPrefix(e.command, word+" ") || strings.Contains(e.command, "; "+word+" ") || strings.Contains(e.command, "-- "+word+" ")) {
			t.Skipf("%s is not installed", word)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", e.command)
	cmd.Dir = t.TempDir()
	for name, text := range e.files {
		write(t, cmd.Dir, name, text)
	}
	cmd.Env = environment(bin)
	if len(e.files) > 0 {
		cmd.Env = append(cmd.Env, socketDirectory(t), "GOINIT_LOG_DIRECTORY=memory") // not this machine's /var/log
	}
	cmd.WaitDelay = time.Second
	out, _ := cmd.CombinedOutput() // an example may well fail: it prints its status where that matters
	if err := ctx.Err(); err != nil {
		t.Fatalf("$ %s\n%v", e.command, err)
	}
	if len(e.files) > 0 && e.answeredBy(string(out)) { // run mode's lines have times in them
		return
	}
	want := ""
	if len(e.want) > 0 {
		want = strings.Join(e.want, "\n") + "\n"
	}
	if got := string(out); got != want {
		t.Errorf("$ %s\ngot:\n%swant:\n%s", e.command, got, want)
	}
}

// environment is ours with bin first in PATH and without settings of an init.
func environment(bin string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		for _, prefix := range [...]string{"PATH=", "GOINIT_", "TINI_", "DUMB_INIT_", "KUBERNETES_"} {
			if strings.HasPrefix(kv, prefix) {
				return true
			}
		}
		return false
	})
	return append(env, "PATH="+bin+":"+os.Getenv("PATH"))
}

// socketDirectory is the setting that has goinits of one example register among themselves only. It is short: a socket's
// path has 107 bytes.
func socketDirectory(t *testing.T) string {
	dir, err := os.MkdirTemp("", "goinit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endDaemons(t, dir)
		os.RemoveAll(dir)
	})
	return "GOINIT_SOCKET_DIRECTORY=" + dir
}

// endDaemons ends what an example has left running, by its pid: one that failed before its shutdown.
func endDaemons(t *testing.T, dir string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, f := range files {
		var in struct{ PID int }
		text, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(text, &in) != nil || in.PID <= 1 {
			continue
		}
		t.Logf("left running, and ended: goinit %d", in.PID)
		for end := time.Now().Add(patience); syscall.Kill(in.PID, syscall.SIGTERM) == nil && time.Now().Before(end); { // the second one hurries
			runtime.Gosched()
		}
	}
}

func write(t *testing.T, dir, name, text string) {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
