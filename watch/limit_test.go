package watch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Whatever the kernel forgets is found by walking once, and is one change.
func TestOverflow(t *testing.T) {
	queue, err := strconv.Atoi(setting("max_queued_events"))
	if err != nil || queue > 1<<17 {
		t.Skipf("fs.inotify.max_queued_events is %d: that takes too long to fill", queue)
	}
	w := watchTree(t, Plan{Paths: []string{"."}, Ignore: []string{"*.log"}}, "src/app.js", "src/a.log", "src/b.log", "sentinel")
	w.expect("more changes than the queue holds", func() {
		for i := range queue + 10 { // two in turn, for the kernel merges equal ones
			fd, err := unix.Open(w.path([]string{"src/a.log", "src/b.log"}[i%2]), unix.O_WRONLY, 0)
			w.check(err)
			unix.Close(fd)
		}
		w.write("new/folder/late.js")
	}, "new/folder/late.js")
	w.expect("a folder that was made while nobody was told", func() { w.write("new/folder/late.js") }, "new/folder/late.js")
}

// beLimited is root of a namespace in which few watches may be had.
func beLimited() {
	set := func(name, value string) {
		if err := os.WriteFile("/proc/sys/user/"+name, []byte(value), 0); err != nil {
			fmt.Println("skip: " + err.Error())
			os.Exit(0)
		}
	}
	set("max_inotify_watches", "5")
	dir := os.Getenv("WATCH_TEST_DIR")
	news := make(chan News, 100)
	tell := func(n News) { news <- n }
	w, err := New(Plan{Dir: dir, Paths: []string{"."}, Delay: time.Millisecond}, tell)
	if err != nil {
		fmt.Println(err)
		return
	}
	said := func(n News) {
		fmt.Println(n.Kind, n.Path, n.Directories)
		if n.Err != nil {
			fmt.Println(strings.ReplaceAll(n.Err.Error(), dir, "DIR"))
		}
	}
	said(<-news)
	said(<-news)
	for i := range 3 { // it goes on with what it has, and complains no more
		if err := os.MkdirAll(filepath.Join(dir, "new"+strconv.Itoa(i)), 0o755); err != nil {
			fmt.Println(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		fmt.Println(err)
	}
	said(<-news)
	w.Close()
	until := time.Now().Add(time.Minute)
	for time.Now().Before(until) { // the old one's are given back by then
		set("max_inotify_instances", "1")
		if _, err = New(Plan{Dir: dir, Delay: time.Millisecond}, tell); err == nil {
			break
		}
	}
	if err != nil {
		fmt.Println("the first one:", err)
		return
	}
	if _, err = New(Plan{Dir: dir, Delay: time.Millisecond}, tell); err != nil {
		fmt.Println(err)
	}
}

// What the kernel's limits keep from being watched is told once, with the remedy; the rest is watched.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	for i := range 10 {
		if err := os.Mkdir(filepath.Join(dir, strconv.Itoa(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{"WATCH_TEST_AS=limited", "WATCH_TEST_DIR=" + dir}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.HasPrefix(string(out), "skip: ") {
		t.Skipf("no user namespace with limits of its own: %v %s", err, out)
	}
	got := string(out)
	for _, name := range []string{"max_user_watches", "max_user_instances"} {
		got = strings.ReplaceAll(got, name+" ("+setting(name)+")", name+" (N)")
	}
	const want = `2  0
not all of DIR is watched: all of fs.inotify.max_user_watches (N) are taken, 5 of them here
  sysctl fs.inotify.max_user_watches=524288 on the host; or watch less: watch: {paths: […], ignore: […]}
0  5
1 file 5
files cannot be watched: all of fs.inotify.max_user_instances (N) are taken, or goinit's open files
  sysctl fs.inotify.max_user_instances=1024 on the host, or ulimit -n
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// After Close nothing is told, and nothing is left.
func TestClose(t *testing.T) {
	open := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := open()
	for range 100 {
		w, err := New(Plan{Dir: t.TempDir(), Paths: []string{".", "x"}, Delay: time.Millisecond}, func(News) {})
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	until(t, "the descriptors are closed", func() bool { return open() <= before })
}
