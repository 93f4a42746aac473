package pid1_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"goinit/integration/bed"

	"golang.org/x/sys/unix"
)

// The tests in this package's _test files run the executables as they are shipped. goinit is built as the release is;
// plain is an ordinary go build, without the entry stub.
var goinit, plain string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "goinit-test")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		goinit, plain = filepath.Join(dir, "goinit"), filepath.Join(dir, "plain")
		build := exec.Command("../build.sh", dir)
		build.Env = append(os.Environ(), "COMMIT=0123456789ab", "VERSION=1.2.3")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
		build = exec.Command("go", "build", "-trimpath", "-o", plain, "..")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // with -trimpath: the library need not be compiled once more
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

// process is an init that runs.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// asPID1 starts argv as PID 1 of a PID namespace, or skips. It has been executed when this returns.
// Its stdout goes to the file, if there is one.
func asPID1(t *testing.T, stdout *os.File, argv ...string) *process {
	t.Helper()
	p := command(argv...)
	if stdout != nil {
		p.Stdout = stdout
	}
	p.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	if os.Getuid() != 0 {
		t.Skip("needs root: a PID namespace")
	}
	if err := p.Start(); err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

func command(argv ...string) *process {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	p := &process{Cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.Cancel = func() error { defer cancel(); return p.Process.Kill() }
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return p
}

// code waits for the end and returns the exit status, -1 for a death by signal.
func (p *process) code(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

func run(t *testing.T, argv ...string) (stdout, stderr string, code int) {
	t.Helper()
	p := command(argv...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	code = p.code(t)
	return p.stdout.String(), p.stderr.String(), code
}

// A signal sent at any moment from the first instruction of goinit on ends the child, as it would have without goinit:
// none is lost before the runtime is up, while the child is being made, or after.
func TestNoSignalIsLostAtStart(t *testing.T) {
	signals := []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGABRT, unix.SIGPROF, 34, 50, 64}
	const rounds = 400
	for i := range rounds {
		sig := signals[i%len(signals)]
		wait := time.Duration(i/len(signals)) * 75 * time.Microsecond // 0 to 3 ms: past the child's exec
		p := asPID1(t, nil, goinit, "--", "/bin/sleep", "30")
		awaitStub(t, p.Process.Pid)
		for until := time.Now().Add(wait); time.Now().Before(until); { // a timer is too coarse
		}
		if err := p.Process.Signal(sig); err != nil {
			t.Fatalf("%v after %v: %v", sig, wait, err)
		}
		if code := p.code(t); code != 128+int(sig) {
			t.Fatalf("%v, %v after the exec: status %d, stderr %q", sig, wait, code, &p.stderr)
		}
	}
}

// awaitStub waits until goinit has run its first instructions, which block all signals: before that, a signal is the
// kernel's to drop (for PID 1) or to kill with.
func awaitStub(t *testing.T, pid int) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		// While it waits for a signal, the mask that is shown is that of the wait; by then the runtime has its handlers.
		if statusMask(t, pid, "SigBlk")>>(unix.SIGTERM-1)&1 != 0 || statusMask(t, pid, "SigCgt")>>(unix.SIGSEGV-1)&1 != 0 {
			return
		}
	}
	t.Fatal("goinit did not block its signals")
}

// statusMask reads one of the masks in /proc/PID/status.
func statusMask(t *testing.T, pid int, field string) uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), field+":\t")
	hex, _, _ := strings.Cut(rest, "\n")
	mask, _ := strconv.ParseUint(hex, 16, 64)
	return mask
}

// Of real-time signals each one arrives, in the order of their sending, with its value.
func TestQueuedSignals(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed")
	}
	witness := filepath.Join(t.TempDir(), "siginfo")
	if out, err := exec.Command(cc, "-w", "-o", witness, "../reaper/testdata/siginfo.c").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := asPID1(t, w, goinit, "--", witness)
	w.Close()
	lines := lineReader(r)
	if l := lines(t); l != "ready" {
		t.Fatalf("%q", l)
	}
	for _, sig := range [...]int{40, 33} { // 33 is one of the C library's own, and was once of the Go runtime's
		for i := range 500 {
			info := [128 / 8]uint64{0: uint64(sig), 1: uint64(0xffffffff), 2: uint64(os.Getpid()), 3: uint64(i)} // signo; code -1
			_, _, e := unix.RawSyscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(p.Process.Pid), uintptr(sig), uintptr(addressOf(&info)))
			if e != 0 {
				t.Fatal(e)
			}
		}
		for i := range 500 {
			if got, want := lines(t), strconv.Itoa(sig)+" "+strconv.Itoa(i); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
}

// A storm of one signal keeps no other waiting, though the kernel hands out the lowest number first.
func TestStormStarvesNobody(t *testing.T) {
	p := command(goinit, "--", "/bin/sh", "-c", "trap '' USR1; echo ready; exec sleep 30")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lineReader(r)(t)
	ended := make(chan int, 1)
	go func() { ended <- p.code(t) }()
	sent := false
	for start := time.Now(); ; {
		select {
		case code := <-ended:
			if code != 143 {
				t.Errorf("status %d", code)
			}
			return
		default:
			unix.Kill(p.Process.Pid, unix.SIGUSR1)
			if !sent && time.Since(start) > 50*time.Millisecond {
				unix.Kill(p.Process.Pid, unix.SIGTERM)
				sent = true
			}
			if time.Since(start) > 10*time.Second {
				p.Process.Kill()
				t.Fatal("SIGTERM starves")
			}
		}
	}
}

// What the user sets for the program is not goinit's: no collector's trace, no crash, no thread of it.
func TestRuntimeSettingsAreTheChilds(t *testing.T) {
	p := command(goinit, "--", "/bin/sh", "-c", "echo $GODEBUG $GOGC $GOMAXPROCS $GOMEMLIMIT $GOTRACEBACK; cat /proc/$PPID/environ | tr '\\0' ' '")
	p.Env = []string{"GODEBUG=gctrace=1,inittrace=1,schedtrace=1", "GOGC=1", "GOMAXPROCS=7", "GOMEMLIMIT=1", "GOTRACEBACK=crash", "PATH=/bin", "A=1"}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	code := p.code(t)
	want := "gctrace=1,inittrace=1,schedtrace=1 1 7 1 crash\n" + strings.Join(p.Env, " ") + " "
	if code != 0 || p.stdout.String() != want || p.stderr.Len() > 0 {
		t.Errorf("status %d, stdout %q, stderr %q; want %q", code, &p.stdout, &p.stderr, want)
	}
}

// goinit's settings end with goinit, so that an init in the child starts from its own.
func TestOwnSettingsAreNotHandedOn(t *testing.T) {
	p := command(goinit, "/usr/bin/env")
	p.Env = []string{"A=1", "GOINIT_WARN_REAPED=1", "GOINIT_STOP_GRACE=1s", "TINI_SUBREAPER=1", "GOINIT_X=1"}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if code := p.code(t); code != 0 || p.stdout.String() != "A=1\nTINI_SUBREAPER=1\nGOINIT_X=1\n" {
		t.Errorf("status %d: %q", code, &p.stdout)
	}
}

// Descriptors that were closed stay closed; started with SIGCHLD ignored it still sees the end.
func TestInheritedOddities(t *testing.T) {
	out, _, _ := run(t, "/bin/sh", "-c", "exec "+goinit+" -- /bin/sh -c 'test -e /proc/$$/fd/0 || echo 0 closed; test -e /proc/$$/fd/2 || echo 2 closed' <&- 2>&-")
	if out != "0 closed\n2 closed\n" {
		t.Errorf("%q", out)
	}
	_, _, code := run(t, "python3", "-c", "import os,signal,sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])", goinit, "/bin/sh", "-c", "exit 9")
	if code != 9 {
		t.Errorf("with SIGCHLD ignored: status %d", code)
	}
	out, _, _ = run(t, "python3", "-c", "import os,signal,sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])", goinit, "/bin/grep", "SigIgn", "/proc/self/status")
	if !strings.HasSuffix(out, "1\n") { // bit 0 is SIGHUP: nohup goinit …; python ignores SIGPIPE besides
		t.Errorf("an ignored SIGHUP (nohup) did not come through: %q", out)
	}
	ignore32 := fmt.Sprintf("import ctypes,os,signal,sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL); signal.signal(signal.SIGXFSZ, signal.SIG_DFL); "+
		"assert ctypes.CDLL(None).syscall(%d, 32, ctypes.byref((ctypes.c_long*4)(1)), None, 8) == 0; os.execv(sys.argv[1], sys.argv[1:])", unix.SYS_RT_SIGACTION)
	for _, program := range [][]string{{goinit, "/bin/grep", "SigIgn", "/proc/self/status"}, {"/bin/grep", "SigIgn", "/proc/self/status"}} {
		out, _, code = run(t, append([]string{"python3", "-c", ignore32}, program...)...)
		if want := map[bool]string{true: "0000000000000000", false: "0000000080000000"}[len(program) == 4]; code != 0 || !strings.HasSuffix(out, want+"\n") {
			t.Errorf("%q with 32 ignored: status %d, %q, wanted %s", program, code, out, want)
		}
	}
}

// static compiles a C program that needs no descriptor to start.
func static(t *testing.T, program string) string {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed")
	}
	path := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command(cc, "-static", "-w", "-x", "c", "-o", path, "-")
	cmd.Stdin = strings.NewReader(program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	return path
}

// No descriptor is to be had: goinit needs none.
func TestNoDescriptors(t *testing.T) {
	five := static(t, "int main() { return 5; }")
	for _, closed := range []string{"0", "2", "3"} { // how many of the standard ones
		if _, stderr, code := run(t, "python3", "-c", "import os,resource,sys; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); "+
			"os.closerange(0, int(sys.argv[1])); os.closerange(3, 100); os.execv(sys.argv[2], sys.argv[2:])", closed, goinit, five); code != 5 {
			t.Errorf("%s closed: status %d, stderr %q", closed, code, stderr)
		}
	}
}

// An image may have no /dev at all, and its standard descriptors may be closed.
func TestNoDevNull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: chroot")
	}
	root := t.TempDir()
	for from, to := range map[string]string{goinit: "/goinit", static(t, "int main() { return 5; }"): "/five"} {
		if out, err := exec.Command("cp", from, root+to).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	for _, redirected := range []string{"", "<&-", "<&- >&- 2>&-"} {
		if _, stderr, code := run(t, "/bin/sh", "-c", "exec chroot "+root+" /goinit -- /five "+redirected); code != 5 {
			t.Errorf("%q: status %d, stderr %q", redirected, code, stderr)
		}
	}
}

// barren is a root directory with goinit, a goinit.yaml and a program that ends with 5 if its standard input is at an end. There is
// no /dev.
func barren(t *testing.T) (root string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: chroot")
	}
	root = t.TempDir()
	reads := static(t, "#include <unistd.h>\nint main(int n, char **v) { char c; return read(0, &c, 1) ? 1 : n > 1 ? 0 : 5; }")
	if err := os.Mkdir(root+"/sbin", 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{goinit: "/sbin/goinit", filepath.Join(filepath.Dir(goinit), "goinitctl"): "/sbin/goinitctl", reads: "/reads"} {
		if out, err := exec.Command("cp", from, root+to).CombinedOutput(); err != nil {
			t.Fatalf("%s", out)
		}
	}
	if err := os.WriteFile(root+"/goinit.yaml", []byte("apps:\n  a: {command: /reads, restart: \"no\", hooks: {before_start: [/reads, hook]}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// Run mode too: the child that compiles, hooks and workers have an end to read on descriptor 0, and why is told.
func TestRunNoDevNull(t *testing.T) {
	root := barren(t)
	if err := os.Mkdir(root+"/proc", 0o755); err != nil {
		t.Fatal(err)
	}
	p := command("unshare", "-m", "/bin/sh", "-c", "mount -t proc proc "+root+"/proc && exec chroot "+root+" /sbin/goinit run -C /")
	p.Env = append(os.Environ(), "GOINIT_SOCKET_DIRECTORY=/sockets", "GOINIT_LOG_DIRECTORY=memory")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	code, said := p.code(t), p.stderr.String()
	if code != 5 || strings.Count(said, "cannot open /dev/null: no such file or directory") != 1 {
		t.Errorf("status %d, stderr:\n%s", code, said)
	}
}

// Without /proc nobody sees what a worker has left: that is no reason to wait for its end.
func TestRunNoProc(t *testing.T) {
	p := command("chroot", barren(t), "/sbin/goinit", "run", "-C", "/")
	p.Env = append(os.Environ(), "GOINIT_SOCKET_DIRECTORY=/sockets", "GOINIT_LOG_DIRECTORY=memory")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if code := p.code(t); code != 5 {
		t.Errorf("status %d, stderr:\n%s", code, p.stderr.String())
	}
}

// A stack may be too short for a second copy of a long environment.
func TestShortStack(t *testing.T) {
	for _, n := range []int{10, 1000, 1100, 7000} {
		p := command("/bin/sh", "-c", "ulimit -s 128; exec "+goinit+" -- /bin/sh -c 'echo $GOGC $V"+strconv.Itoa(n-1)+"'")
		p.Env = []string{"GOGC=7"}
		for i := range n {
			p.Env = append(p.Env, "V"+strconv.Itoa(i)+"=v")
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if code := p.code(t); code != 0 || p.stdout.String() != "7 v\n" {
			t.Errorf("%d variables: status %d, %q, stderr %q", n, code, &p.stdout, &p.stderr)
		}
	}
}

// What was there before goinit is not what its command left behind: a shell's process substitution lives on.
func TestInheritedChildrenLiveOn(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	_, stderr, code := run(t, "bash", "-c", "exec > >(sleep 0.1; cat >"+log+".new; mv "+log+".new "+log+"); exec "+goinit+" -- sh -c 'echo important; exit 6'")
	if code != 6 {
		t.Fatalf("status %d, stderr %q", code, stderr)
	}
	for until := time.Now().Add(20 * time.Second); ; {
		if b, _ := os.ReadFile(log); string(b) == "important\n" {
			return
		}
		if time.Now().After(until) {
			t.Fatal("the shell's own child was killed: its log did not come")
		}
	}
}

// A command that leaves the group that it was given is still told, by -g too.
func TestGroupModeWithoutTheGroup(t *testing.T) {
	p := command(goinit, "-g", "--", "python3", "-c", "import os,select,signal,sys; signal.signal(signal.SIGTERM, lambda *a: os._exit(9)); r, w = os.pipe2(os.O_NONBLOCK); signal.set_wakeup_fd(w); "+
		"os.setpgid(0, os.getpgid(os.getppid())); print('ready', flush=True); select.select([r], [], [])") // not pause: what comes just ahead of that would be handled after it
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if l := lineReader(r)(t); l != "ready" {
		t.Fatal(l)
	}
	p.Process.Signal(unix.SIGTERM)
	if code := p.code(t); code != 9 {
		t.Errorf("status %d, stderr %q", code, &p.stderr)
	}
}

// An answer that cannot be written is no success.
func TestAnswerToAFullDisk(t *testing.T) {
	if _, stderr, code := run(t, "/bin/sh", "-c", goinit+" --version >/dev/full"); code != 1 || !strings.Contains(stderr, "no space left") {
		t.Errorf("status %d, stderr %q", code, stderr)
	}
}

// Sockets that were passed to goinit are the program's: it finds its own pid in LISTEN_PID.
func TestListenPID(t *testing.T) {
	for _, c := range []struct{ pid, want string }{
		{"$$", "mine\n"}, // goinit is executed by this shell: its pid
		{"12345678", "12345678\n"},
	} {
		out, _, _ := run(t, "/bin/sh", "-c", "LISTEN_FDS=1 LISTEN_PID="+c.pid+" exec "+goinit+
			" -- sh -c '[ $LISTEN_PID = $$ ] && echo mine || echo $LISTEN_PID'")
		if out != c.want {
			t.Errorf("LISTEN_PID=%s: %q", c.pid, out)
		}
	}
}

// Leftovers of a subreaper get their TERM and their time, in sessions of their own too; what does not go is killed.
func TestLeftoversOfASubreaper(t *testing.T) {
	dir := t.TempDir()
	left := fmt.Sprintf(`
		setsid sh -c 'trap "echo cleaned >%[1]s/a; exit" TERM; echo $$ >%[1]s/pid.a; while :; do sleep 0.01; done' &
		setsid sh -c 'trap "" TERM; echo $$ >%[1]s/pid.b; while :; do sleep 0.01; done' &
		until [ -s %[1]s/pid.a ] && [ -s %[1]s/pid.b ]; do sleep 0.01; done; exit 3`, dir)
	if _, stderr, code := run(t, goinit, "--stop-grace", "1s", "--", "/bin/sh", "-c", left); code != 3 {
		t.Fatalf("status %d, stderr %q", code, stderr)
	}
	if b, _ := os.ReadFile(dir + "/a"); string(b) != "cleaned\n" {
		t.Errorf("the one that handles TERM had no time: %q", b)
	}
	for _, name := range []string{"a", "b"} {
		b, err := os.ReadFile(dir + "/pid." + name)
		if err != nil {
			t.Fatal(err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		if unix.Kill(pid, 0) == nil {
			t.Errorf("%s is still there", name)
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// --hold delays a signal by its time, a second one of its kind hurries it.
func TestHold(t *testing.T) {
	p := command(goinit, "--hold", "TERM:300ms", "--", "/bin/sleep", "30")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	awaitStub(t, p.Process.Pid)
	start := time.Now()
	p.Process.Signal(unix.SIGTERM)
	for statusMask(t, p.Process.Pid, "ShdPnd")>>(unix.SIGTERM-1)&1 != 0 { // the kernel would merge the two
	}
	p.Process.Signal(unix.SIGTERM) // as timeout(1) does
	if code := p.code(t); code != 143 || time.Since(start) < 300*time.Millisecond {
		t.Errorf("status %d after %v", code, time.Since(start))
	}
	p = command(goinit, "--hold", "TERM:1h", "--", "/bin/sleep", "30")
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	awaitStub(t, p.Process.Pid)
	bed.Wait(t, "the end by a second TERM", func() (bool, string) { // those that come at once are the first again
		p.Process.Signal(unix.SIGTERM)
		stat, _ := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/stat")
		return strings.Contains(string(stat), ") Z "), string(stat)
	})
	if code := p.code(t); code != 143 {
		t.Errorf("a second TERM: status %d", code)
	}
}

// The reader of stderr does not read: goinit does not wait for it.
func TestBlockedStderr(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd := int(w.Fd()) // makes it blocking
	unix.SetNonblock(fd, true)
	for { // fill it
		if _, err := unix.Write(fd, make([]byte, 4096)); err != nil {
			break
		}
	}
	unix.SetNonblock(fd, false)
	p := command(goinit, "-vv", "-w", "--", "/bin/sh", "-c", "exit 4")
	p.Stderr = w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if code := p.code(t); code != 4 {
		t.Errorf("status %d", code)
	}
}
