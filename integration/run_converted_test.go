package integration

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"goinit/integration/bed"
)

var rewrite = flag.Bool("update", false, "write what the converted configurations do into their runs.txt, and screens into docs/top.md")

// environments are what some of the configurations want to find.
var environments = map[string][]string{
	"pm2-legacy": {"REMOTE=backup@example.org"},
	"supervisord-browser": {"DISPLAY=:99", "START_XVFB=true", "VNC_SERVERS=2", "GRACE=3", "XVFB_RESTART=true", "LOG_SIZE=1MB", "X=x",
		"SE_SUPERVISORD_LOG_LEVEL=info"},
	"supervisord-django": {"PORT=8000"},
	"procfile-django":    {"WEB_CONCURRENCY=2"},
}

// Configurations as they are found in public projects, those of TestConvert: converted, each runs on a machine of its own, where
// stubs stand for their programs. What each program is given, which user it has, what its death leads to and by which signal it
// is stopped is in runs.txt beside the configuration.
func TestRunConvertedConfigurations(t *testing.T) {
	bed.Need(t, "namespace", "node", "bash", "mount", "chroot")
	folders, err := filepath.Glob("../ctl/testdata/convert/*")
	if err != nil || len(folders) < 15 {
		t.Fatalf("%d configurations, %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			w := settle(t, folder)
			w.startAll(t)
			want := filepath.Join(folder, "runs.txt")
			text, _ := os.ReadFile(want)
			reached := func(got string) bool { return strings.HasPrefix(string(text), got) }
			w.reach(t, "", reached)
			w.m.must(t, append([]string{"signal", "KILL"}, slices.Collect(maps.Keys(pids(w.m.ps(t))))...)...)
			w.reach(t, "\nKilled:\n", reached)
			w.stop(t)
			if *rewrite {
				if err := os.WriteFile(want, []byte(w.told), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if w.told != string(text) {
				t.Errorf("%s differs (-update writes it anew); got:\n%s", want, w.told)
			}
		})
	}
}

// moved is a configuration that has moved in with goinit.
type moved struct {
	m    *manager
	site string // where it is
	runs string // what its programs have noted
	told string // what is in runs.txt, as far as we are
}

// settle converts what is in a folder, and starts it.
func settle(t *testing.T, folder string) *moved {
	t.Helper()
	base, err := os.MkdirTemp("", "cv-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	w := &moved{site: filepath.Join(base, "site"), runs: filepath.Join(base, "runs")}
	for dir, mode := range map[string]os.FileMode{base: 0o755, w.site: 0o755, w.runs: 0o777, filepath.Join(base, "root"): 0o755} {
		os.Mkdir(dir, mode)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(w.site, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "log", "app/assets"} {
		os.MkdirAll(filepath.Join(w.site, dir), 0o755)
	}
	for _, name := range []string{"bin/etcd", "bin/rails", "api_v2", "run.sh", "sync.sh"} {
		if err := os.Symlink("/usr/local/bin/stub", filepath.Join(w.site, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.site, "log", "development.log"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.convert(t, folder)
	w.m = &manager{dir: base, spec: filepath.Join(w.site, "goinit.yaml"), client: client{"--socket", filepath.Join(base, "socket")}}
	script, err := filepath.Abs("testdata/clean.sh")
	if err != nil {
		t.Fatal(err)
	}
	stub, err := filepath.Abs("testdata/stub.sh")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{filepath.Join(base, "root"), base, built.dir, stub, "env", "-i", "HOME=/root", "PATH=/usr/local/bin:/usr/sbin:/usr/bin"},
		environments[filepath.Base(folder)]...)
	w.m.PID1 = bed.Namespace(t, script, append(args, built.goinit, "run", "-C", w.site, "-f", w.m.spec, "--socket", w.m.client[1])...)
	bed.Wait(t, "goinit to run", func() (bool, string) {
		r := w.m.ask(t, "info", "-o", "json")
		return strings.Contains(r.Stdout, `"state": "running"`), r.Stdout + r.Stderr + w.m.Output.String()
	})
	return w
}

// startAll starts what is not started by itself, and tells of it.
func (w *moved) startAll(t *testing.T) {
	t.Helper()
	for _, r := range w.m.ps(t) {
		if r.State == "stopped" || r.State == "scheduled" {
			w.told += fmt.Sprintf("%s is %s\n", r.App, r.State)
			w.m.must(t, "start", r.App)
		}
	}
}

// convert makes goinit.yaml, which check finds no mistakes in. Keys that this version does not have yet are left out.
func (w *moved) convert(t *testing.T, folder string) {
	t.Helper()
	tool, _, _ := strings.Cut(filepath.Base(folder), "-")
	file := ""
	for _, pattern := range []string{"supervisord.conf", "ecosystem.*", "process.json", "Procfile*"} {
		if found, _ := filepath.Glob(filepath.Join(w.site, pattern)); len(found) == 1 {
			file = filepath.Base(found[0])
		}
	}
	flags, _ := os.ReadFile(filepath.Join(folder, "flags"))
	w.ctl(t, append([]string{"convert", tool, file, "--out", "goinit.yaml"}, strings.Fields(string(flags))...)...)
	for range 5 {
		out, ok := w.ctl(t, "check", "-f", "goinit.yaml")
		if ok {
			return
		}
		later := regexp.MustCompile(`goinit.yaml:([0-9]+):[0-9]+: .* is not available yet`).FindStringSubmatch(out)
		if later == nil {
			t.Fatalf("check: %s", out)
		}
		text, err := os.ReadFile(filepath.Join(w.site, "goinit.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		n, _ := strconv.Atoi(later[1])
		t.Logf("left out: %s", lines[n-1])
		if err := os.WriteFile(filepath.Join(w.site, "goinit.yaml"), []byte(strings.Join(slices.Delete(lines, n-1, n), "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("check is never content")
}

// ctl gives a command where the configuration is.
func (w *moved) ctl(t *testing.T, args ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.Command(filepath.Join(built.dir, "goinitctl"), args...)
	cmd.Dir = w.site
	b, err := cmd.CombinedOutput()
	return string(b), err == nil
}

// reach waits until what is told now, after a title, is as wanted; or, to write that down, until nothing moves any more.
func (w *moved) reach(t *testing.T, title string, is func(string) bool) {
	t.Helper()
	before, now, same := w.told, "", 0
	bed.Wait(t, "the workers to do what runs.txt says"+title, func() (bool, string) {
		last := now
		now = title + w.workers(t, title != "")
		if same++; now != last || strings.Contains(now, "nothing yet") {
			same = 0
		}
		w.told = before + now
		return is(w.told) || *rewrite && same == 25, w.told + w.m.Output.String()
	})
}

// workers tells of all workers: their state, and what the program of each has noted, or only whether that is what the one
// before it has.
func (w *moved) workers(t *testing.T, again bool) string {
	t.Helper()
	var b strings.Builder
	rows := w.m.ps(t)
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].App < rows[j].App })
	for _, r := range rows {
		if r.Slot == nil || *r.Slot > 0 && (r.App == "next-site" || r.App == "shop-app-test") { // as many as there are CPUs
			continue
		}
		fmt.Fprintf(&b, "%s/%d %s, generation %d\n", r.App, *r.Slot, r.State, r.Generation)
		note := w.note(r, r.Generation)
		if again && r.Generation > 1 && note == w.note(r, r.Generation-1) {
			continue
		}
		for line := range strings.Lines(note) {
			b.WriteString("\t" + line)
		}
	}
	return b.String()
}

// note is what a worker's program has noted at its start.
func (w *moved) note(r row, generation int) string {
	text, err := os.ReadFile(filepath.Join(w.runs, fmt.Sprintf("%s.%d.%d", r.App, *r.Slot, generation)))
	if err != nil {
		return "nothing yet\n"
	}
	return strings.ReplaceAll(string(text), w.site, "/HERE")
}

// stop ends goinit, and tells which worker was asked by what.
func (w *moved) stop(t *testing.T) {
	t.Helper()
	w.m.must(t, "shutdown")
	stopped := map[string]string{}
	notes, err := filepath.Glob(w.runs + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range notes {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		app, _, _ := strings.Cut(filepath.Base(path), ".")
		if _, signal, ok := strings.Cut(string(text), "\nstopped by "); ok {
			stopped[app], _, _ = strings.Cut(signal, "\n") // it may come twice: to the shell, which passes it on, and to all of the tree
		} else if stopped[app] == "" {
			stopped[app] = "nothing that it could know of"
		}
	}
	w.told += "\nStopped:\n"
	for _, app := range slices.Sorted(maps.Keys(stopped)) {
		w.told += app + ": " + stopped[app] + "\n"
	}
}
