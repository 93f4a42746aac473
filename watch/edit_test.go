package watch

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What editors and tools do to files is one change each, told by the first file; what is none is not told.
func TestEdits(t *testing.T) {
	w := watchTree(t, Plan{Paths: []string{"."}, Ignore: []string{"node_modules", ".git", "*.log", "/dist", "tmp/"}},
		"src/app.js", "src/lib/x.js", "node_modules/m/index.js", ".git/HEAD", "dist/out.js", "src/dist/y.js", "tmp/", "sentinel", "a/b/c/d.js")
	do := func(what string, change func(), want ...string) { t.Helper(); w.expect(what, change, want...) }
	read := func(name string) {
		_, err := os.ReadFile(w.path(name))
		w.check(err)
	}
	do("written in place", func() { w.write("src/app.js") }, "src/app.js")
	do("written twice", func() { w.write("src/app.js"); w.write("src/lib/x.js") }, "src/app.js")
	do("renamed over, as most editors and sed -i do", func() { w.write("src/sedXYZ"); w.rename("src/sedXYZ", "src/app.js") }, "src/sedXYZ")
	do("deleted and made anew", func() { w.remove("src/app.js"); w.write("src/app.js") }, "src/app.js")
	do("vim: a backup, a new file, no backup", func() {
		w.write("src/4913")
		w.remove("src/4913")
		w.rename("src/app.js", "src/app.js~")
		w.write("src/app.js")
		w.remove("src/app.js~")
	}, "src/app.js")
	do("vim opens it", func() { w.write("src/.app.js.swp"); w.write("src/.app.js.swx"); w.remove("src/.app.js.swx") })
	do("vim closes it", func() { w.remove("src/.app.js.swp") })
	do("emacs locks it and saves for itself", func() { w.link("me@host.1", "src/.#app.js"); w.write("src/#app.js#") })
	do("emacs saves", func() { w.remove("src/.#app.js"); w.write("src/app.js"); w.remove("src/#app.js#") }, "src/app.js")
	do("read", func() { read("src/app.js") })
	do("its mode", func() { w.check(os.Chmod(w.path("src/app.js"), 0o600)) })
	do("a new file", func() { w.write("src/new.js") }, "src/new.js")
	do("a hard link", func() { w.check(os.Link(w.path("src/new.js"), w.path("src/new2.js"))) }, "src/new2.js")
	do("a symbolic link", func() { w.link("new.js", "src/new3.js") }, "src/new3.js")
	do("a file that goes", func() { w.remove("src/new.js") }, "src/new.js")
	do("an empty folder", func() { w.mkdir("src/empty") })
	do("a file in it", func() { w.write("src/empty/one.js") }, "src/empty/one.js")
	do("new folders with a file at once", func() { w.write("src/p/q/r/deep.js") }, "src/p/q/r/deep.js")
	do("that file again", func() { w.write("src/p/q/r/deep.js") }, "src/p/q/r/deep.js")
	do("a folder that is renamed", func() { w.rename("src/p", "src/pp") }, "src/p")
	do("a file in it under its new name", func() { w.write("src/pp/q/r/deep.js") }, "src/pp/q/r/deep.js")
	do("a folder that goes", func() { w.remove("src/pp") }, "src/pp/q/r/deep.js")
	outside := t.TempDir()
	do("a folder that goes elsewhere", func() { w.check(os.Rename(w.path("a/b"), outside+"/b")) }, "a/b")
	do("what is written there", func() { w.check(os.WriteFile(outside+"/b/c/d.js", nil, 0o644)) })
	do("and comes back", func() { w.check(os.Rename(outside+"/b", w.path("a/b"))) }, "a/b/c/d.js")
	do("and is written", func() { w.write("a/b/c/d.js") }, "a/b/c/d.js")
	do("ignored by name", func() {
		w.write("node_modules/m/index.js")
		w.write(".git/index")
		w.write("src/node_modules/z.js")
		w.write("x.log")
	})
	do("ignored from the top on", func() { w.write("dist/out.js") })
	do("and only there", func() { w.write("src/dist/y.js") }, "src/dist/y.js")
	do("only folders of that name", func() { w.write("tmp/x") })
	do("and no file", func() { w.write("src/tmp") }, "src/tmp")
	f, err := os.Create(w.path("src/long"))
	w.check(err)
	do("what is still being written", func() { f.WriteString("half of it") })
	do("and now is", func() { f.Close() }, "src/long")
}

// A checkout of 500 files in many folders, there and back, is one change each.
func TestCheckout(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	w := watchTree(t, Plan{Paths: []string{"."}, Ignore: []string{".git"}}, "sentinel")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@x", "-c", "gc.auto=0", "-c", "core.fsync=none"}, args...)...)
		cmd.Dir = w.dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "one")
	for i := range 500 {
		w.write("d" + strconv.Itoa(i%23) + "/e" + strconv.Itoa(i%7) + "/f" + strconv.Itoa(i))
	}
	git("add", "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9")
	git("commit", "-qm", "one")
	git("checkout", "-qb", "two")
	for i := range 500 {
		w.check(os.WriteFile(w.path("d"+strconv.Itoa(i%23)+"/e"+strconv.Itoa(i%7)+"/f"+strconv.Itoa(i)), []byte("other"), 0o644))
	}
	git("add", "-A")
	git("commit", "-qm", "two")
	for _, branch := range []string{"one", "two", "one"} {
		w.changes()
		w.held(func() { git("checkout", "-q", branch) })
		var got []string
		until(t, "the checkout is told", func() bool { got = append(got, w.changes()...); return len(got) > 0 })
		if branch == "two" { // what came with it is watched
			w.held(func() { w.write("d22/e0/f321") })
			until(t, "a file of it is told", func() bool { got = append(got, w.changes()...); return len(got) > 1 })
		}
		w.held(func() { w.write("d0/sentinel") })
		until(t, "the sentinel is told", func() bool { got = append(got, w.changes()...); return got[len(got)-1] == "d0/sentinel" })
		if want := map[string]int{"one": 2, "two": 3}[branch]; len(got) != want || !strings.HasPrefix(got[0], "d") && got[0] != "sentinel" {
			t.Errorf("checkout %s: told %q, want %d", branch, got, want)
		}
	}
}

// Paths that are files, are not there yet, go and come back, or are led to by links.
func TestPaths(t *testing.T) {
	w := watchTree(t, Plan{Dir: "app", Paths: []string{"conf.yaml", "src", "src/node_modules/own/x", "not/yet/here", "../releases/current", "../cm/key", "lib/*.js", "deep/**/x.py", "../sentinel"},
		Ignore: []string{"node_modules"}},
		"app/conf.yaml", "app/other.yaml", "app/src/a", "app/src/node_modules/own/x", "app/src/node_modules/own/y", "app/lib/a.js", "app/lib/a.txt", "app/lib/sub/a.js", "app/deep/p/q/x.py", "app/deep/y.py",
		"releases/1/a", "releases/2/a", "cm/..2024/key", "cm/..2025/key", "releases/current -> 1", "cm/..data -> ..2024", "cm/key -> ..data/key", "sentinel")
	do := func(what string, change func(), want ...string) {
		t.Helper()
		for i := range want {
			want[i] = strings.TrimPrefix(want[i], "app/")
		}
		w.changes()
		w.held(change)
		var got []string
		if len(want) > 0 {
			until(t, what+" is told", func() bool { got = append(got, w.changes()...); return len(got) > 0 })
		}
		w.write("sentinel")
		until(t, "the sentinel is told", func() bool {
			got = append(got, w.changes()...)
			return len(got) > 0 && strings.HasSuffix(got[len(got)-1], "/sentinel")
		})
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], w.dir+"/")
		}
		if got = got[:len(got)-1]; strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: told %q, want %q", what, got, want)
		}
	}
	do("a file", func() { w.write("app/conf.yaml") }, "app/conf.yaml")
	do("another", func() { w.write("app/other.yaml") })
	do("a file that is replaced", func() { w.write("app/x"); w.rename("app/x", "app/conf.yaml") }, "app/conf.yaml")
	do("and again", func() { w.remove("app/conf.yaml"); w.write("app/conf.yaml") }, "app/conf.yaml")
	do("named, where its folder is ignored", func() { w.write("app/src/node_modules/own/x") }, "app/src/node_modules/own/x")
	do("and not the one beside it", func() { w.write("app/src/node_modules/own/y") })
	do("which goes", func() { w.remove("app/src/node_modules") }, "app/src/node_modules/own/x")
	do("a folder goes", func() { w.remove("app/src") }, "app/src/a")
	do("and comes back", func() { w.write("app/src/b") }, "app/src")
	do("and is the same as before", func() { w.write("app/src/c/d") }, "app/src/c/d")
	do("and is renamed", func() { w.rename("app/src", "app/src2") }, "app/src")
	do("which is over", func() { w.write("app/src2/b") })
	do("and another takes its place", func() { w.rename("app/src2", "app/src") }, "app/src")
	do("with what is in it", func() { w.write("app/src/b") }, "app/src/b")
	do("what was not there", func() { w.write("app/not/yet/here/x") }, "app/not")
	do("and is", func() { w.write("app/not/yet/here/x") }, "app/not/yet/here/x")
	do("beside it", func() { w.write("app/not/yet/there") })
	do("by a pattern", func() { w.write("app/lib/a.js") }, "app/lib/a.js")
	do("not by it", func() { w.write("app/lib/a.txt"); w.write("app/lib/sub/a.js") })
	do("by a deep one", func() { w.write("app/deep/p/q/x.py") }, "app/deep/p/q/x.py")
	do("not by it", func() { w.write("app/deep/y.py") })
	do("a new one of it", func() { w.write("app/deep/r/s/t/x.py") }, "app/deep/r/s/t/x.py")
	do("behind a link", func() { w.write("releases/1/a") }, "releases/current/a")
	do("not behind it", func() { w.write("releases/2/a") })
	do("another link", func() { w.link("2", "releases/new"); w.rename("releases/new", "releases/current") }, "releases/current")
	do("behind it now", func() { w.write("releases/2/a") }, "releases/current/a")
	do("not any more", func() { w.write("releases/1/a") })
	do("a ConfigMap", func() { w.link("..2025", "cm/..new"); w.rename("cm/..new", "cm/..data") }, "cm/..data")
	do("and once more", func() { w.link("..2024", "cm/..new"); w.rename("cm/..new", "cm/..data") }, "cm/..data")
}

// What a program has loaded is watched, and nothing beside it.
func TestLoadedFiles(t *testing.T) {
	w := watchTree(t, Plan{Ignore: []string{"node_modules"}}, "app.js", "lib/a.js", "lib/b.js", "node_modules/m/x.js", "sentinel")
	w.AddFiles([]string{w.path("app.js"), w.path("lib/a.js"), w.path("node_modules/m/x.js"), w.path("lib/missing.js"), w.path("sentinel"), "relative"}, time.Time{})
	w.expect("loaded", func() { w.write("lib/a.js") }, "lib/a.js")
	w.expect("not loaded", func() { w.write("lib/b.js"); w.write("lib/new.js") })
	w.expect("ignored", func() { w.write("node_modules/m/x.js") })
	w.expect("looked for in vain", func() { w.write("lib/missing.js") }, "lib/missing.js")
	w.expect("replaced", func() { w.write("lib/tmp"); w.rename("lib/tmp", "lib/a.js") }, "lib/a.js")
	w.expect("its folder goes", func() { w.remove("lib") }, "lib/a.js")
	w.expect("and comes back", func() { w.write("lib/a.js") }, "lib")
	w.expect("and the file is the same", func() { w.write("lib/a.js") }, "lib/a.js")
	if n := len(w.dirs); n != 2 {
		t.Errorf("%d folders are watched", n)
	}
	many := make([]string, maxFiles+10)
	for i := range many {
		many[i] = w.path("none/" + strconv.Itoa(i))
	}
	w.changes()
	w.AddFiles(many, time.Time{})
	w.AddFiles(many, time.Time{})
	want := "16384 files are watched, and no more than that\n  watch: {paths: [.]} watches folders instead"
	if got := w.changes(); len(got) != 1 || got[0] != want {
		t.Errorf("too many: %q", got)
	}
}

// What is edited after the Watcher was made and before it has come to the file is told: by what the file system says.
func TestEarlyEdits(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(w *tree)
		want string
	}{
		{"written", func(w *tree) { w.write("src/app.js") }, "src/app.js"},
		{"renamed over", func(w *tree) { w.rename("src/old", "src/app.js") }, "src/app.js"},
		{"new", func(w *tree) { w.write("a/b/c") }, "a/b/c"},
		{"ignored", func(w *tree) { w.write("x.log") }, ""},
		{"nothing", func(*tree) {}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := &tree{t: t, dir: t.TempDir()}
			for _, f := range []string{"src/app.js", "src/old", "x.log", "sentinel"} {
				w.write(f)
			}
			var turn sync.Mutex
			turn.Lock()
			var err error
			if w.Watcher, err = New(Plan{Dir: w.dir, Paths: []string{"."}, Ignore: []string{"*.log"}, Delay: time.Millisecond, Turns: &turn}, w.hear); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(w.Close)
			tick(t, w.began)
			c.edit(w)
			turn.Unlock()
			until(t, "all is watched", func() bool {
				all := w.all()
				return len(all) > 0 && (c.want == "" || len(all) > 1)
			})
			if c.want == "" {
				w.expect("what comes after it", func() { w.write("src/app.js") }, "src/app.js")
			} else if got := w.changes(); len(got) != 1 || got[0] != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

// tick waits until what changes is changed after that moment in the eyes of a file system whose clock goes by ticks.
func tick(t *testing.T, moment time.Time) {
	t.Helper()
	until(t, "the clock of file systems to go on", func() bool {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil {
			t.Fatal(err)
		}
		return time.Unix(now.Unix()).After(moment)
	})
}

// Node tells of a file after it has loaded it: if it is another one by then, that is told; if it was before, it is not.
func TestLoadedAndChanged(t *testing.T) {
	w := watchTree(t, Plan{}, "app.js", "lib.js", "old.js", "sentinel")
	w.AddFiles([]string{w.path("sentinel")}, time.Time{})
	started := time.Now()
	w.expect("before its start", func() {}) // what is loaded is as it was then
	w.AddFiles([]string{w.path("app.js"), w.path("old.js")}, started)
	w.expect("as it was when it was loaded", func() {})
	tick(t, started)
	w.changes()
	w.write("lib.js")
	w.AddFiles([]string{w.path("lib.js")}, started)
	until(t, "the change is told", func() bool { return len(w.all()) > 0 })
	if got := w.changes(); len(got) != 1 || got[0] != "lib.js" {
		t.Errorf("told %q", got)
	}
}
