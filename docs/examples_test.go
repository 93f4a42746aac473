// Package docs_test runs the examples of the documentation: every block marked "console test" in README.md and docs/*.md
// has to print what it says.
package docs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fence opens a block that is run. A line "$ COMMAND" is given to sh -c; the lines up to the next one are its stdout and
// stderr, to the letter.
const fence = "```console test"

const patience = 30 * time.Second // an example takes a second at most; the machine may be busy

type example struct {
	line    int
	command string
	want    []string
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
		for _, e := range examplesOf(t, file, string(text)) {
			found++
			t.Run(filepath.Base(file)+":"+strconv.Itoa(e.line), func(t *testing.T) {
				t.Parallel()
				e.run(t, bin)
			})
		}
	}
	if found == 0 {
		t.Fatalf("no block marked %q was found", fence)
	}
}

func build(t *testing.T) (bin string) {
	bin = t.TempDir()
	if out, err := exec.Command("../build.sh", bin).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	return bin
}

func examplesOf(t *testing.T, file, text string) (all []example) {
	inside := false
	for i, line := range strings.Split(text, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case !inside:
			inside = line == fence
		case line == "```":
			inside = false
		case isCommand:
			all = append(all, example{line: i + 1, command: command})
		case len(all) == 0:
			t.Fatalf("%s:%d: output ahead of the first command", file, i+1)
		default:
			last := &all[len(all)-1]
			last.want = append(last.want, line)
		}
	}
	if inside {
		t.Fatalf("%s: a block is not closed", file)
	}
	return all
}

func (e example) run(t *testing.T, bin string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", e.command)
	cmd.Dir = t.TempDir()
	cmd.Env = environment(bin)
	cmd.WaitDelay = time.Second
	out, _ := cmd.CombinedOutput() // an example may well fail: it prints its status where that matters
	if err := ctx.Err(); err != nil {
		t.Fatalf("$ %s\n%v", e.command, err)
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
		for _, prefix := range [...]string{"PATH=", "GOINIT_", "TINI_", "DUMB_INIT_"} {
			if strings.HasPrefix(kv, prefix) {
				return true
			}
		}
		return false
	})
	return append(env, "PATH="+bin+":"+os.Getenv("PATH"))
}
