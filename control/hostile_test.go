package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goinit/control"
	"goinit/control/controltest"
)

// answers is what every test here ends with: another client is served as if nothing were the matter.
func answers(t *testing.T, path string) {
	t.Helper()
	var r control.PsReply
	if err := dial(t, path).Call(within(t), "Ps", nil, &r); err != nil || len(r.Workers) != 4 {
		t.Fatalf("ps of another client: %d workers, %v", len(r.Workers), err)
	}
}

// hostile makes one byte string of the kinds that hurt parsers: noise, torn and doubled requests, wrong types, depth.
func hostile(r *rand.Rand) []byte {
	valid := []string{
		`{"method":"io.goinit.Ps","parameters":{}}`, `{"method":"io.goinit.Describe","parameters":{"targets":["web"]}}`,
		`{"method":"io.goinit.Signal","parameters":{"targets":["all"],"signal":"TERM"}}`, `{"method":"io.goinit.Logs","more":true}`,
		`{"method":"io.goinit.Apply","parameters":{"spec":{"apps":[]}}}`, `{"method":"io.goinit.Exec","parameters":{"target":"web","args":["x"]}}`,
		`{"method":"io.goinit.Wait","parameters":{"targets":["web/0"],"timeout_seconds":0.001}}`,
	}
	b := []byte(valid[r.IntN(len(valid))])
	switch r.IntN(8) {
	case 0:
		b = make([]byte, r.IntN(2000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	case 1:
		b = b[:r.IntN(len(b))]
	case 2:
		for range 1 + r.IntN(5) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
	case 3:
		b = bytes.Repeat([]byte(`{"method":`), 1+r.IntN(3000))
	case 4:
		b = bytes.ReplaceAll(b, []byte(`"web"`), []byte(`"`+strings.Repeat("w", r.IntN(5000))+`"`))
	case 5:
		b = bytes.Repeat([]byte{0}, r.IntN(300))
	case 6:
		b = []byte(`{"method":"io.goinit.Ps","parameters":{"targets":[` + strings.Repeat(`"all",`, r.IntN(3000)) + `"web"]}}`)
	case 7:
		b = []byte(`{"method":"io.goinit.Wait","parameters":{"targets":["web"],"timeout_seconds":1e` + fmt.Sprint(r.IntN(400)) + `}}`)
	}
	return append(b, 0)
}

func TestHostileBytes(t *testing.T) {
	const strings, workers = 10000, 8
	f, srv, path := serve(t, control.DefaultLimits())
	f.Lock()
	f.Hook = func(context.Context, control.Command) (control.Result, error) { return control.Result{}, nil } // nothing is kept
	f.Commands = nil
	f.Unlock()
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for range strings / workers {
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(20 * time.Millisecond)) // some ask for what takes long
				_, _ = c.Write(hostile(r))
				if r.IntN(2) == 0 {
					_, _ = c.Read(make([]byte, 100))
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	answers(t, path)
	control.Eventually(t, func() bool { return srv.ClientCount() <= 1 })
	control.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 })
}

func TestTooLong(t *testing.T) {
	l := control.DefaultLimits()
	l.RequestTimeout = 500 * time.Millisecond
	_, srv, path := serve(t, l)
	big := strings.Repeat(" ", 200<<10)
	if got := control.Raw(t, path, `{"method":"io.goinit.Ps"`+big+"}\x00"); !strings.Contains(got, "longer than 65536 bytes") {
		t.Errorf("ps: %.200s", got)
	}
	if got := control.Raw(t, path, `{"method":"io.goinit.Apply","parameters":{`+big+"}}\x00"); !strings.HasPrefix(got, `{"parameters":{"changes":`) {
		t.Errorf("apply: %.200s", got)
	}
	if got := control.Raw(t, path, strings.Repeat(" ", 5<<20)); !strings.Contains(got, "longer than goinit takes") {
		t.Errorf("endless: %.200s", got)
	}
	// one at a time may be that long: the second has to wait until the first, which never ends, is given up
	first := control.RawConn(t, path)
	if _, err := first.Write([]byte(big)); err != nil {
		t.Fatal(err)
	}
	control.Eventually(t, func() bool { return queued(t, first) == 0 })
	answers(t, path)
	if srv.ClientCount() == 0 {
		t.Error("the first was given up too early")
	}
	if got := control.Raw(t, path, `{"method":"io.goinit.Apply","parameters":{`+big+"}}\x00"); !strings.HasPrefix(got, `{"parameters":{"changes":`) {
		t.Errorf("a second one: %.200s", got)
	}
	answers(t, path)
}

// queued is what of a socket's bytes its peer has not received.
func queued(t *testing.T, c *net.UnixConn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestHalfOpen(t *testing.T) {
	l := control.DefaultLimits()
	l.RequestTimeout = 50 * time.Millisecond
	_, srv, path := serve(t, l)
	for range 20 {
		control.RawConn(t, path).Write([]byte(`{"method":"io.goi`))
	}
	answers(t, path)
	control.Eventually(t, func() bool { return srv.ClientCount() <= 1 && srv.Dropped() == 20 })
}

func TestIdleClients(t *testing.T) {
	_, srv, path := serve(t, control.DefaultLimits())
	for range 500 {
		control.RawConn(t, path)
	}
	answers(t, path)
	l := control.DefaultLimits()
	control.Eventually(t, func() bool { return srv.ClientCount() <= l.Clients+l.Reserve })
	if srv.Dropped() < 500-uint64(l.Clients+l.Reserve) {
		t.Errorf("%d dropped", srv.Dropped())
	}
}

// Clients that ask and never read fill their sockets and no more; they are dropped for others and in the end anyway.
func TestNeverReads(t *testing.T) {
	l := control.DefaultLimits()
	l.AnswerTimeout, l.StreamTimeout = 300*time.Millisecond, 300*time.Millisecond
	srv, path := serveFor(t, &chatty{Fake: controltest.New()}, l, -1)
	questions := bytes.Repeat([]byte(`{"method":"io.goinit.Ps"}`+"\x00"), 100000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 40 {
		c := control.RawConn(t, path)
		if i%2 == 0 {
			c.Write([]byte(`{"method":"io.goinit.Logs","more":true}` + "\x00"))
		} else {
			go c.Write(questions)
		}
	}
	answers(t, path)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes for 40 clients", grown)
	}
	control.Eventually(t, func() bool { return srv.ClientCount() <= 1 && srv.Dropped() >= 20 })
}

// chatty has no end of log lines.
type chatty struct{ *controltest.Fake }

func (c *chatty) Logs(_ context.Context, _ control.LogsQuery, send func(control.LogLine) error) error {
	for {
		if err := send(controltest.Line("web", 0, "stdout", strings.Repeat("x", 1000))); err != nil {
			return err
		}
	}
}

// With the table of descriptors full, accept neither spins nor gives up. The table is a child's: this process's is shared.
func TestDescriptorsFull(t *testing.T) {
	if os.Getenv("CONTROL_TEST_FULL") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDescriptorsFull$", "-test.v")
		cmd.Env = append(os.Environ(), "CONTROL_TEST_FULL=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	_, _, path := serve(t, control.DefaultLimits())
	answers(t, path)
	first := control.RawConn(t, path) // connected, idle: what can be dropped
	control.Eventually(t, func() bool { return queued(t, first) == 0 })
	client, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var held []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		held = append(held, fd)
	}
	if err := unix.Connect(client, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	var used0, used1 syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used0)
	if _, err := unix.Write(client, []byte(`{"method":"io.goinit.Ps"}`+"\x00")); err != nil {
		t.Fatal(err)
	}
	n, err := unix.Read(client, make([]byte, 100)) // answered: the idle one had to go
	syscall.Getrusage(syscall.RUSAGE_SELF, &used1)
	if err != nil || n == 0 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if spent := time.Duration(used1.Utime.Nano() - used0.Utime.Nano() + used1.Stime.Nano() - used0.Stime.Nano()); spent > 500*time.Millisecond {
		t.Errorf("%v of CPU time", spent)
	}
	for _, fd := range held {
		unix.Close(fd)
	}
}

// Descriptors sent where none are wanted, or more than are wanted, are closed.
func TestUnwantedDescriptors(t *testing.T) {
	_, srv, path := serve(t, control.DefaultLimits())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []string{`{"method":"io.goinit.Ps"}` + "\x00", `{"method":"io`, "\x00\x00", `{"method":"io.goinit.Exec","parameters":{"target":"web","args":["true"]}}` + "\x00"} {
		for n := 1; n <= 30; n *= 5 {
			c := control.RawConn(t, path)
			fds := make([]int, n)
			for i := range fds {
				fds[i] = int(w.Fd())
			}
			if _, _, err := c.WriteMsgUnix([]byte(s), unix.UnixRights(fds...), nil); err != nil {
				t.Fatal(i, err)
			}
			c.Close()
		}
	}
	answers(t, path)
	control.Eventually(t, func() bool { return srv.ClientCount() <= 1 })
	w.Close()
	r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the pipe is open still: %d, %v", n, err)
	}
}

// Other users: refused, or with read_group only looking. The other user is a child of this test.
func TestOtherUsers(t *testing.T) {
	if path := os.Getenv("CONTROL_TEST_SOCKET"); path != "" {
		for _, m := range []string{`"Ps"`, `"Stop","parameters":{"targets":["db"]}`, `"Config","parameters":{"show_environment":true}`} {
			m = strings.Replace(m, `"`, `"io.goinit.`, 1)
			c, err := net.Dial("unix", path)
			if err != nil {
				fmt.Println("ANSWER", errors.Unwrap(errors.Unwrap(err)))
				continue
			}
			c.Write([]byte(`{"method":` + m + "}\x00"))
			buf := make([]byte, 40)
			n, _ := c.Read(buf)
			fmt.Println("ANSWER", string(buf[:n]))
			c.Close()
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	self, err := os.MkdirTemp("", "goinit")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(self)
	os.Chmod(self, 0o755)
	exe := filepath.Join(self, "test")
	b, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(exe, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	const group = 54321
	for _, tt := range []struct {
		name      string
		readGroup int
		mode      os.FileMode // what the socket is opened up to; 0: as it is made
		groups    []uint32
		want      string // of ps, stop and the environment
	}{
		{"stranger", -1, 0, nil, "permission denied|permission denied|permission denied"},
		{"stranger whom the mode lets in", -1, 0o666, nil, "NotAllowed|NotAllowed|NotAllowed"},
		{"member", group, 0, []uint32{1, 2, group}, "parameters|NotAllowed|NotAllowed"},
		{"no member", group, 0o666, []uint32{1, 2}, "NotAllowed|NotAllowed|NotAllowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := controltest.New()
			_, path := serveFor(t, f, control.DefaultLimits(), tt.readGroup)
			os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755)
			os.Chmod(filepath.Dir(path), 0o755)
			if tt.mode != 0 {
				os.Chmod(path, tt.mode)
			}
			cmd := exec.Command(exe, "-test.run=^TestOtherUsers$")
			cmd.Dir = "/"
			cmd.Env = append(os.Environ(), "CONTROL_TEST_SOCKET="+path)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54300, Gid: 54300, Groups: tt.groups}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var got []string
			for line := range strings.Lines(string(out)) {
				if a, ok := strings.CutPrefix(line, "ANSWER "); ok {
					got = append(got, a)
				}
			}
			want := strings.Split(tt.want, "|")
			if len(got) != len(want) {
				t.Fatalf("answers %q", got)
			}
			for i := range want {
				if !strings.Contains(got[i], want[i]) {
					t.Errorf("answer %d: %q, want %q", i, got[i], want[i])
				}
			}
			f.Lock()
			defer f.Unlock()
			if len(f.Commands) != 0 {
				t.Errorf("done all the same: %v", f.Commands)
			}
		})
	}
}
