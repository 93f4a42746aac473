package health

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is for what has to come. It is never a measure of anything.
const patience = time.Minute

func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
}

// server starts a real program, which is killed at the end of the test. Its output is for the test that fails.
func server(t *testing.T, dir string, argv ...string) (c *exec.Cmd, lines chan string) {
	t.Helper()
	need(t, argv[0])
	c = exec.Command(argv[0], argv[1:]...)
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines = make(chan string, 1000)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case lines <- s.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-read
		c.Wait()
	})
	return c, lines
}

// matched waits for a line, and returns the first group.
func matched(t *testing.T, lines chan string, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var seen []string
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				t.Fatalf("it ended without a line like %s:\n%s", pattern, strings.Join(seen, "\n"))
			}
			if m := re.FindStringSubmatch(l); m != nil {
				return m[1]
			}
			seen = append(seen, l)
		case <-time.After(patience):
			t.Fatalf("no line like %s:\n%s", pattern, strings.Join(seen, "\n"))
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// verdicts are of a watch that is stopped with the test.
type verdicts chan Verdict

func (v verdicts) tell(x Verdict) { v <- x }

func (v verdicts) await(t *testing.T, k Kind) Verdict {
	t.Helper()
	for {
		select {
		case x := <-v:
			if x.Kind == k {
				return x
			}
			t.Logf("before it: %+v", x)
		case <-time.After(patience):
			t.Fatalf("no verdict %d", k)
		}
	}
}

func open(t *testing.T, p Plan) (*Watch, verdicts) {
	t.Helper()
	v := make(verdicts, 1000)
	p.Random = func() float64 { return 0 }
	if p.UID == 0 {
		p.UID = os.Getuid()
	}
	w, err := Open(p, v.tell)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w, v
}

func soon() Timing {
	return Timing{Period: 50 * time.Millisecond, Timeout: 10 * time.Second, FailureThreshold: 2}
}

func probe[T any](t *testing.T) func(p T, err error) T {
	return func(p T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// ready opens a watch with this readiness, and waits for it.
func ready(t *testing.T, probe any) (*Watch, verdicts) {
	t.Helper()
	w, v := open(t, Plan{Readiness: &Readiness{Probe: probe, Timing: soon()}})
	w.Started()
	v.await(t, Ready)
	return w, v
}

const nodeServer = `
const http = require('http')
let well = true
const s = http.createServer((q, r) => {
  if (q.url === '/break') well = false
  if (q.url === '/mend') well = true
  if (q.url === '/moved') { r.writeHead(302, {location: '/'}); return r.end() }
  if (q.url === '/hang') return
  r.writeHead(well ? 200 : 503)
  r.end(well ? 'ok' : 'the database is away\x1b[2J')
})
s.listen(0, process.argv[1] || '127.0.0.1', () => console.log('port', s.address().port))
process.on('SIGTERM', () => { s.close(); s.closeAllConnections() })
`

func node(t *testing.T, host string) (c *exec.Cmd, url string) {
	c, lines := server(t, t.TempDir(), "node", "-e", nodeServer, host)
	return c, "http://127.0.0.1:" + matched(t, lines, `^port (\d+)$`)
}

func TestNode(t *testing.T) {
	c, url := node(t, "127.0.0.1")
	w, v := ready(t, probe[*HTTP](t)(NewHTTP(url+"/healthz")))
	ask := func(path string, limit time.Duration) *Failure {
		return probe[*HTTP](t)(NewHTTP(url+path)).check(context.Background(), time.Now().Add(limit))
	}
	if f := ask("/moved", patience); f != nil {
		t.Errorf("302: %s", f.Why)
	}
	if got, want := why(ask("/hang", 100*time.Millisecond)), "GET "+url+"/hang: no answer within 100ms"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	ask("/break", patience)
	x := v.await(t, Unready)
	if want := "GET " + url + "/healthz: status 503"; x.Why != want || x.Output != "the database is away[2J" {
		t.Errorf("%q %q, want %q", x.Why, x.Output, want)
	}
	ask("/mend", patience)
	v.await(t, Ready)
	c.Process.Signal(syscall.SIGTERM)
	if x := v.await(t, Unready); x.Why != "GET "+url+"/healthz: connection refused" && !strings.Contains(x.Why, "hung up") {
		t.Errorf("after its end: %q", x.Why)
	}
	w.Stop()
}

// TestStuckNode: it accepts, for that the kernel does, and answers nothing.
func TestStuckNode(t *testing.T) {
	c, url := node(t, "127.0.0.1")
	timing := soon()
	timing.Timeout = 200 * time.Millisecond
	w, v := open(t, Plan{Liveness: &Liveness{Probe: probe[*HTTP](t)(NewHTTP(url)), Timing: timing}})
	w.Started()
	w.Ready()
	c.Process.Signal(syscall.SIGSTOP)
	if x := v.await(t, Unhealthy); x.Why != "GET "+url+": no answer within 200ms" {
		t.Errorf("%q", x.Why)
	}
}

func TestLocalhostIsTwoAddresses(t *testing.T) {
	_, url := node(t, "::1")
	ready(t, probe[*HTTP](t)(NewHTTP(strings.Replace(url, "127.0.0.1", "localhost", 1))))
	ready(t, probe[*TCP](t)(NewTCP(strings.TrimPrefix(url, "http://127.0.0.1"))))
}

func TestPython(t *testing.T) {
	_, lines := server(t, t.TempDir(), "python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1")
	url := "http://127.0.0.1:" + matched(t, lines, `port (\d+) `)
	ready(t, probe[*HTTP](t)(NewHTTP(url+"/")))
	f := probe[*HTTP](t)(NewHTTP(url+"/none")).check(context.Background(), time.Now().Add(patience))
	if f == nil || f.Why != "GET "+url+"/none: status 404" || !strings.Contains(f.Output, "File not found") {
		t.Errorf("%+v", f)
	}
	// It tells of a probe that hangs up too early with a trace.
	select {
	case l := <-lines:
		if !strings.Contains(l, `"GET / HTTP/1.1" 200`) && !strings.Contains(l, "404") {
			t.Errorf("it complained: %s", l)
		}
	case <-time.After(patience):
		t.Error("it has logged nothing")
	}
}

func TestNginx(t *testing.T) {
	dir, port := t.TempDir(), freePort(t)
	config := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error info;\nevents {}\nhttp { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;\nserver { listen 127.0.0.1:%[2]d; location / { return 204; } location /down { return 502; } } }\n", dir, port)
	if err := os.WriteFile(filepath.Join(dir, "c"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	c, _ := server(t, dir, "nginx", "-p", dir, "-c", filepath.Join(dir, "c"), "-e", "stderr")
	url := "http://127.0.0.1:" + strconv.Itoa(port)
	ready(t, probe[*HTTP](t)(NewHTTP(url+"/")))
	ready(t, NewListening(port, func() []int { return []int{c.Process.Pid} }))
	if f := probe[*HTTP](t)(NewHTTP(url+"/down")).check(context.Background(), time.Now().Add(patience)); f == nil || f.Why != "GET "+url+"/down: status 502" {
		t.Errorf("%+v", f)
	}
}

func TestRedis(t *testing.T) {
	port := freePort(t)
	c, _ := server(t, t.TempDir(), "redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--save", "")
	_, v := ready(t, probe[*TCP](t)(NewTCP(":"+strconv.Itoa(port))))
	ready(t, NewExec([]string{"redis-cli", "-p", strconv.Itoa(port), "ping"}, runProgram))
	f := probe[*HTTP](t)(NewHTTP(fmt.Sprintf("http://127.0.0.1:%d/", port))).check(context.Background(), time.Now().Add(patience))
	if f == nil || !strings.HasSuffix(f.Why, ": the answer is not HTTP") && !strings.HasSuffix(f.Why, ": it hung up without an answer") && !strings.HasSuffix(f.Why, ": connection reset by peer") {
		t.Errorf("asked for a page: %+v", f)
	}
	c.Process.Kill()
	if x := v.await(t, Unready); x.Why != fmt.Sprintf("connect to :%d: connection refused", port) {
		t.Errorf("%q", x.Why)
	}
}

func TestListening(t *testing.T) {
	c, url := node(t, "127.0.0.1")
	port, _ := strconv.Atoi(url[strings.LastIndexByte(url, ':')+1:])
	look := func(port, pid int) string {
		return why(NewListening(port, func() []int { return []int{pid} }).check(context.Background(), time.Time{}))
	}
	if got := look(port, c.Process.Pid); got != "" {
		t.Errorf("%q, and it listens", got)
	}
	if got, want := look(port, os.Getpid()), fmt.Sprintf("port %d belongs to another process", port); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	free := freePort(t)
	if got, want := look(free, c.Process.Pid), fmt.Sprintf("nobody listens on port %d", free); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := look(port, 1<<22), fmt.Sprintf("nobody listens on port %d", port); got != want {
		t.Errorf("of nobody: %q, want %q", got, want)
	}
	if got, want := why(NewListening(port, func() []int { return nil }).check(context.Background(), time.Time{})), "its processes cannot be seen"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	_, url = node(t, "::")
	port, _ = strconv.Atoi(url[strings.LastIndexByte(url, ':')+1:])
	if got, want := look(port, os.Getpid()), fmt.Sprintf("port %d belongs to another process", port); got != want {
		t.Errorf("IPv6: %q, want %q", got, want)
	}
}

// withoutPtrace has a test run once more, as root without CAP_SYS_PTRACE, and is true in that run alone.
func withoutPtrace(t *testing.T) bool {
	t.Helper()
	const again = "GOINIT_TEST_WITHOUT_PTRACE"
	if os.Getenv(again) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can have another's program")
	}
	need(t, "setpriv")
	c := exec.Command("setpriv", "--bounding-set=-sys_ptrace", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), again+"=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// TestListeningOfAnotherUser: without CAP_SYS_PTRACE, as in a container of Docker's, root sees it all the same.
func TestListeningOfAnotherUser(t *testing.T) {
	if !withoutPtrace(t) {
		return
	}
	c := exec.Command(python(t), "-u", "-m", "http.server", "0", "--bind", "127.0.0.1")
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 1235}}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { c.Process.Kill(); c.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(regexp.MustCompile(`port (\d+)`).FindStringSubmatch(line)[1])
	if _, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", c.Process.Pid)); err == nil {
		t.Fatal("its descriptors can be seen: there is nothing to test")
	}
	if f := NewListening(port, func() []int { return []int{c.Process.Pid} }).check(context.Background(), time.Time{}); f != nil {
		t.Error(f.Why)
	}
}

// runProgram is a Run: a program in a group of its own, which is killed as a whole.
func runProgram(argv []string, output int, gone func(Exit)) (kill func(), err error) {
	out := os.NewFile(uintptr(dup(output)), "output")
	defer out.Close()
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.Wait()
		s := c.ProcessState.Sys().(syscall.WaitStatus)
		e := Exit{}
		if s.Signaled() {
			e.Signal = s.Signal()
		} else {
			e.Code = s.ExitStatus()
		}
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		gone(e)
	}()
	var once sync.Once
	return func() { once.Do(func() { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }) }, nil
}

func dup(fd int) int {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	return n
}

func TestExec(t *testing.T) {
	for _, c := range []struct{ script, want, output string }{
		{"exit 0", "", ""},
		{"echo no; echo why >&2; exit 3", "probe sh: exit status 3", "no\nwhy"},
		{"kill -KILL $$", "probe sh: killed by SIGKILL", ""},
		{"head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1", "probe sh: exit status 1", "the end"},
		{"sleep 1000 & exit 0", "", ""},
	} {
		p := NewExec([]string{"sh", "-c", c.script}, runProgram)
		f := p.check(context.Background(), time.Now().Add(patience))
		if why(f) != c.want || f != nil && (!strings.HasSuffix(f.Output, c.output) || len(f.Output) > maxOutput) {
			t.Errorf("%s: %+v, want %q with %q", c.script, f, c.want, c.output)
		}
	}
	p := NewExec([]string{"/no/such/program"}, runProgram)
	if f := p.check(context.Background(), time.Now().Add(patience)); f == nil || !strings.HasPrefix(f.Why, "probe /no/such/program: ") {
		t.Errorf("%+v", f)
	}
}

// TestWithoutDescriptors: it is not the server's fault.
func TestWithoutDescriptors(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	h := probe[*HTTP](t)(NewHTTP("http://127.0.0.1:1/"))
	a := probe[*TCP](t)(NewTCP(":1"))
	e := NewExec([]string{"true"}, runProgram)
	none := before
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	var failures []*Failure
	for _, p := range []check{h, a, e} {
		failures = append(failures, p.check(context.Background(), time.Now().Add(patience)))
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		if f == nil || !f.ours || !strings.HasSuffix(f.Why, ": too many open files") {
			t.Errorf("%+v", f)
		}
	}
	if f := a.check(context.Background(), time.Now().Add(patience)); f == nil || f.ours {
		t.Errorf("with descriptors: %+v", f)
	}
}

// TestHangingExec is killed, with what it has started; the next one begins when it is gone.
func TestHangingExec(t *testing.T) {
	dir := t.TempDir()
	p := NewExec([]string{"sh", "-c", "echo I wait; (echo $$ >>" + dir + "/pids; sleep 1000) & wait"}, runProgram)
	for range 2 {
		f := p.check(context.Background(), time.Now().Add(300*time.Millisecond))
		if f == nil || f.Why != "probe sh: not done within 300ms, and killed" {
			t.Fatalf("%+v", f)
		}
	}
	select {
	case e := <-p.left:
		if e.Signal != syscall.SIGKILL {
			t.Errorf("it ended with %v", e)
		}
	case <-time.After(patience):
		t.Fatal("it was not killed")
	}
}

// TestUnkillableExec: the one before does not end, so there is no other.
func TestUnkillableExec(t *testing.T) {
	started := 0
	p := NewExec([]string{"x"}, func([]string, int, func(Exit)) (func(), error) {
		started++
		return func() {}, nil
	})
	first := why(p.check(context.Background(), time.Now().Add(time.Millisecond)))
	second := why(p.check(context.Background(), time.Now().Add(time.Millisecond)))
	if first != "probe x: not done within 1ms, and killed" || second != "probe x: the one before has been killed and does not end" || started != 1 {
		t.Errorf("%q, %q, %d started", first, second, started)
	}
}
