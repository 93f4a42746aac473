package reaper

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func ptr[T any](v T) *T { return &v }

// ownStatus is a line of our own /proc/self/status.
func ownStatus(t *testing.T, field string) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, field+":") {
			return strings.TrimSuffix(line, "\n")
		}
	}
	t.Fatalf("no %s in /proc/self/status", field)
	return ""
}

func needsNativeFork(t *testing.T) {
	t.Helper()
	if !NativeFork {
		t.Skip("this build forks with syscall.ForkExec, which cannot do it")
	}
}

// Every attribute is what the child sees in its first instruction: the program is the witness.
func TestAttributes(t *testing.T) {
	needsNativeFork(t)
	if !inside(t, asPID1) {
		return
	}
	l := newLedger(t)
	status := func(field string) []string { return []string{"/bin/grep", "^" + field + ":", "/proc/self/status"} }
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	const netBind = 1 << unix.CAP_NET_BIND_SERVICE
	for _, c := range []struct {
		name    string
		command Command
		want    string
	}{
		{"directory", Command{Argv: sh("pwd"), Dir: "/usr/bin"}, "/usr/bin"},
		{"environment with duplicates", Command{Argv: []string{"/bin/cat", "/proc/self/environ"}, Env: []string{"A=1", "A=2", "odd"}}, "A=1\x00A=2\x00odd\x00"},
		{"umask", Command{Argv: status("Umask"), Umask: ptr(0o027)}, "Umask:\t0027"},
		{"nice", Command{Argv: sh("nice"), Nice: ptr(7)}, "7"},
		{"ionice", Command{Argv: sh("ionice"), IOPriority: ptr(2<<13 | 6)}, "best-effort: prio 6"},
		{"oom_score_adj", Command{Argv: sh("cat /proc/self/oom_score_adj"), OOMScoreAdj: ptr(321)}, "321"},
		{"oom_score_adj 0", Command{Argv: sh("cat /proc/self/oom_score_adj"), OOMScoreAdj: ptr(0)}, "0"},
		{"ulimits", Command{Argv: sh("ulimit -Sn; ulimit -Hn; ulimit -c"), Limits: []Limit{{unix.RLIMIT_NOFILE, 77, 99}, {unix.RLIMIT_CORE, 0, 0}}}, "77\n99\n0"},
		{"RLIMIT_AS of 64 MiB", Command{Argv: sh("ulimit -v"), Limits: []Limit{{unix.RLIMIT_AS, 64 << 20, 64 << 20}}}, "65536"},
		{"nproc 1 as a user", Command{Argv: status("Uid"), Limits: []Limit{{unix.RLIMIT_NPROC, 1, 1}}, Credential: &Credential{UID: 54321, GID: 5}},
			"Uid:\t54321\t54321\t54321\t54321"},
		{"gid", Command{Argv: status("Gid"), Credential: &Credential{UID: 12345, GID: 234}}, "Gid:\t234\t234\t234\t234"},
		{"groups", Command{Argv: status("Groups"), Credential: &Credential{UID: 1, GID: 2, Groups: []uint32{3, 4}}}, "Groups:\t3 4 "},
		{"no groups", Command{Argv: status("Groups"), Credential: &Credential{UID: 1, GID: 2, Groups: []uint32{}}}, "Groups:\t "},
		{"no_new_privs", Command{Argv: status("NoNewPrivs"), NoNewPrivileges: true}, "NoNewPrivs:\t1"},
		{"user without capabilities", Command{Argv: status("CapEff"), Credential: &Credential{UID: 1, GID: 1}}, "CapEff:\t0000000000000000"},
		{"root with one capability", Command{Argv: status("Cap...") /* all */, Capabilities: &Capabilities{Bounding: netBind, Permitted: netBind}},
			"CapInh:\t0000000000000000\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nCapAmb:\t0000000000000000"},
		{"user with an ambient capability", Command{Argv: status("Cap..."), Credential: &Credential{UID: 1, GID: 1, Groups: []uint32{}},
			Capabilities: &Capabilities{Bounding: netBind, Permitted: netBind, Inheritable: netBind, Ambient: netBind}},
			"CapInh:\t0000000000000400\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nCapAmb:\t0000000000000400"},
		{"signal mask", Command{Argv: status("SigBlk"), SignalMask: 1<<(unix.SIGTERM-1) | 1<<(50-1)}, "SigBlk:\t0002000000004000"},
		{"clean signal mask", Command{Argv: status("SigBlk")}, "SigBlk:\t0000000000000000"},
		{"no signal is ignored but what we were told to", Command{Argv: status("SigIgn")}, ownStatus(t, "SigIgn")},
		{"process group", Command{Argv: sh(`set -- $(cat /proc/self/stat); [ $5 = $$ ] && [ $6 != $$ ] && echo own`), Group: true}, "own"},
		{"session", Command{Argv: sh(`set -- $(cat /proc/self/stat); [ $5 = $$ ] && [ $6 = $$ ] && echo own`), Session: true}, "own"},
		{"neither", Command{Argv: sh(`set -- $(cat /proc/self/stat); [ $5 != $$ ] && echo ours`)}, "ours"},
		{"LISTEN_PID", Command{Argv: sh(`[ "$LISTEN_PID" = $$ ] && echo mine: $LISTEN_FDS`), Env: []string{"LISTEN_FDS=1", "LISTEN_PID=1"}, ListenPID: true}, "mine: 1"},
		{"another's LISTEN_PID", Command{Argv: sh(`echo $LISTEN_PID`), Env: []string{"LISTEN_PID=1"}}, "1"},
	} {
		out, s := l.run(t, &c.command)
		if strings.TrimSuffix(out, "\n") != c.want || s.Code() != 0 {
			t.Errorf("%s: %q, status %d; want %q", c.name, out, s.Code(), c.want)
		}
	}
}

// In its cgroup before its first instruction, on whatever hierarchy can be had.
func TestCgroups(t *testing.T) {
	needsNativeFork(t)
	group := ""
	if os.Getenv(insideVariable) == "" {
		group = pidsCgroup(t, "max")
		t.Setenv("REAPER_TEST_CGROUP", group)
	}
	if !inside(t, asSubreaper) {
		return
	}
	group = os.Getenv("REAPER_TEST_CGROUP")
	l := newLedger(t)
	f, err := os.OpenFile(filepath.Join(group, "cgroup.procs"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	out, _ := l.run(t, &Command{Argv: []string{"/bin/cat", "/proc/self/cgroup"}, Cgroups: []int{int(f.Fd())}})
	if !strings.Contains(out, filepath.Base(group)) {
		t.Errorf("the child is in\n%s", out)
	}
	_, err = l.Start(&Command{Argv: []string{"/bin/true"}, Cgroups: []int{999}})
	if e := wantStep(t, err, "enter cgroup"); e != unix.EBADF {
		t.Errorf("with a bad descriptor: %v", e)
	}
}

func wantStep(t *testing.T, err error, step string) unix.Errno {
	t.Helper()
	var failed *StartError
	if !errors.As(err, &failed) || failed.Step != step {
		t.Fatalf("error %v, want one of step %q", err, step)
	}
	return failed.Errno
}

// Descriptors arrive where they are asked for, also when they stand in each other's way, and no others do.
func TestFiles(t *testing.T) {
	needsNativeFork(t)
	if os.Getenv(insideVariable) == "" {
		compile(t, "files")
	}
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	dir := t.TempDir()
	open := func(name string) int {
		fd, err := unix.Open(filepath.Join(dir, name), unix.O_CREAT|unix.O_RDWR, 0o600) // inherited unless closed
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	a, b := open("a"), open("b")
	list := []string{filepath.Join(os.TempDir(), "files")}
	for _, c := range []struct {
		name  string
		files []int
		want  string
	}{
		{"swapped", []int{b, a, -1, a, b}, "0 b\n1 a\n3 a\n4 b\n"},
		{"one for all", []int{a, a, -1}, "0 a\n1 a\n"},
		{"a hole", []int{-1, -1, -1, -1, -1, -1, a}, "6 a\n"},
		{"low numbers crossed", []int{1, 0, -1, 2, a}, "0 null\n1 null\n3 null\n4 a\n"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		null, err := unix.Open("/dev/null", unix.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		saved := [3]int{}
		for fd := range 3 { // "low numbers crossed" uses ours
			saved[fd], _ = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 100)
			unix.Dup3(null, fd, 0)
		}
		c.files[2] = int(w.Fd())
		p, err := l.Start(&Command{Argv: list, Files: c.files})
		for fd := range 3 {
			unix.Dup3(saved[fd], fd, 0)
			unix.Close(saved[fd])
		}
		unix.Close(null)
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4096)
		n := 0
		for {
			m, err := r.Read(got[n:])
			if err != nil {
				break
			}
			n += m
		}
		<-p.Done()
		r.Close()
		if have := string(got[:n]); have != c.want {
			t.Errorf("%s: %q, want %q", c.name, have, c.want)
		}
	}

}

// What execvp(3) does: Argv[0] as given, the default path, the search, texts without #!.
func TestExecvp(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	write("1/tool", "#!/bin/sh\necho first\n", 0o644) // not executable: the search goes on
	write("2/tool", "echo no shebang $0 $*\n", 0o755)
	write("1/only", "#!/bin/sh\n", 0o644)
	bad := write("bad", "#!/nonexistent/interpreter\n", 0o755)
	path := "PATH=" + dir + "/none:" + dir + "/1:" + dir + "/2:/bin"
	for _, c := range []struct {
		argv []string
		env  []string
		want string
	}{
		{[]string{"tool", "x"}, []string{path}, "no shebang " + dir + "/2/tool x\n"},
		{[]string{"sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline | cut -d' ' -f1"}, []string{"PATH=/bin"}, "sh\n"},
		{[]string{"echo", "default path"}, nil, "default path\n"},
		{[]string{"echo", "the first PATH counts"}, []string{"PATH=/bin", "PATH=/none"}, "the first PATH counts\n"},
	} {
		if out, s := l.run(t, &Command{Argv: c.argv, Env: c.env}); out != c.want || s.Code() != 0 {
			t.Errorf("%q: %q, status %d", c.argv, out, s.Code())
		}
	}
	if out, _ := l.run(t, &Command{Argv: []string{"tool"}, Env: []string{"PATH=:/none"}, Dir: dir + "/2"}); out != "no shebang ./tool\n" {
		t.Errorf("empty part of PATH: %q", out)
	}
	for _, c := range []struct {
		argv0    string
		env      []string
		path     string
		errno    unix.Errno
		notFound bool
	}{
		{"", nil, "", unix.ENOENT, true},
		{"nonexistent", []string{path}, "nonexistent", unix.ENOENT, true},
		{"/nonexistent/x", nil, "/nonexistent/x", unix.ENOENT, true},
		{"/etc/passwd/x", nil, "/etc/passwd/x", unix.ENOTDIR, true},
		{"only", []string{path}, dir + "/1/only", unix.EACCES, false},
		{"/etc", nil, "/etc", unix.EACCES, false},
		{bad, nil, bad, unix.ENOENT, true},
		{"a\x00b", nil, "a\x00b", unix.EINVAL, false},
	} {
		_, err := l.Start(&Command{Argv: []string{c.argv0}, Env: c.env})
		var failed *StartError
		if !errors.As(err, &failed) || failed.Step != "exec" || failed.Path != c.path || failed.Errno != c.errno || failed.NotFound() != c.notFound {
			t.Errorf("%q: %+v", c.argv0, err)
		}
	}
	if _, err := l.Start(&Command{}); err == nil {
		t.Error("a command without words was started")
	}
}

// A step that fails is named, the program has not run, and nothing is left.
func TestFailedSteps(t *testing.T) {
	needsNativeFork(t)
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	mark := filepath.Join(t.TempDir(), "ran")
	touch := []string{"/bin/touch", mark}
	for _, c := range []struct {
		step    string
		command Command
	}{
		{"change to directory", Command{Argv: touch, Dir: "/nonexistent"}},
		{"set ulimit", Command{Argv: touch, Limits: []Limit{{unix.RLIMIT_NOFILE, 10, 9}}}},
		{"set oom_score_adj", Command{Argv: touch, OOMScoreAdj: ptr(5000)}},
		{"set ionice", Command{Argv: touch, IOPriority: ptr(5 << 13)}},
		{"set up descriptors", Command{Argv: touch, Files: []int{0, 1, 888}}},
		{"take the controlling terminal", Command{Argv: touch, Session: true, Terminal: &Terminal{FD: 888, Control: true}}},
		{"set ambient capabilities", Command{Argv: touch, Capabilities: &Capabilities{Bounding: ^uint64(0), Permitted: 1, Ambient: 2}}},
	} {
		_, err := l.Start(&c.command)
		wantStep(t, err, c.step)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the program was run all the same")
	}
	eventually(t, "the children of failed starts reaped", func() bool { return !l.Reap() })
	if l.Reaper.Orphans() != 0 {
		t.Errorf("%d of them were taken for orphans", l.Reaper.Orphans())
	}
}

// Values come through as sigqueue(3) sends them; the group gets what the group is sent.
func TestQueueAndGroup(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		compile(t, "siginfo")
	}
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Start(&Command{Argv: []string{filepath.Join(os.TempDir(), "siginfo")}, Files: []int{-1, int(w.Fd()), 2}, Group: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	line := func() string {
		var b [64]byte
		n, err := r.Read(b[:])
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b[:n]))
	}
	if got := line(); got != "ready" {
		t.Fatalf("%q", got)
	}
	if err := p.Queue(40, 0xabcdef0123); err != nil {
		t.Fatal(err)
	}
	if got, want := line(), "40 "+strconv.Itoa(0xabcdef0123); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := p.SignalGroup(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := line(); got != "10 0" {
		t.Errorf("%q", got)
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
}

// A program for another machine is not given to the shell as a text.
func TestForeignProgram(t *testing.T) {
	needsNativeFork(t)
	if !inside(t, asSubreaper) {
		return
	}
	l := newLedger(t)
	path := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(path, []byte("\x7fELF\x02\x01\x01\x00 for another machine"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := l.Start(&Command{Argv: []string{path}})
	if e := wantStep(t, err, "exec"); e != unix.ENOEXEC {
		t.Errorf("%v", err)
	}
}
