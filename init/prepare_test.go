package pid1

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goinit/cluster"
	"goinit/spec"
	"goinit/supervise"

	"golang.org/x/sys/unix"
)

// connect has so many connections wait somewhere.
func connect(t *testing.T, address string, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
}

// accept takes so many connections from what members have as their only socket, and returns how many came to each.
func accept(t *testing.T, n int, from ...supervise.Member) []int {
	t.Helper()
	var fds []unix.PollFd
	for _, m := range from {
		fds = append(fds, unix.PollFd{Fd: int32(m.Given().Files[3]), Events: unix.POLLIN})
	}
	got := make([]int, len(from))
	for n > 0 {
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		for i := range fds {
			if fds[i].Revents == 0 {
				continue
			}
			fd, _, err := unix.Accept4(int(fds[i].Fd), unix.SOCK_CLOEXEC)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(fd)
			got[i]++
			n--
		}
	}
	return got
}

// Workers that share one socket are replaced by those that have their own, and those by such that share again: who connects
// comes to somebody who accepts, whenever it is.
func TestBalanceChanges(t *testing.T) {
	c := testClusters(t)
	address := host + ":7101"
	web := appOf(t, "web", 2, address)
	web.Balance = "shared"
	prepare(t, c, web)
	old := []supervise.Member{join(t, c, &web, 0, 1), join(t, c, &web, 1, 1)}
	for _, m := range old {
		m.Enter()
	}

	own := web
	own.Balance = "reuseport"
	prepare(t, c, own)
	next := []supervise.Member{join(t, c, &own, 0, 2), join(t, c, &own, 1, 2)}
	fds := []int{old[0].Given().Files[3], next[0].Given().Files[3], next[1].Given().Files[3]}
	if fds[0] != fds[1] || fds[1] == fds[2] {
		t.Fatalf("descriptors %v: the first slot goes on with what was for all, the second has its own", fds)
	}
	next[0].Enter()
	connect(t, address, 20)
	if got := accept(t, 20, next...); got[1] > 0 {
		t.Errorf("%v: the second is not ready", got)
	}
	next[1].Enter()
	for _, m := range old {
		m.Drain()
		m.Gone()
	}
	connect(t, address, 60)
	if got := accept(t, 60, next...); got[0] == 0 || got[1] == 0 {
		t.Errorf("%v: both are ready", got)
	}

	prepare(t, c, web)
	last := []supervise.Member{join(t, c, &web, 0, 3), join(t, c, &web, 1, 3)}
	if a, b := last[0].Given().Files[3], last[1].Given().Files[3]; a != fds[0] || b != fds[0] {
		t.Fatalf("descriptors %d and %d, want %d for both", a, b, fds[0])
	}
	connect(t, address, 60) // into the queues of both
	for i := range last {
		last[i].Enter()
		next[i].Drain()
		next[i].Gone()
	}
	accept(t, 60, last[0])
	connect(t, address, 20)
	accept(t, 20, last[0])
}

// Who waits at an address that another app has by now is served by that one.
func TestAddressMovesToAnotherApp(t *testing.T) {
	c := testClusters(t)
	address := host + ":7111"
	web, other := appOf(t, "web", 3, address), appOf(t, "other", 1, address)
	prepare(t, c, web)
	var old []supervise.Member
	for slot := range 3 {
		old = append(old, join(t, c, &web, slot, 1))
		old[slot].Enter()
	}
	_, abort, err := c.Prepare([]spec.App{other})
	if err != nil {
		t.Fatal(err)
	}
	abort()
	connect(t, address, 60)
	if got := accept(t, 60, old...); slices.Contains(got, 0) {
		t.Errorf("after an abort: %v", got)
	}

	prepare(t, c, other)
	connect(t, address, 60)
	if got := accept(t, 60, old...); slices.Contains(got, 0) {
		t.Errorf("%v: nobody else is ready", got)
	}
	if _, err := c.Join(supervise.Work{App: &web, Slot: 0, Generation: 2}, func(supervise.Verdict) {}); err == nil {
		t.Error("a worker comes to where its app is no more")
	}
	m := join(t, c, &other, 0, 1)
	connect(t, address, 60) // into the queues of all
	m.Enter()
	for _, o := range old {
		o.Drain()
		o.Gone()
	}
	accept(t, 60, m)
	connect(t, address, 20)
	accept(t, 20, m)
	if len(c.apps) != 1 {
		t.Errorf("%d apps have sockets", len(c.apps))
	}

	prepare(t, c, web) // and back, with what it has and more
	m.Leave()
	again := join(t, c, &web, 2, 2)
	connect(t, address, 20)
	again.Enter()
	m.Gone()
	accept(t, 20, again)
	prepare(t, c)
	again.Gone()
	if open(t, "tcp", address) {
		t.Error("it outlives its apps")
	}
}

// Two apps may change places.
func TestAddressesAreSwapped(t *testing.T) {
	c := testClusters(t)
	dir := t.TempDir()
	here := func(name, listen string) spec.App {
		a := appOf(t, name, 1, listen)
		a.WorkingDir = dir
		return a
	}
	a, b := here("a", "unix:1.sock"), here("b", "unix:2.sock")
	prepare(t, c, a, b)
	m := join(t, c, &a, 0, 1)
	m.Enter()
	a, b = here("a", "unix:2.sock"), here("b", "unix:1.sock")
	prepare(t, c, a, b)
	m.Gone()
	for _, name := range []string{"1.sock", "2.sock"} {
		if !open(t, "unix", filepath.Join(dir, name)) {
			t.Errorf("%s is closed", name)
		}
	}
	prepare(t, c, a)
	if open(t, "unix", filepath.Join(dir, "1.sock")) || !open(t, "unix", filepath.Join(dir, "2.sock")) {
		t.Error("closed and kept the wrong one")
	}
}

// How many may wait, and who may connect, is what the last word says.
func TestOptionsOfAnOpenSocket(t *testing.T) {
	c := testClusters(t)
	dir := t.TempDir()
	web := appOf(t, "web", 2, "unix:web.sock", host+":7121")
	web.WorkingDir = dir
	web.Listen[1].Backlog = 3
	prepare(t, c, web)
	if got := backlogOf(t, c, 7121); got != 3 {
		t.Errorf("%d may wait, want 3", got)
	}
	next := web
	next.Listen = slices.Clone(web.Listen)
	next.Listen[0].Mode, next.Listen[1].Backlog = "0600", 5
	mode := func() os.FileMode {
		i, err := os.Stat(filepath.Join(dir, "web.sock"))
		if err != nil {
			t.Fatal(err)
		}
		return i.Mode().Perm()
	}
	_, abort, err := c.Prepare([]spec.App{next})
	if err != nil {
		t.Fatal(err)
	}
	if got := backlogOf(t, c, 7121); got != 5 || mode() != 0o600 {
		t.Errorf("%d may wait, want 5; %v, want 0600", got, mode())
	}
	abort()
	if got := backlogOf(t, c, 7121); got != 3 || mode() != 0o660 {
		t.Errorf("after an abort: %d may wait, want 3; %v, want 0660", got, mode())
	}
}

// backlogOf is how many connections may wait at an address of web's, in each slot: tcpi_sacked of a socket that listens is
// that (tcp_get_info() of the kernel).
func backlogOf(t *testing.T, c *clusters, port int) int {
	t.Helper()
	var all []int
	for slot := range 2 {
		s, err := c.apps["web"].pool.Socket(slot, cluster.Address{Host: host, Port: port}, cluster.Options{})
		if err != nil {
			t.Fatal(err)
		}
		info, err := unix.GetsockoptTCPInfo(s.FD, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, int(info.Sacked))
	}
	if all[0] != all[1] {
		t.Errorf("the slots differ: %v", all)
	}
	return all[0]
}

// An apply that comes to nothing leaves alone what Node's workers have opened by themselves, also while none of them is there.
func TestAbortLeavesWhatWorkersOpened(t *testing.T) {
	c := testClusters(t)
	where := cluster.Address{Host: host, Port: 7131}
	web := appOf(t, "web", 2, where.String())
	web.Listen, web.Node = nil, spec.NodeCluster
	prepare(t, c, web)
	if _, err := c.apps["web"].pool.Socket(0, where, cluster.Options{}); err != nil { // as nodeipc does
		t.Fatal(err)
	}
	named := appOf(t, "web", 2, where.String())
	named.Node = spec.NodeCluster
	_, abort, err := c.Prepare([]spec.App{named})
	if err != nil {
		t.Fatal(err)
	}
	abort()
	if !open(t, "tcp", where.String()) {
		t.Error("it is closed")
	}
}

// Where connections cannot be steered, a change of balance that would lose some is refused.
func TestBalanceThatCannotChange(t *testing.T) {
	web := appOf(t, "web", 2, host+":7141")
	got := fmt.Sprint(explainMode(&web, cluster.ErrNotSteered))
	want := strings.Join([]string{
		"web: balance cannot be changed while its sockets are open: this kernel does not let connections be steered, and some would wait for ever",
		"  start goinit anew for it",
	}, "\n")
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := relayShort(unix.EMFILE), "connections that wait for a worker that has gone cannot be given to another for now: too many open files\n  raise goinit's limit: docker run --ulimit nofile=N, ulimit -n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
