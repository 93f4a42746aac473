package integration

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"goinit/integration/bed"
)

// edits are what is done to the files of an app, as editors and tools do it; n makes each another one.
var edits = []struct {
	name string
	do   func(dir string, n int) error
}{
	{"write", func(dir string, n int) error { return writeNumber(dir+"/src/main.js", n) }},
	{"write three files", func(dir string, n int) error {
		for _, name := range []string{"a", "lib/b", "lib/c"} {
			if err := writeNumber(dir+"/src/"+name, n); err != nil {
				return err
			}
		}
		return nil
	}},
	{"rename over", func(dir string, n int) error {
		if err := writeNumber(dir+"/src/.new", n); err != nil {
			return err
		}
		return os.Rename(dir+"/src/.new", dir+"/src/main.js")
	}},
	{"delete and create", func(dir string, n int) error {
		if err := os.Remove(dir + "/src/main.js"); err != nil {
			return err
		}
		return writeNumber(dir+"/src/main.js", n)
	}},
	{"backup, as vim does", func(dir string, n int) error {
		if err := os.Rename(dir+"/src/main.js", dir+"/src/main.js~"); err != nil {
			return err
		}
		if err := writeNumber(dir+"/src/main.js", n); err != nil {
			return err
		}
		return os.Remove(dir + "/src/main.js~")
	}},
	{"new folders", func(dir string, n int) error {
		at := filepath.Join(dir, "src", "new"+strconv.Itoa(n), "deep")
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		return writeNumber(at+"/file", n)
	}},
	{"rename a folder there and back", func(dir string, n int) error {
		if err := os.Rename(dir+"/src/lib", dir+"/src/lib2"); err != nil {
			return err
		}
		return os.Rename(dir+"/src/lib2", dir+"/src/lib")
	}},
	{"a folder anew", func(dir string, n int) error {
		if err := os.RemoveAll(dir + "/src"); err != nil {
			return err
		}
		return plant(dir)
	}},
	{"git checkout", func(dir string, n int) error {
		branch := "main"
		if b, err := os.ReadFile(dir + "/.git/HEAD"); err == nil && strings.Contains(string(b), "main") {
			branch = "other"
		}
		return git(dir, "checkout", "-q", "-f", branch)
	}},
}

// plant makes the files of an app.
func plant(dir string) error {
	if err := os.MkdirAll(dir+"/src/lib", 0o755); err != nil {
		return err
	}
	for _, name := range []string{"main.js", "a", "lib/b", "lib/c"} {
		if err := writeNumber(dir+"/src/"+name, 0); err != nil {
			return err
		}
	}
	return nil
}

func writeNumber(path string, n int) error {
	return os.WriteFile(path, []byte(strconv.Itoa(n)+"\n"), 0o644)
}

func git(dir string, args ...string) error {
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@x", "-c", "gc.auto=0", "-c", "core.fsync=none"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %v: %w: %s", args, err, out)
	}
	return nil
}

// plantGit makes two branches that differ in 500 files.
func plantGit(dir string) error {
	many := func(n int) error {
		for i := range 500 {
			at := filepath.Join(dir, "many", strconv.Itoa(i%25))
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
			if err := writeNumber(filepath.Join(at, strconv.Itoa(i)), n); err != nil {
				return err
			}
		}
		return nil
	}
	for _, step := range []func() error{
		func() error { return git(dir, "init", "-q", "-b", "main") },
		func() error { return many(1) },
		func() error { return git(dir, "add", "-A") },
		func() error { return git(dir, "commit", "-q", "-m", "one") },
		func() error { return git(dir, "checkout", "-q", "-b", "other") },
		func() error { return many(2) },
		func() error { return git(dir, "commit", "-q", "-a", "-m", "two") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Fifty edits at random, in ten apps side by side: each is exactly one restart, and no app is restarted for another's.
func TestRunWatchEdits(t *testing.T) {
	t.Parallel() // it mostly waits for quiet; its apps have names of their own, for goinits in one cgroup have each other's groups
	const apps, rounds = 10, 5
	kinds := len(edits)
	if _, err := exec.LookPath("git"); err != nil {
		t.Log("git is not installed: no checkouts")
		kinds--
	}
	var spec strings.Builder
	spec.WriteString("apps:\n")
	dirs := make([]string, apps)
	for i := range apps {
		dirs[i] = t.TempDir()
		err := plant(dirs[i])
		if err == nil && kinds == len(edits) {
			err = plantGit(dirs[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		// A quiet that no stutter of a busy machine looks like.
		fmt.Fprintf(&spec, "  edited%d: {command: sleep 1000, working_dir: %s, watch: {delay: 3s, action: %s}}\n", i, dirs[i], []string{"reload", "restart"}[i%2])
	}
	m := runSpec(t, spec.String())
	awaitWatching(t, m, apps)
	random := rand.New(rand.NewPCG(7, 7))
	for round := range rounds {
		var wait sync.WaitGroup
		for i, dir := range dirs {
			edit := edits[(round*apps+i)%kinds]
			if n := round*apps + i; n >= kinds { // each once, then at random
				edit = edits[random.IntN(kinds)]
			}
			wait.Go(func() {
				if err := edit.do(dir, round*apps+i+1); err != nil {
					t.Errorf("edited%d: %s: %v", i, edit.name, err)
				}
			})
		}
		wait.Wait()
		want := round + 2
		for _, r := range m.waitRows(t, fmt.Sprintf("generation %d of all", want), func(r row) bool { return r.Generation >= want && r.State == "running" }) {
			if r.Generation != want || r.LastExit == nil || r.LastExit.Reason != "replaced" || r.Restarts != 0 {
				t.Errorf("round %d: %v", round, r)
			}
		}
	}
	if said := strings.Count(m.Output.String(), " has changed; it is restarted"); said != apps*rounds {
		t.Errorf("%d edits, told %d times:\n%s", apps*rounds, said, m.Output)
	}
}

// awaitWatching waits until so many apps are watched: what was changed before is not seen.
func awaitWatching(t *testing.T, m *manager, apps int) {
	t.Helper()
	bed.Wait(t, "the files to be watched", func() (bool, string) {
		said := m.must(t, "events", "-o", "json")
		return strings.Count(said, `"app.watching"`) >= apps, said
	})
}

// newProgram is a folder for a Node program, and writes its files.
func newProgram(t *testing.T) (dir string, write func(name, text string)) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		bed.Without(t, "namespace", "node is not installed")
	}
	dir = t.TempDir()
	return dir, func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Of a Node program exactly those files are watched that it has loaded: by require and by import, and also after a restart; and a
// program that cannot start because of a mistake is started at once when that is mended.
func TestRunWatchNode(t *testing.T) {
	dir, write := newProgram(t)
	main := `const used = require("./lib/used.js"); import("./esm/mod.mjs").then(m => {
		if (process.send) process.send("ready"); console.log("up", used, m.default, process.env.NODE_CHANNEL_FD); setInterval(() => {}, 1e6) })`
	write("main.js", main)
	write("lib/used.js", "module.exports = 1")
	write("esm/mod.mjs", "export default 1")
	write("lib/unused.js", "")
	write("unused.js", "")
	m := runSpec(t, "apps:\n  web: {command: node main.js, working_dir: "+dir+", watch: {delay: 500ms}}\n")
	generation := 1
	up := func(want string) {
		t.Helper()
		bed.Wait(t, want, func() (bool, string) {
			said := m.must(t, "logs", "web")
			return strings.Contains(said, want), said + m.Output.String()
		})
		if r := m.ps(t)[0]; r.Generation != generation {
			t.Errorf("%s: %v, want generation %d", want, r, generation)
		}
		bed.Wait(t, "the folders of what is loaded to be watched", func() (bool, string) {
			n := inotifyWatches(t, m.PID())
			return n == 3, strconv.Itoa(n)
		})
	}
	up("up 1 1 undefined")
	for _, edit := range []struct{ file, text, want string }{
		{"lib/used.js", "module.exports = 2", "up 2 1 undefined"},
		{"esm/mod.mjs", "export default 2", "up 2 2 undefined"},
		{"main.js", strings.Replace(main, `"up"`, `"up again"`, 1), "up again 2 2 undefined"},
	} {
		write("lib/unused.js", edit.text) // would be told first, and be a restart of its own, if it were watched
		write("unused.js", edit.text)
		write(edit.file, edit.text)
		generation++
		up(edit.want)
		if want := edit.file + " has changed; it is restarted"; !strings.Contains(m.Output.String(), want) {
			t.Errorf("not told: %s\n%s", want, m.Output)
		}
	}
	write("lib/used.js", "module.exports = (")
	bed.Wait(t, "it to fail again and again", func() (bool, string) {
		r := m.ps(t)[0]
		return r.State == "backoff" && r.Restarts >= 3, r.String()
	})
	write("lib/used.js", "module.exports = 'mended'")
	bed.Wait(t, "it to run", func() (bool, string) {
		said := m.must(t, "logs", "web")
		return strings.Contains(said, "up again mended 2"), said
	})
	if strings.Contains(m.Output.String(), "unused.js has changed") {
		t.Errorf("what is not loaded is watched:\n%s", m.Output)
	}
}

// The same with workers of a Node cluster, which tell it on the channel that they have anyway.
func TestRunWatchNodeCluster(t *testing.T) {
	dir, write := newProgram(t)
	write("main.js", `const used = require("./lib/used.js"); console.log("uses", used); require("http").createServer().listen("web.sock")`)
	write("lib/used.js", "module.exports = 1")
	write("lib/unused.js", "")
	m := runSpec(t, "apps:\n  web: {command: node main.js, working_dir: "+dir+", workers: 2, watch: {delay: 500ms}}\n")
	all := func(generation int) func(row) bool {
		return func(r row) bool { return r.Ready && r.Generation == generation }
	}
	m.waitRows(t, "both to be ready", all(1), "web")
	bed.Wait(t, "the folders of what is loaded to be watched", func() (bool, string) {
		n := inotifyWatches(t, m.PID())
		return n == 2, strconv.Itoa(n)
	})
	write("lib/unused.js", "1") // would be told first
	write("lib/used.js", "module.exports = 2")
	m.waitRows(t, "both to be replaced", all(2), "web")
	if said := m.must(t, "logs", "web"); strings.Count(said, "uses 2") != 2 {
		t.Errorf("what they use:\n%s", said)
	}
	if out := m.Output.String(); !strings.Contains(out, "lib/used.js has changed") || strings.Contains(out, "unused.js has changed") {
		t.Errorf("not the file that is loaded:\n%s", out)
	}
}

// inotifyWatches is how many folders a goinit watches (proc_pid_fdinfo(5)), cgroups' files aside.
func inotifyWatches(t *testing.T, pid int) int {
	t.Helper()
	most := 0
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range all {
		b, _ := os.ReadFile(info) // one of them may be closed by now
		n := 0
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "inotify ") && strings.Contains(line, " mask:") && !strings.Contains(line, " mask:2 ") {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// goinit run --watch watches apps that do not say, one Watcher for those that want the same, and costs no moment of CPU
// while nothing changes in 10,000 files.
func TestRunWatchIdle(t *testing.T) {
	dir, err := os.MkdirTemp("", "run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for i := range 10000 {
		at := filepath.Join(dir, "app", strconv.Itoa(i%100))
		if i < 100 {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(at, strconv.Itoa(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := &manager{dir: dir, spec: filepath.Join(dir, "goinit.yaml"), client: client{"--socket", filepath.Join(dir, "socket")}}
	m.write(t, "apps:\n  a: {command: sleep 1000}\n  b: {command: sleep 1000}\n  c: {command: sleep 1000, watch: false}\n")
	m.PID1 = bed.Namespace(t, built.goinit, "run", "--watch", "-C", filepath.Join(dir, "app"), "-f", m.spec, "--socket", m.client[1])
	bed.Wait(t, "goinit to answer", func() (bool, string) {
		r := m.ask(t, "info")
		return r.Status == 0, r.Stderr + m.Output.String()
	})
	awaitWatching(t, m, 2)
	if err := writeNumber(filepath.Join(dir, "app/77/77"), 1); err != nil {
		t.Fatal(err)
	}
	m.waitRows(t, "a and b to be replaced", func(r row) bool {
		return r.State == "running" && (r.App == "c") == (r.Generation == 1)
	})
	if n := inotifyWatches(t, m.PID()); n != 101 {
		t.Errorf("%d folders are watched, want 101", n)
	}
	quiet := 0
	for end := time.Now().Add(bed.Deadline); quiet < 2 && time.Now().Before(end); {
		before := sleeps(t, m.PID())
		<-time.After(time.Second)
		if sleeps(t, m.PID()) == before {
			quiet++
		} else {
			quiet = 0
		}
	}
	if quiet < 2 {
		t.Error("it is never idle for two seconds")
	}
	t.Logf("PID 1, idle: %v", footprintOf(t, m.PID()))
}

// sleeps is how often the threads of a process have gone to sleep.
func sleeps(t *testing.T, pid int) (n int) {
	t.Helper()
	all, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for in := bufio.NewScanner(f); in.Scan(); {
			if value, ok := strings.CutPrefix(in.Text(), "voluntary_ctxt_switches:"); ok {
				k, err := strconv.Atoi(strings.TrimSpace(value))
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
		}
		f.Close()
	}
	return n
}
