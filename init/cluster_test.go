package pid1

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"goinit/spec"
	"goinit/supervise"
	"goinit/supervise/launch"

	"golang.org/x/sys/unix"
)

// host is an address of the loopback network that no other test and nobody's outgoing connections have.
var host = fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()>>16&63, os.Getpid()>>8&255, 1+os.Getpid()&127)

func testClusters(t *testing.T) *clusters {
	t.Helper()
	c := newClusters(launch.Accounts{}, func(a *spec.App, path string) string { return filepath.Join(a.WorkingDir, path) },
		func(a *spec.App) int { return a.Workers.Count }, func(text string) { t.Error(text) })
	t.Cleanup(c.Close)
	return c
}

func appOf(t *testing.T, name string, workers int, listen ...string) spec.App {
	t.Helper()
	text := fmt.Sprintf(`{"name": %q, "command": ["server"], "workers": %d, "listen": ["%s"]}`, name, workers, strings.Join(listen, `", "`))
	a, err := spec.LoadApp([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func prepare(t *testing.T, c *clusters, apps ...spec.App) {
	t.Helper()
	commit, _, err := c.Prepare(apps)
	if err != nil {
		t.Fatal(err)
	}
	commit()
}

func join(t *testing.T, c *clusters, a *spec.App, slot, generation int) supervise.Member {
	t.Helper()
	m, err := c.Join(supervise.Work{App: a, Slot: slot, Generation: generation}, func(supervise.Verdict) {})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// open reports whether somebody listens; a connection that is made is closed.
func open(t *testing.T, network, address string) bool {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err == nil {
		conn.Close()
	} else if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// One bad address refuses all, and what was there before is as it was.
func TestPrepareIsAllOrNothing(t *testing.T) {
	c := testClusters(t)
	taken, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	old := appOf(t, "old", 1, host+":7001")
	prepare(t, c, old)
	_, _, err = c.Prepare([]spec.App{appOf(t, "old", 1, host+":7002"), appOf(t, "new", 2, host+":7003", taken.Addr().String())})
	want := fmt.Sprintf("cannot listen on %v for new: goinit itself listens there already, for another app or another address of the spec\n", taken.Addr())
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, want %s", err, want)
	}
	for port, want := range map[string]bool{"7001": true, "7002": false, "7003": false} {
		if open(t, "tcp", host+":"+port) != want {
			t.Errorf("port %s: %v", port, !want)
		}
	}
	_, abort, err := c.Prepare([]spec.App{old, appOf(t, "new", 1, host+":7003")})
	if err != nil {
		t.Fatal(err)
	}
	abort()
	if open(t, "tcp", host+":7003") || !open(t, "tcp", host+":7001") || len(c.apps) != 1 {
		t.Errorf("after an abort: %v", c.apps)
	}
}

// What nobody names any more stays until those who have it are gone.
func TestSocketsOutliveTheirName(t *testing.T) {
	c := testClusters(t)
	web := appOf(t, "web", 1, host+":7011", host+":7012")
	prepare(t, c, web)
	m := join(t, c, &web, 0, 1)
	next := appOf(t, "web", 1, host+":7012")
	prepare(t, c, next)
	if !open(t, "tcp", host+":7011") {
		t.Error("it is closed under its worker")
	}
	m.Gone()
	if open(t, "tcp", host+":7011") || !open(t, "tcp", host+":7012") {
		t.Error("closed and kept the wrong one")
	}
	m = join(t, c, &next, 0, 2)
	prepare(t, c)
	m.Leave()
	if !open(t, "tcp", host+":7012") {
		t.Error("it is closed under its worker, with the app")
	}
	m.Gone()
	if open(t, "tcp", host+":7012") || len(c.apps) != 0 {
		t.Error("it outlives its app")
	}
}

// A name that comes back finds its sockets; goinit's end closes them with the last worker.
func TestSocketsAtTheEnd(t *testing.T) {
	c := testClusters(t)
	web := appOf(t, "web", 1, host+":7021")
	prepare(t, c, web)
	m := join(t, c, &web, 0, 1)
	prepare(t, c)
	prepare(t, c, web)
	m.Gone()
	if !open(t, "tcp", host+":7021") {
		t.Fatal("it is closed, and its app is back")
	}
	m = join(t, c, &web, 0, 2)
	c.ending = func() bool { return true }
	m.Gone()
	if open(t, "tcp", host+":7021") {
		t.Error("goinit ends, and its clients wait")
	}
}

func TestGivenToAWorker(t *testing.T) {
	c := testClusters(t)
	dir := t.TempDir()
	a := appOf(t, "web", 2, "unix:web.sock", host+":7031", "udp:"+host+":7031")
	a.WorkingDir, a.User = dir, "0:0"
	a.Listen[1].Name = "http"
	prepare(t, c, a)
	first, second := join(t, c, &a, 0, 1).Given(), join(t, c, &a, 1, 2).Given()
	for _, g := range []supervise.Given{first, second} {
		if want := []string{"LISTEN_PID=0", "LISTEN_FDS=3", "LISTEN_FDNAMES=web:http:web"}; !slices.Equal(g.Environment, want) || len(g.Files) != 3 {
			t.Errorf("%+v, want %v", g, want)
		}
	}
	if first.Files[3] != second.Files[3] || first.Files[4] == second.Files[4] || first.Files[5] != second.Files[5] {
		t.Errorf("%v, %v: a socket of TCP for each slot, else one for all", first.Files, second.Files)
	}
	if !open(t, "unix", filepath.Join(dir, "web.sock")) {
		t.Error("a relative path is in working_dir")
	}
}

// Connections go to the slots that have a process in the balance.
func TestMembersAreBalanced(t *testing.T) {
	c := testClusters(t)
	web := appOf(t, "web", 3, host+":7041")
	prepare(t, c, web)
	var members []supervise.Member
	for slot := range 3 {
		members = append(members, join(t, c, &web, slot, 1))
	}
	var fds []unix.PollFd
	for _, m := range members {
		fds = append(fds, unix.PollFd{Fd: int32(m.Given().Files[3]), Events: unix.POLLIN})
	}
	got := func() (slots []int) {
		const connections = 60
		for range connections {
			if !open(t, "tcp", host+":7041") {
				t.Fatal("refused")
			}
		}
		for n := 0; n < connections; {
			if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
				t.Fatal(err)
			}
			for slot, fd := range fds {
				if fd.Revents == 0 {
					continue
				}
				conn, _, err := unix.Accept4(int(fd.Fd), unix.SOCK_CLOEXEC)
				if err != nil {
					t.Fatal(err)
				}
				unix.Close(conn)
				n++
				if !slices.Contains(slots, slot) {
					slots = append(slots, slot)
				}
			}
		}
		slices.Sort(slots)
		return slots
	}
	for _, step := range []struct {
		what string
		do   func()
		want []int
	}{
		{"nobody is ready: they wait", func() {}, []int{0, 1, 2}},
		{"one is ready", members[1].Enter, []int{1}},
		{"all are", func() { members[0].Enter(); members[2].Enter() }, []int{0, 1, 2}},
		{"one is not any more", members[0].Leave, []int{1, 2}},
		{"one drains", func() {
			if members[1].Drain() {
				t.Error("it cannot be told")
			}
		}, []int{2}},
		{"its successor is ready", func() { members = append(members, join(t, c, &web, 1, 2)); members[3].Enter() }, []int{1, 2}},
		{"it has gone, its successor has not", members[1].Gone, []int{1, 2}},
	} {
		step.do()
		if slots := got(); !slices.Equal(slots, step.want) {
			t.Errorf("%s: %v, want %v", step.what, slots, step.want)
		}
	}
}

// A backlog that the kernel cuts is told, once.
func TestBacklogIsCut(t *testing.T) {
	c := testClusters(t)
	var told []string
	c.inform = func(text string) { told = append(told, text) }
	limit, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Skip(err)
	}
	a := appOf(t, "web", 2, host+":7051", host+":7052")
	a.Listen[0].Backlog, a.Listen[1].Backlog = 65535, 65535
	if strings.TrimSpace(string(limit)) == "65535" {
		t.Skip("it is not cut here")
	}
	prepare(t, c, a)
	want := fmt.Sprintf("%s:7051: %s connections may wait here, not 65535: net.core.somaxconn is less\n  raise it: docker run --sysctl net.core.somaxconn=65535", host, strings.TrimSpace(string(limit)))
	if len(told) != 1 || told[0] != want {
		t.Errorf("%q, want %q", told, want)
	}
}

// Every message about an address, word for word but for who has it.
func TestListenMessages(t *testing.T) {
	c := testClusters(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", filepath.Join(dir, "live"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	long := "unix:" + strings.Repeat("x", 100)
	for listen, want := range map[string]string{
		"192.0.2.1:80":   "cannot listen on 192.0.2.1:80 for web: no network interface here has this address\n  write \":80\" for all that there are",
		"unix:none/sock": "cannot listen on unix:DIR/none/sock for web: DIR/none is not a directory\n  make it in the image, or mount a tmpfs there",
		"unix:file":      "cannot listen on unix:DIR/file for web: a file is there\n  remove it, or write another path",
		"unix:live":      "cannot listen on unix:DIR/live for web: goinit itself listens there already, for another app or another address of the spec\n  write each address once; \":80\" is all of them",
		long:             "web: listen: DIR/" + long[5:] + " is a path of N bytes, and a socket's has 107 at most\n  write a shorter one, or a shorter working_dir",
	} {
		a := appOf(t, "web", 1, listen)
		a.WorkingDir = dir
		_, _, err := c.Prepare([]spec.App{a})
		if err == nil {
			t.Errorf("%s: no error", listen)
			continue
		}
		got := regexp.MustCompile(`of \d+ bytes`).ReplaceAllString(strings.ReplaceAll(err.Error(), dir, "DIR"), "of N bytes")
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
