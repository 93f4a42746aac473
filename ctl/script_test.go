package ctl

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"goinit/control"
	"goinit/control/controltest"
)

var update = flag.Bool("update", false, "write what is printed into the scripts")

// TestScripts runs the commands in testdata/*.txt against a real control server with the fake of controltest behind it,
// and compares what they print. Each can be read like a page of the manual: a line that begins with $ is a command, what
// follows is its output, errors after the rest, and at the end its status in brackets unless it is 0. TMP is a directory.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bed := newBed(t, "shop")
			var got strings.Builder
			for line := range strings.Lines(string(text)) {
				if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "%") {
					got.WriteString(line)
				}
				if name, ok := strings.CutPrefix(strings.TrimSpace(line), "% goinit run -N "); ok {
					bed.another(t, name)
				}
				if strings.HasPrefix(line, "% mount -t cgroup2") {
					bed.fakes["shop"].InGroups()
				}
				if strings.HasPrefix(line, "% logs in files") {
					bed.keep(t, "shop")
				}
				if strings.HasPrefix(line, "% the disk does not answer") {
					bed.fakes["shop"].Stuck(2 << 20)
				}
				command, ok := strings.CutPrefix(line, "$ goinit ctl")
				if !ok {
					continue
				}
				got.WriteString(line)
				out, status := bed.run(t, split(strings.ReplaceAll(command, "TMP", bed.dir))...)
				got.WriteString(bed.stable(out))
				if status != 0 {
					got.WriteString("[" + strconv.Itoa(status) + "]\n")
				}
				got.WriteString("\n")
			}
			result := strings.TrimRight(got.String(), "\n") + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(result), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if result != string(text) {
				t.Errorf("%s differs (-update writes it anew); got:\n%s", file, result)
			}
		})
	}
}

// split knows single quotes.
func split(command string) (words []string) {
	for i, part := range strings.Split(strings.TrimSpace(command), "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// bed is a machine with goinits on it.
type bed struct {
	dir   string
	fakes map[string]*controltest.Fake
	world world
	out   bytes.Buffer
}

func newBed(t *testing.T, names ...string) *bed {
	t.Helper()
	dir, err := os.MkdirTemp("", "goinit") // short: sun_path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bed{dir: dir, fakes: make(map[string]*controltest.Fake)}
	b.world = world{
		stdout: &b.out, stderr: &b.out, files: [3]int{0, 1, 2}, width: 80, getenv: b.getenv,
		now:     func() time.Time { return controltest.Epoch.Add(3 * time.Minute) },
		sample:  time.Millisecond,
		compile: func(string) ([]byte, error) { return []byte(`{"version":1,"apps":[]}`), nil },
	}
	for _, n := range names {
		b.another(t, n)
	}
	return b
}

func (b *bed) getenv(k string) string {
	if k == "GOINIT_SOCKET_DIRECTORY" {
		return filepath.Join(b.dir, "s")
	}
	return ""
}

// another starts one more.
func (b *bed) another(t *testing.T, name string) *control.Server {
	t.Helper()
	socket, err := control.Listen(control.Listening{Name: name, Exact: true, ReadGroup: -1, Getenv: b.getenv})
	if err != nil {
		t.Fatal(err)
	}
	b.fakes[name] = controltest.New()
	b.fakes[name].Program = runProgram
	srv := control.Serve(b.fakes[name], socket, control.DefaultLimits(), func(s string) { t.Error("server says:", s) })
	t.Cleanup(srv.Close)
	return srv
}

// stable hides what differs from run to run.
func (b *bed) stable(out string) string {
	wd, _ := os.Getwd()
	out = strings.NewReplacer(b.dir, "TMP", wd, "HERE", "pid "+strconv.Itoa(os.Getpid()), "pid PID").Replace(out)
	return regexp.MustCompile(`(clients"?:? +)\d+`).ReplaceAllString(out, "${1}N") // who looked whether anybody is there may still be leaving
}

// run runs goinit ctl.
func (b *bed) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	b.out.Reset()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w := b.world
	status := run(ctx, &w, args, Build{Version: "0.0.0", Commit: "none"})
	return b.out.String(), status
}
