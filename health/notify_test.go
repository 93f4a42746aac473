package health

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestNotifications(t *testing.T) {
	for _, c := range []struct {
		text string
		want notification
	}{
		{"READY=1", notification{Ready: true}},
		{"READY=1\nSTATUS=well\tdone\x1b[31m\n", notification{Ready: true, Status: "well\tdone[31m", HasStatus: true}},
		{"STATUS=", notification{HasStatus: true}},
		{"STATUS=" + strings.Repeat("é", 400), notification{Status: strings.Repeat("é", 256), HasStatus: true}},
		{"RELOADING=1\nMONOTONIC_USEC=5", notification{Reloading: true}},
		{"RELOADING=1\nREADY=1", notification{Ready: true}},
		{"STOPPING=1\nERRNO=2", notification{Stopping: true, Errno: 2}},
		{"WATCHDOG=1", notification{Alive: true}},
		{"WATCHDOG=trigger", notification{Trigger: true}},
		{"WATCHDOG_USEC=2000000", notification{Watchdog: 2 * time.Second}},
		{"EXTEND_TIMEOUT_USEC=1500000", notification{Extend: 1500 * time.Millisecond}},
		{"EXTEND_TIMEOUT_USEC=99999999999999999999", notification{}},
		{"EXTEND_TIMEOUT_USEC=9223372036854775807", notification{}},
		{"MAINPID=17", notification{MainPID: 17}},
		{"MAINPID=-17\nERRNO=99999\nWATCHDOG_USEC=x", notification{}},
		{"READY=0\nready=1\nREADY\n=\n\n\x00", notification{}},
		{"X_MINE=1\nFDSTORE=1\nFDNAME=x\nBARRIER=1", notification{}},
	} {
		if got := parseNotification([]byte(c.text)); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.text, got, c.want)
		}
	}
}

func FuzzNotification(f *testing.F) {
	f.Add([]byte("READY=1\nSTATUS=x\nMAINPID=1\nEXTEND_TIMEOUT_USEC=5\nWATCHDOG=trigger"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := parseNotification(b)
		if len(n.Status) > maxStatus || strings.ContainsAny(n.Status, "\n\x1b\x00") || n.Extend < 0 || n.Watchdog < 0 || n.MainPID < 0 || n.Errno < 0 {
			t.Errorf("%+v", n)
		}
	})
}

// send is a datagram of ours, with descriptors. It waits while the queue is full.
func send(t *testing.T, socket, text string, files ...int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	if err := unix.Sendmsg(fd, []byte(text), rights, &unix.SockaddrUnix{Name: socket}, 0); err != nil {
		t.Fatal(err)
	}
}

func notifySocketOf(t *testing.T, w *Watch) string {
	t.Helper()
	environment, _, given := w.Given()
	given()
	for _, kv := range environment {
		if name, ok := strings.CutPrefix(kv, "NOTIFY_SOCKET="); ok {
			return name
		}
	}
	t.Fatalf("no NOTIFY_SOCKET in %q", environment)
	return ""
}

func own(pid int) bool { return pid == os.Getpid() }

func TestNotify(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		w, v := open(t, Plan{NotifyDir: dir, Owns: own, Readiness: &Readiness{Notify: true}})
		s := notifySocketOf(t, w)
		if (dir == "") != (s[0] == '@') {
			t.Errorf("in %q the socket is %s", dir, s)
		}
		send(t, s, "READY=1\nSTATUS=before the start is told") // waits in the queue
		w.Started()
		if x := v.await(t, Status); x.Why != "before the start is told" {
			t.Errorf("%+v", x)
		}
		v.await(t, Ready)
		send(t, s, "READY=1") // no news
		send(t, s, "RELOADING=1")
		if x := v.await(t, Unready); x.Why != "it said RELOADING=1" {
			t.Errorf("%+v", x)
		}
		send(t, s, "READY=1\nEXTEND_TIMEOUT_USEC=5000000")
		if x := v.await(t, Extended); x.Extend != 5*time.Second {
			t.Errorf("%+v", x)
		}
		v.await(t, Ready)
		send(t, s, "STOPPING=1\nERRNO=2")
		if x := v.await(t, Status); x.Why != "ERRNO=2: no such file or directory" {
			t.Errorf("%+v", x)
		}
		v.await(t, Stopping)
		send(t, s, fmt.Sprintf("MAINPID=%d", os.Getppid())) // not its own
		send(t, s, fmt.Sprintf("MAINPID=%d", os.Getpid()))
		if x := v.await(t, MainPID); x.PID != os.Getpid() {
			t.Errorf("%+v", x)
		}
		send(t, s, "STATUS="+strings.Repeat("x", maxNotification)) // too long: as if it had not come
		send(t, s, "STATUS=last")
		if x := v.await(t, Status); x.Why != "last" {
			t.Errorf("%.20s", x.Why)
		}
		w.Stop()
		if dir != "" {
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		}
		if _, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s, Net: "unixgram"}); err == nil {
			t.Error("there is still a socket")
		}
	}
}

// TestNotifyOfAnother: it says READY=1, and is not the worker.
func TestNotifyOfAnother(t *testing.T) {
	need(t, "systemd-notify")
	w, v := open(t, Plan{Owns: own, Readiness: &Readiness{Notify: true}})
	w.Started()
	s := notifySocketOf(t, w)
	c := exec.Command("systemd-notify", "--ready", "--status=I am another")
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+s)
	if out, err := c.CombinedOutput(); err != nil { // it waits until the message has been acted upon
		t.Fatalf("%v %s", err, out)
	}
	x := v.await(t, Ignored)
	if want := fmt.Sprintf("a notification of pid %d was ignored: it is none of this worker's processes, or had ended by the time that it was looked at", c.Process.Pid); x.Why != want {
		t.Errorf("%q, want %q", x.Why, want)
	}
	send(t, s, "STATUS=mine") // the first that is heard
	if x := <-v; x.Kind != Status || x.Why != "mine" {
		t.Errorf("%+v", x)
	}
}

// TestSystemdNotify: by the time that it has ended, its message is taken, and it is there to be looked at until then.
func TestSystemdNotify(t *testing.T) {
	need(t, "systemd-notify")
	var seen atomic.Int64
	w, v := open(t, Plan{Owns: func(pid int) bool {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if strings.TrimSpace(string(name)) == "systemd-notify" {
			seen.Store(int64(pid))
		}
		return true
	}, Readiness: &Readiness{Notify: true}})
	w.Started()
	c := exec.Command("systemd-notify", "--ready")
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+notifySocketOf(t, w))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if int(seen.Load()) != c.Process.Pid {
		t.Errorf("its sender was seen as %d, and is %d", seen.Load(), c.Process.Pid)
	}
	v.await(t, Ready)
}

// TestNotifyFilesAreClosed: a worker is not to fill our descriptors.
func TestNotifyFilesAreClosed(t *testing.T) {
	w, v := open(t, Plan{Owns: own, Readiness: &Readiness{Notify: true}})
	w.Started()
	s := notifySocketOf(t, w)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	many := slices.Repeat([]int{p[1]}, 100)
	send(t, s, "FDSTORE=1", many...)
	send(t, s, "FDSTORE=1", many...)
	unix.Close(p[1])
	send(t, s, "STATUS=after")
	v.await(t, Status)
	if n, err := unix.Read(p[0], make([]byte, 1)); n != 0 || err != nil { // would wait for ever
		t.Errorf("%d %v", n, err)
	}
}

// TestNotifySocketBelongsToTheUser: nobody else's kernel lets them send.
func TestNotifySocketBelongsToTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	dir, err := os.MkdirTemp("/tmp", "goinit-notify-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	try := func(s string, uid uint32) error {
		c := exec.Command(python(t), "-c", `import socket,sys; n=sys.argv[1]; s=socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect("\0"+n[1:] if n[0]=="@" else n); s.send(b"READY=1")`, s)
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		c.Dir = "/"
		out, err := c.CombinedOutput()
		if err != nil && !strings.Contains(string(out), "PermissionError") {
			t.Fatalf("%v: %s", err, out)
		}
		return err
	}
	w, _ := open(t, Plan{NotifyDir: dir, UID: 1234, Owns: own, Readiness: &Readiness{Notify: true}})
	if s := notifySocketOf(t, w); s[0] != '@' {
		t.Errorf("%s, which 1234 cannot reach", s)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	w, v := open(t, Plan{NotifyDir: dir, UID: 1234, Owns: func(int) bool { return true }, Readiness: &Readiness{Notify: true}})
	w.Started()
	s := notifySocketOf(t, w)
	if filepath.Dir(s) != dir {
		t.Fatalf("the socket is %s", s)
	}
	if try(s, 1235) == nil {
		t.Error("1235 could send")
	}
	if err := try(s, 1234); err != nil {
		t.Errorf("1234 could not send: %v", err)
	}
	v.await(t, Ready)
}

// python is one that another user can execute.
func python(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("/usr/bin/python3 is not installed")
	}
	return "/usr/bin/python3"
}

// TestNotifyFlood: whoever sends without end waits, and is not read without end.
func TestNotifyFlood(t *testing.T) {
	l := newLimit(3, time.Second)
	now := time.Now()
	for i, want := range []time.Duration{0, 0, time.Second} {
		if got := l.over(now); got != want {
			t.Errorf("message %d waits %v, want %v", i, got, want)
		}
	}
	if got := l.over(now.Add(400 * time.Millisecond)); got != 600*time.Millisecond {
		t.Errorf("waits %v, want 600ms", got)
	}
	if got := l.over(now.Add(time.Second)); got != 0 {
		t.Errorf("in the next window it waits %v", got)
	}

	// And the socket goes on after a flood, and closes in the middle of one.
	w, v := open(t, Plan{Owns: own, Readiness: &Readiness{Notify: true}})
	w.Started()
	s := notifySocketOf(t, w)
	for range 2 * notifyBurst {
		send(t, s, "WATCHDOG=1")
	}
	send(t, s, "READY=1")
	v.await(t, Ready)
	for range notifyBurst {
		send(t, s, "WATCHDOG=1")
	}
	w.Stop()
}

func TestHeartbeat(t *testing.T) {
	w, v := open(t, Plan{Owns: own, Liveness: &Liveness{Heartbeat: time.Hour}})
	environment, _, _ := w.Given()
	if !slices.Contains(environment, "WATCHDOG_USEC=3600000000") {
		t.Errorf("given %q", environment)
	}
	w.Started()
	w.Ready()
	s := notifySocketOf(t, w)
	send(t, s, "READY=1\nWATCHDOG=1\nSTATUS=x")
	if x := <-v; x.Kind != Status { // readiness is not by notify
		t.Errorf("%+v", x)
	}
	send(t, s, "WATCHDOG=trigger")
	if x := v.await(t, Unhealthy); x.Why != "it said WATCHDOG=trigger" {
		t.Errorf("%+v", x)
	}
	send(t, s, "WATCHDOG_USEC=150000")
	if x := v.await(t, Unhealthy); x.Why != "no WATCHDOG=1 for 150ms" {
		t.Errorf("%+v", x)
	}
}

func TestNewline(t *testing.T) {
	start := func(script string) (*Watch, verdicts) {
		w, v := open(t, Plan{Readiness: &Readiness{FD: 3}})
		_, files, given := w.Given()
		c := exec.Command("sh", "-c", script)
		c.ExtraFiles = []*os.File{os.NewFile(uintptr(dup(files[3])), "fd 3")}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		c.ExtraFiles[0].Close()
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		given()
		w.Started()
		return w, v
	}
	_, v := start("printf starting >&3; echo >&3; exec sleep 1000")
	v.await(t, Ready)
	_, v = start("exec 3>&-; exec sleep 1000")
	if x := v.await(t, NotYet); x.Why != "descriptor 3 was closed without a newline on it" {
		t.Errorf("%+v", x)
	}
	w, _ := start("exec sleep 1000")
	w.Stop() // it waits for ever, and is given up
}

func TestLine(t *testing.T) {
	w, v := open(t, Plan{Readiness: &Readiness{Line: regexp.MustCompile(`listening on \d+`)}})
	w.Started()
	if !w.Hears() {
		t.Error("does not want to hear")
	}
	for _, l := range []string{"starting", "listening on http", "listening on 80", "listening on 81"} {
		w.Line([]byte(l))
	}
	v.await(t, Ready)
	if len(v) > 0 {
		t.Errorf("and then %+v", <-v)
	}
}
